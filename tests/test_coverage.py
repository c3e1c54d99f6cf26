"""A small part of `make coverage`, with fixed seeds: intervals that hold what they say do so here, too."""

import math
from collections.abc import Iterator

import pytest

from benchmarks import coverage
from benchmarks.coverage import Row

INTERVALS = {
    "edges": lambda: coverage.of_edges(25),
    "values": lambda: coverage.of_values(60),
    "ranges": lambda: coverage.of_ranges(25),
    "looks": lambda: coverage.of_looks(300),
    "shares": coverage.of_shares,
}


@pytest.mark.parametrize("name", INTERVALS)
def test_intervals_hold_the_truth_of_simulated_trials(name: str) -> None:
    rows: Iterator[Row] = INTERVALS[name]()
    for row in rows:
        # Of 25 intervals that cover 90%, one in a thousand times fewer than 16 hold the truth.
        assert math.isnan(row.held) or row.held >= 64, row


def test_intervals_of_whole_sweeps_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "MODELS", dict(list(coverage.MODELS.items())[:1]))
    rows = list(coverage.of_sweeps(20, seeds=[5]))
    assert len(rows) == 8
    # Of 20 intervals that cover 93%, one in a thousand times fewer than 14 hold the truth.
    assert min(row.held for row in rows) >= 70, rows


def test_the_page_has_a_line_for_each_interval_and_model() -> None:
    rows = [Row("a", "m", 3, 95, 94.96, 0.0, 400), Row("a", "m", 5, 95, math.nan, 100.0, 400)]
    *_, line = coverage.as_markdown(rows).splitlines()
    assert line == "| a | m | 95% | 95.0% | - (none in 100%) |  |  | 400 |"
    page = coverage.PAGE.read_text(encoding="utf-8")
    assert coverage.replace_block(page, "x").split(coverage.BEGIN)[1].startswith("\n\nx\n")
    assert all(f"| {row.interval} | {row.model} | 95% |" in page for row in coverage.of_shares())
    assert "| repeated t interval, all looks | normal | 95% |" in page
