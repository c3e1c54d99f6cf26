from support.corpus import run_corpus

# A sample of 23,000 mutations; `python -m support.broken_configs` takes all of them.
MUTATIONS = 160


def test_every_broken_config_is_refused_quickly_with_one_message_and_nothing_is_written() -> None:
    found, messages = run_corpus("broken_configs", str(MUTATIONS), timeout=300)
    assert found["not refused as they should be"] == found["bytes written outside"] == 0, messages
    assert found["inputs"] >= 300
    assert found["slowest, milliseconds"] < 1000, messages
    assert found["peak memory, MB"] < 200
