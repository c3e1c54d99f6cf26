"""Up to which learning rate each variant trains well and at all, and how many times as high that is."""

from collections.abc import Iterator
from math import inf, isnan

from bnbench.analysis.labels import format_factor
from bnbench.analysis.lr_metrics import WELL
from bnbench.report.headline.comparison import MAX_COMPARED, ranked
from bnbench.report.headline.facts import Facts, Row, list_words
from bnbench.results.findings import Finding

# What the two edges mean, for the caption under the table that has them.
EDGES = (
    f"Trains well up to: the highest rate, counted upwards from the best one, at which every seed trains and the mean "
    f"validation score is at most {100 * WELL:g} points below its best. At all up to: the same, if every seed only has "
    f"to do better than chance. Differences are computed before rounding."
)


# What the edges are that are compared. They are higher than the rates up to which every seed trains.
HALF = "Where half of the trainings get halfway from chance to the best mean"


def describe_rates(facts: Facts) -> list[str]:
    """Return sentences about the highest rates; none if only one rate was tried or nothing trains."""
    living = [name for name in facts.names if name not in facts.dead]
    if len(facts.rates) == 1 or not living:
        return []
    if len(facts.others) > MAX_COMPARED:
        return [_highest(facts, living)]
    highest = f"Highest learning rates: {'; '.join(_grouped(ranked(living, facts), facts))}."
    return [highest, *describe_edge_ratios(facts)]


def describe_edge_ratios(facts: Facts) -> list[str]:
    """Return a sentence about how many times as high as the baseline's the edges are; none if none is known."""
    living = [name for name in facts.names if name not in facts.dead]
    if facts.baseline not in living:
        return []
    ratios = list(_ratios(facts, [name for name in ranked(living, facts) if name != facts.baseline]))
    return [f"{HALF}{_after(facts)}, {'; '.join(ratios)}."] if ratios else []


def _grouped(names: list[str], facts: Facts) -> Iterator[str]:
    """Yield the edges of the variants; variants with the same ones share a phrase."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_edges(facts.well[name], facts), []).append(name)
    for edges, same in groups.items():
        yield f"{list_words(same)} {edges if len(same) == 1 else edges.replace('trains', 'train')}"


def _edges(row: Row, facts: Facts) -> str:
    """Return `trains well up to 0.1 and at all up to 1, the highest tried`."""
    if isnan(row["trains_to"]):
        best = facts.rate_text(row["best_rate"])
        return f"trains not even at its best rate, {best}, in every seed ({row['n_not_ok']} of {row['n_there']} fail)"
    well, trains = (facts.rate_text(row[key]) for key in ("well_to", "trains_to"))
    last = ", the highest tried" if row["trains_to"] == facts.rates[-1] else ""
    if row["well_to"] == row["trains_to"]:
        return f"trains, and trains well, up to {well}{last}"
    return f"trains well up to {well} and at all up to {trains}{last}"


def _after(facts: Facts) -> str:
    """Return ` after 30 epochs`: the edge falls with the training. Empty if the epochs are not known."""
    epochs = facts.results.experiment.train.epochs if facts.results.experiment else None
    return "" if epochs is None else f" after {epochs} epoch{'s' if epochs != 1 else ''}"


def _ratios(facts: Facts, names: list[str]) -> Iterator[str]:
    """Yield how many times as high as the baseline's the highest rate of each variant is, where that is known."""
    first = True
    for name in names:
        finding = facts.results.edge_ratio(name)
        # Where both train at every rate that was tried, no training bounds the ratio.
        if finding.low > 0 or finding.high < inf:
            times = "equal to" if finding.estimate == 1 else f"{format_factor(finding.estimate)} times"
            unclear = ", so no difference is shown" if finding.low <= 1 <= finding.high else ""
            whose = f"the rate of {name} is {times} that of {facts.baseline}" if first else f"of {name} {times}"
            yield f"{whose} (95% interval {_interval(finding)}{unclear})"
            first = False


def _interval(finding: Finding) -> str:
    if finding.high == inf:
        return f"at least {format_factor(finding.low)}"
    if finding.low <= 0:
        return f"at most {format_factor(finding.high)}"
    return f"{format_factor(finding.low)} to {format_factor(finding.high)}"


def _highest(facts: Facts, living: list[str]) -> str:
    """Return one sentence for many variants: which of them trains well at the highest rate."""
    known = [name for name in living if not isnan(facts.well[name]["well_to"])]
    if not known:
        return "No variant trains in every seed at its best rate."
    top = max(facts.well[name]["well_to"] for name in known)
    named = [name for name in known if facts.well[name]["well_to"] == top]
    shown = list_words(named) if len(named) <= MAX_COMPARED else f"{len(named)} variants"
    verb = "trains" if len(named) == 1 else "train"
    return f"Highest learning rate: {shown} {verb} well up to {facts.rate_text(top)}."
