"""What a time suffices for, and which differences between variants that could find."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.sample_size import detectable, sd_bounds
from bnbench.commands.plan import PlanOverview
from bnbench.commands.power import read_power
from bnbench.errors import ResultsError
from bnbench.planning.affordable import Affordable, find_affordable
from bnbench.planning.plan import Plan
from bnbench.planning.states import UNTRAINED
from bnbench.planning.trial_times import TrialTimes
from bnbench.results.power import Power


@dataclass(frozen=True)
class Spread:
    """What is known about the spread of one difference to the baseline.

    Attributes:
        variant: compared with the baseline.
        place: the values of the further axes.
        n: seeds with a pair of trials.
        sd: of the differences in test score, each variant at its own best rate, as wide as their interval needs it.
        least, most: the lowest and the highest SD that is likely.
    """

    variant: str
    place: Mapping[str, Any]
    n: int
    sd: float
    least: float
    most: float


@dataclass(frozen=True)
class BudgetOverview:
    """What a time suffices for.

    Attributes:
        seconds: the time.
        affordable: None if the time of some trials is unknown.
        more_seeds: the option that gives the sweep so many seeds, if it has fewer; else empty.
        compares: whether there are variants to compare.
        spreads: the known spreads; empty if there are none.
    """

    seconds: float
    affordable: Affordable | None
    more_seeds: str
    compares: bool
    spreads: list[Spread]


def plan_budget(overview: PlanOverview, seconds: float) -> BudgetOverview:
    """Return what a time suffices for.

    Args:
        overview: the plan, and the results folder, whose trials say how far differences spread.
        seconds: the time.
    """
    ended = {trial for trial, state in overview.states.items() if state not in UNTRAINED}
    times = TrialTimes(overview.step_seconds)
    affordable = find_affordable(overview.plan, ended, times, max(1, overview.jobs), seconds)
    compares = len(overview.plan.experiment.variants) > 1
    spreads = _read_spreads(overview.folder) if compares and overview.states else []
    return BudgetOverview(seconds, affordable, _more_seeds(overview.plan, affordable), compares, spreads)


def _more_seeds(plan: Plan, affordable: Affordable | None) -> str:
    further = affordable.seeds - affordable.planned_seeds if affordable else 0
    if not affordable or further < 1:
        return ""
    is_number = isinstance(plan.experiment.sweep.seeds, int)
    return f"-o sweep.seeds={affordable.seeds}" if is_number else f"--also seeds={further}"


def _read_spreads(folder: Path) -> list[Spread]:
    """Return the spreads of the comparisons that have a t interval."""
    try:
        rows = read_power(folder, within=0.01).rows
    except ResultsError:
        # Nothing can be compared yet.
        return []
    return [_spread(row, row.detectable) for row in rows if row.detectable]


def _spread(row: Power, shown: float) -> Spread:
    sd = shown / detectable(1.0, row.n)
    return Spread(row.variant, row.place, row.n, sd, *sd_bounds(sd, row.n))


def shown_difference(seeds: int) -> float | None:
    """Return the true difference, in SDs, that so many seeds show four times in five; None if there is no interval."""
    return detectable(1.0, seeds) if seeds >= MIN_VALUES else None


def budget_as_dict(found: BudgetOverview) -> dict[str, Any]:
    """Return plain values, for JSON."""
    known = found.affordable
    numbers = {"seeds": known.seeds, "planned_seeds": known.planned_seeds} if known else {}
    shown = {name: shown_difference(seeds) for name, seeds in numbers.items()} if found.compares else {}
    return {
        "seconds": found.seconds,
        **({name: value for name, value in asdict(known).items() if name != "seconds"} if known else {"seeds": None}),
        # By number of seeds, in SDs and for each comparison.
        "detectable_in_sd": shown,
        "comparisons": [
            {**asdict(one), "detectable": {name: sd and sd * one.sd for name, sd in shown.items()}}
            for one in found.spreads
        ],
    }
