from support.corpus import run_corpus


def test_every_broken_data_file_is_refused_by_name_or_harmless_and_nothing_is_written_outside() -> None:
    found, messages = run_corpus("broken_data", timeout=300)
    assert found["not refused as they should be"] == found["bytes written outside"] == 0, messages
    assert found["inputs"] >= 500
    assert found["peak memory, MB"] < 200
