"""What the seeds of a sweep can show, in lines of text."""

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_axes, format_count, format_duration, format_name
from bnbench.analysis.sample_size import MAX_PAIRS
from bnbench.commands.power import Power, PowerSummary


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
    shown = f"a true difference of {_points(row.detectable)} is shown four times in five"
    return f"{row.variant}{where}: {seeds} give \u00b1{_points(row.half)}; {shown}. {_wanted(row, summary)}"


def _wanted(row: Power, summary: PowerSummary) -> str:
    target = f"\u00b1{_points(summary.within)}"
    if row.half is not None and row.half <= summary.within:
        return f"That is within {target}."
    if row.needed is None:
        return f"{target} takes more than {MAX_PAIRS:,} seeds."
    likely = f"probably {row.least} to {row.most or f'more than {MAX_PAIRS:,}'}" if row.least != row.most else "surely"
    seconds = [max(0, count - row.n) * summary.seconds for count in (row.least, row.most) if count]
    time = " to ".join(dict.fromkeys(map(format_duration, seconds)))
    return f"{target} takes {format_count(row.needed, 'seed')}, {likely}: {time} more."


def _points(share: float) -> str:
    """Return a width in points with two digits that count."""
    return f"{100 * share:.2g}" if abs(share) < 0.1 else f"{100 * share:.0f}"
