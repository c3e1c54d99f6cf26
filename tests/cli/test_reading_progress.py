from pathlib import Path

import pytest

from bnbench.cli import reading_progress
from bnbench.cli.reading_progress import ReadingProgress


class Clock:
    """A clock that a test sets."""

    seconds = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(reading_progress, "time", made)
    return made


def test_a_log_gets_a_line_now_and_then(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = ReadingProgress()
    for second in range(30):
        clock.seconds = 100 + second
        progress.show("checked", Path("x.csv"), 1000 * second, second / 100)
    progress.end()
    assert capsys.readouterr().err.splitlines() == [
        f"x.csv: {rows:,} rows checked ({share}%)" for rows, share in ((3000, 3), (13000, 13), (23000, 23))
    ]


def test_a_terminal_gets_one_line_that_is_removed_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    progress = ReadingProgress()
    clock.seconds += 5
    progress.show("checked", Path("x.csv"), 1000, 0.5)
    clock.seconds += 5
    # The terminal shows the predictions themselves.
    progress.show("predicted", Path("x.csv"), 1000, 0.5)
    progress.end()
    text = "x.csv: 1,000 rows checked (50%)"
    assert capsys.readouterr().err == f"\r{text}\r{' ' * len(text)}\r"


def test_short_readings_show_nothing(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    progress = ReadingProgress()
    progress.show("checked", Path("x.csv"), 1000, 0.5)
    clock.seconds += 60
    progress.show("predicted", Path("x.csv"), 1000, 1.0)
    progress.end()
    assert capsys.readouterr().err == ""
