"""What the seeds so far can show about the main comparison, and what a narrower interval takes, in one line."""

from bnbench.analysis.labels import format_axes, format_count
from bnbench.analysis.verdicts import UNDECIDED
from bnbench.report.headline.facts import Facts
from bnbench.results.judgment import is_open
from bnbench.results.power import describe_seeds, format_width, power_of, seconds_per_seed


def describe_power(facts: Facts) -> str:
    """Return the line; empty if the spread of the differences is unknown.

    It is about the best of the variants other than the baseline, at the values of the further axes at which the report
    opens.
    """
    results = facts.results
    table = results.differences_at_best()
    place = {axis: str(value) for axis, value in results.opening.items()}
    rows = [row for row in table.to_dict("records") if all(str(row[axis]) == text for axis, text in place.items())]
    known = [row for row in rows if power_of(row, results.axes, 1.0).half is not None]
    if not known:
        return ""
    row = max(known, key=lambda one: one["mean"])
    now = power_of(row, results.axes, 1.0)
    width = _target(now.half or 0.0, facts.asked_ropes.get(now.variant))
    power = power_of(row, results.axes, width)
    where = f" at {format_axes(now.place, results.axes)}" if now.place else ""
    between = f" between {now.variant} and {facts.baseline}" if len(facts.others) > 1 or where else ""
    return (
        f"{format_count(now.n, 'seed')}: differences of {format_width(now.detectable or 0.0)} points or more{between}"
        f"{where} are found four times in five. For an interval of \u00b1{format_width(width)} points: "
        f"{describe_seeds(power, seconds_per_seed(results))}."
    )


def leaves_open(facts: Facts) -> bool:
    """Return True if a claim or a comparison with the baseline is not decided."""
    verdicts = facts.results.verdicts
    undecided = set(verdicts.loc[verdicts["verdict"] == UNDECIDED, "variant"]) - facts.ropes.keys()
    return bool(undecided) or any(map(is_open, facts.results.claims.to_dict("records")))


def _target(half: float, rope: float | None) -> float:
    """Return the half-width to aim at: that of the rope if the interval is wider, else half of that of now."""
    return rope if rope is not None and rope < half else float(f"{half / 2:.1g}")
