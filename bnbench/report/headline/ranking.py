"""The table of an answer: every variant with its score, its difference to the baseline, and its highest rates."""

from math import isnan

from bnbench.analysis.intervals import why_no_interval
from bnbench.analysis.labels import format_percent, format_percents, format_points, format_points_range
from bnbench.analysis.verdicts import NEITHER
from bnbench.report.headline.comparison import ranked
from bnbench.report.headline.facts import Facts
from bnbench.report.headline.rates import EDGES
from bnbench.report.tables.table import Cell, Table

# Of many variants the best ones are listed, and the baseline; the report has the others in its table of variants.
MAX_RANKED = 10


def ranking_table(facts: Facts) -> Table:
    """Return the variants by test score, the highest first."""
    order = ranked(facts.names, facts)
    shown = order[:MAX_RANKED]
    if facts.baseline in order[MAX_RANKED:]:
        shown = [*order[: MAX_RANKED - 1], facts.baseline]
    compared = any(not isnan(row["mean"]) and row["verdict"] != NEITHER for row in facts.verdicts.values())
    header = ["variant", facts.score, "95% interval"]
    header += [f"minus {facts.baseline}, points", "95% interval of that"] if compared else []
    header += ["best rate", "trains well up to", "at all up to"]
    rows = [
        [
            Cell(name), *score_cells(name, facts), *(difference_cells(name, facts) if compared else []),
            *_rates(name, facts),
        ]
        for name in shown
    ]  # fmt: skip
    left_out = (
        f" {len(order) - len(shown)} further variants are in the table of variants." if len(order) > len(shown) else ""
    )
    ordered = "The first of many is partly first by luck. " if len(order) > len(shown) else ""
    edges = "" if set(facts.names) == facts.dead else EDGES
    return Table(f"{ordered}{edges}{left_out}".strip(), header, rows)


def score_cells(name: str, facts: Facts) -> list[Cell]:
    """Return the mean score of a variant at its best rate, and its interval."""
    row = facts.variants[name]
    if name in facts.dead:
        return [Cell("chance", row["judged_mean"]), Cell("none")]
    low, high = row["judged_low"], row["judged_high"]
    why = why_no_interval(row["judged_n"], row["judged_mean"], row["judged_sd"])
    interval = Cell(why, missing=True) if isnan(low) else Cell(format_percents(low, high))
    return [Cell(format_percent(row["judged_mean"]), row["judged_mean"]), interval]


def difference_cells(name: str, facts: Facts) -> list[Cell]:
    """Return the difference of a variant to the baseline, and its interval."""
    row = facts.verdicts.get(name)
    if row is not None and row["verdict"] == NEITHER:
        return [Cell("neither trains", missing=True)] * 2
    if row is None or isnan(row["mean"]):
        return [Cell("baseline" if name == facts.baseline else "no pair", missing=True)] * 2
    why = why_no_interval(row["n"], row["mean"], row["sd"])
    interval = Cell(why, missing=True) if isnan(row["low"]) else Cell(format_points_range(row["low"], row["high"]))
    return [Cell(format_points(row["mean"]), row["mean"], row["verdict"]), interval]


def _rates(name: str, facts: Facts) -> list[Cell]:
    if name in facts.dead:
        return [Cell("no rate")] * 3
    row = facts.well[name]
    return [Cell("not every seed") if isnan(row[key]) else Cell(facts.rate_text(row[key]), row[key])
            for key in ("best_rate", "well_to", "trains_to")]  # fmt: skip
