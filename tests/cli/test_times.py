import math

import click
import pytest

from bnbench.cli import times
from bnbench.cli.plan import plan

CONTEXT, BUDGET = click.Context(plan), click.Option(["--budget"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("1h1m1s", 3661), (None, None)]
)
def test_a_time_is_read_as_seconds(text: str | None, seconds: float | None) -> None:
    assert times.parse_time(CONTEXT, BUDGET, text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 m", 1800), ("30min", 1800), ("0.5h", 1800), (".5 H", 1800), ("1 hour 5 minutes", 3900), (" 5 sec ", 5)],
)
def test_other_ways_to_write_a_time_are_understood(text: str, seconds: float) -> None:
    assert times.parse_time(CONTEXT, BUDGET, text) == seconds


@pytest.mark.parametrize("text", ["", "h", "30m1h", "-5s", "1h30", "1,5h", "1e3s", "nan", "5 days", "1..5h", "٣m"])
def test_a_text_that_is_not_a_time_is_an_error(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time: write 90s, 30m, 2h or 1h30m"):
        times.parse_time(CONTEXT, BUDGET, text)


def test_a_number_without_a_unit_is_an_error_that_names_the_units() -> None:
    with pytest.raises(click.BadParameter, match="'30' is not a time: it has no unit: write 30s, 30m or 30h"):
        times.parse_time(CONTEXT, BUDGET, "30")


def test_no_time_is_too_long_for_a_clock() -> None:
    with pytest.raises(click.BadParameter, match="is more than a year"):
        times.parse_time(CONTEXT, BUDGET, 500 * "9" + "h")


def test_a_budget_is_more_than_nothing() -> None:
    with pytest.raises(click.BadParameter, match="'0m' is no time at all: write 90s"):
        times.parse_positive(CONTEXT, BUDGET, "0m")
    assert times.start_budget(CONTEXT, BUDGET, None) is None
    budget = times.start_budget(CONTEXT, BUDGET, "30m")
    assert budget is not None
    assert 1790 < budget.left <= 1800


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "10s"), (41, "50s"), (90, "90s"), (91, "2m"), (5400, "1h30m"), (7200, "2h")]
)
def test_a_time_is_written_as_an_option_takes_it_and_is_never_too_short(seconds: float, text: str) -> None:
    assert times.format_time(seconds) == text
    parsed = times.parse_time(CONTEXT, BUDGET, text)
    assert parsed is not None
    assert parsed >= math.floor(seconds)
