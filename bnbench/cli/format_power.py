"""What the seeds of a sweep can show, in lines of text."""

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_axes, format_count, format_name
from bnbench.commands.power import PowerSummary
from bnbench.results.power import Power, describe_seeds, format_width


def format_power(summary: PowerSummary) -> str:
    """Return a heading and a line for each comparison."""
    score = format_name(summary.score, summary.score_name)
    heading = f"Differences in {score} to {summary.baseline}, each variant at its own best rate, in points:"
    return "\n".join([heading, *(f"  {_line(row, summary)}" for row in summary.rows)])


def _line(row: Power, summary: PowerSummary) -> str:
    where = f" ({format_axes(row.place, list(row.place))})" if row.place else ""
    seeds = format_count(row.n, "seed")
    if row.half is None or row.detectable is None:
        reason = "the differences are all equal" if row.n >= MIN_VALUES else f"{MIN_VALUES} are needed for an interval"
        return f"{row.variant}{where}: {seeds}; {reason}"
    shown = f"a true difference of {format_width(row.detectable)} is shown four times in five"
    return f"{row.variant}{where}: {seeds} give \u00b1{format_width(row.half)}; {shown}. {_wanted(row, summary)}"


def _wanted(row: Power, summary: PowerSummary) -> str:
    target = f"\u00b1{format_width(summary.within)}"
    if row.half is not None and row.half <= summary.within:
        return f"That is within {target}."
    return f"{target} takes {describe_seeds(row, summary.seconds)}."
