"""Trials that failed for the same reason are one line."""

from bnbench.cli.format_faults import MAX_LINES, MAX_REASON, format_faults


def test_a_trial_is_named_with_the_first_line_of_its_reason() -> None:
    assert list(format_faults([("0a1b", "MemoryError: none left\nTraceback ...")])) == [
        "failed: 0a1b: MemoryError: none left"
    ]


def test_reasons_that_differ_in_numbers_alone_are_one_line() -> None:
    faults = [(f"trial{i}", f"worker pid {100 + i} was killed by SIGKILL") for i in range(20)]
    faults.insert(3, ("other", "OSError: no space left"))
    assert list(format_faults(faults)) == [
        "failed: trial0 and 19 more: worker pid 100 was killed by SIGKILL",
        "failed: other: OSError: no space left",
    ]


def test_many_reasons_and_long_ones_are_cut() -> None:
    faults = [(f"trial{i}", letter * 2 * MAX_REASON) for i, letter in enumerate("abcdefghijklm")]
    lines = list(format_faults(faults))
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "failed: 3 more for other reasons; the report has all"
    assert max(map(len, lines)) <= MAX_REASON + 30
    assert list(format_faults([("trial", "")])) == ["failed: trial: "]
