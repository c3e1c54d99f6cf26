"""Claims -> verdicts: from the interval over seeds, never from the mean alone.

Two variants are compared seed by seed; a seed counts where its trials of both have ended. What is not known is said and
never left out: a value that is missing (nothing is stable, no epoch was timed) or infinite (a target that was never
reached) leaves no interval, and so no verdict, unless every seed is infinite the same way: then that is the interval.
What is read off the grid (best and largest stable rate, stable width) is known to within a step of it, so its interval
is wider by that, and has no end where a value lies at the edge of the grid.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.intervals import MIN_VALUES, t_interval, wilson
from bnbench.analysis.labels import format_value
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.per_seed import PerSeedScores, matches_axes, per_seed_scores, range_across, with_trial_metrics
from bnbench.analysis.registry import OVER_RATES, RATES, TARGETED
from bnbench.analysis.trials import axes_of, by_axes
from bnbench.config.expectations import Bound, Claim

SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"
COLUMNS = ["text", "metric", "of", "over", "bound", "estimate", "low", "high", "n", "verdict", "reason"]
WEAKEST_FIRST = (REFUTED, INCONCLUSIVE, SUPPORTED)
WHY = {
    SUPPORTED: "the whole interval keeps within the bound",
    REFUTED: "the whole interval lies outside the bound",
    INCONCLUSIVE: "the interval holds the bound",
}
ONE_RATE = "a grid of one rate tells nothing of rates"
ALL_EQUAL = "the same at every seed: no interval"
BETTER_LOW = {  # of all others, more is better
    "train_loss", "validation_loss", "test_loss", *TARGETED, "overfitting_rise", "lr_sensitivity",
    "lr_sensitivity_centred", "accuracy_regret", "seconds_per_step", "accuracy_gap", "loss_gap", "gradient_growth",
    "accuracy_roughness", "loss_roughness", "pre_activation_drift",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What is known of a claim at one value of the further axes; without an interval the notes say why."""

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0  # seeds, or pairs
    notes: tuple[str, ...] = ()

    def noted(self, *notes: str) -> "Finding":
        """The same with more to say."""
        return replace(self, notes=(*self.notes, *filter(None, notes)))


def judge_claims(claims: Sequence[Claim], trials: pd.DataFrame, history: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row a claim.

    Columns: text, metric, of, over (empty for `ok` and a value), bound, estimate (mean, or mean difference, geometric
    mean ratio, share) with its 95% interval low and high, n (seeds or pairs), verdict (supported, refuted,
    inconclusive), reason. A claim that must hold at several values of further axes gets the weakest of its verdicts
    and the figures that go with it.
    """
    rows = []
    for claim in claims:
        over = "" if claim.alone else claim.over or baseline
        named = claim.model_dump(include={"text", "of"}) | {
            "metric": f"range of {claim.metric} across {_short(claim.across)}" if claim.across else claim.metric,
            "over": over,
            "bound": f"{claim.kind} {claim.bound}",
        }
        rows.append(named | _judged(claim, over, trials, history, baseline))
    return pd.DataFrame(rows, columns=COLUMNS)


def verdict_of(bound: Bound, low: float, high: float) -> str:
    """`supported` or `refuted` where the whole interval says so; `inconclusive` where it holds a bound, or is none."""
    if math.isnan(low) or math.isnan(high):
        return INCONCLUSIVE
    above = [math.inf if bound.at_least is None else _beyond(end - bound.at_least) for end in (low, high)]
    below = [math.inf if bound.at_most is None else _beyond(bound.at_most - end) for end in (low, high)]
    if above[1] < 0 or below[0] < 0:
        return REFUTED
    return SUPPORTED if above[0] > 0 and below[1] > 0 else INCONCLUSIVE


def _beyond(distance: float) -> float:
    """A distance that is not rounding dust, or 0: 0.8 - 0.7 is a little more than 0.1."""
    return 0.0 if abs(distance) < ROUNDING else distance


def _judged(claim: Claim, over: str, trials: pd.DataFrame, history: pd.DataFrame, baseline: str) -> dict[str, Any]:
    """The last columns of a claim's row."""
    axes = [axis for axis in axes_of(trials) if axis != claim.across]
    judged = []
    for place, part in by_axes(trials, axes):
        if matches_axes(place, claim.where):
            found = _find(claim, over, part, with_trial_metrics(part, history, claim.target, baseline))
            where = ", ".join(f"{_short(axis)} {format_value(value)}" for axis, value in place.items())
            judged.append((verdict_of(claim.bound, found.low, found.high), found.noted(where and f"at {where}")))
    if not judged:
        judged = [(INCONCLUSIVE, Finding(notes=("no trial has ended there",)))]
    told, found = min(judged, key=lambda one: WEAKEST_FIRST.index(one[0]))
    known = not math.isnan(found.low)
    row = asdict(found) | {"verdict": told, "reason": "; ".join([WHY[told]] * known + list(found.notes))}
    del row["notes"]
    return row


def _find(claim: Claim, over: str, trials: pd.DataFrame, ended: pd.DataFrame) -> Finding:
    """The interval of a claim at one value of the further axes."""
    grid = np.sort(ended["learning_rate"].unique())
    of, base = (_sample(claim, name, ended, grid) for name in (claim.of, over or claim.of))
    seeds = of.values.index.intersection(base.values.index)
    left_out = trials["seed"].nunique() - len(seeds)
    notes = (
        f"{left_out} of {trials['seed'].nunique()} seeds left out: not all of their trials have ended" * bool(left_out),
        _rates_told(claim, of, base),
    )
    if seeds.empty:
        return Finding().noted("no seed whose trials have all ended")
    if claim.metric == "ok":
        return _share(of.values.to_numpy(float) == 1).noted(*notes)
    a, b = (sample.values[seeds].to_numpy(float) for sample in (of, base))
    unsure = _unsure(claim.metric, grid)
    if claim.kind == "value":
        return _alone(claim.metric, a, of, unsure).noted(*notes)
    if claim.kind == "probability":
        return _beaten(claim.metric, a, b, unsure).noted(*notes)
    return _widened(claim.kind, _compared(claim.kind, a, b, unsure), of, base, unsure).noted(*notes)


def _sample(claim: Claim, variant: str, ended: pd.DataFrame, grid: NDArray[Any]) -> PerSeedScores:
    """A value a seed of a variant: of the metric, or of its range across an axis, each value at its own best rate."""
    parts = [part for _, part in by_axes(ended, [claim.across] if claim.across else [])]
    samples = [per_seed_scores(claim.metric, claim.at, part[part["variant"] == variant], grid) for part in parts]
    return range_across(samples) if claim.across else samples[0]


def _short(axis: str) -> str:
    return axis.rpartition(".")[2]


def _rates_told(claim: Claim, of: PerSeedScores, over: PerSeedScores) -> str:
    if claim.metric in OVER_RATES or claim.across:
        return ""
    return f"at rate {of.rate:.4g}" + (f" against {over.rate:.4g}" if of.rate != over.rate else "")


def _share(found: NDArray[Any]) -> Finding:
    """The share of seeds at which something is so, with its Wilson interval."""
    n, times = len(found), int(found.sum())
    return Finding(times / n, *wilson(times, n), n)


def _unsure(metric: str, grid: NDArray[Any]) -> float:
    """The decades by which a metric that is read off the grid may be wrong against another such; 0 for the others.

    The largest stable rate lies between the one that is read and the next: one step for two. A best rate may lie on
    either side of the one that is read, and a width has two ends: two steps for two of them. The step is the widest of
    the grid; a grid of one rate tells nothing.
    """
    if metric not in (*RATES, "stable_width"):
        return 0.0
    step = float(np.diff(np.log10(grid)).max()) if len(grid) > 1 else math.inf
    return step if metric == "max_stable_rate" else 2 * step


def _beaten(metric: str, of: NDArray[Any], over: NDArray[Any], unsure: float) -> Finding:
    """The share of pairs in which the first is strictly better: lower for losses, times and costs, else higher.

    Where the grid tells no difference, the interval has room for the pair to fall either way.
    """
    n, unknown = len(of), int((np.isnan(of) | np.isnan(over)).sum())
    if unknown:
        return Finding(n=n).noted(f"{metric} is missing in {unknown} of {n} pairs")
    if not unsure:
        return _share(of < over if metric in BETTER_LOW else of > over)
    gain = np.log10(of / over) if metric in RATES else of - over
    wins, open_pairs = gain > unsure + ROUNDING, np.abs(gain) <= unsure + ROUNDING
    high = _share(wins | open_pairs).high
    note = f"the grid cannot tell {open_pairs.sum()} of {n} pairs apart" * bool(open_pairs.any())
    return replace(_share(wins), high=high).noted(note)


def _compared(kind: str, of: NDArray[Any], over: NDArray[Any], unsure: float) -> Finding:
    """The mean paired difference with its t interval, or the same of the logarithms for a ratio.

    Where all pairs are equal there is an interval only if the grid leaves the metric unknown by so much.
    """
    with np.errstate(all="ignore"):  # what is not finite is told below
        values = np.log(of) - np.log(over) if kind == "ratio" else of - over
    back = np.exp if kind == "ratio" else np.positive
    n, infinite = len(values), np.isinf(values)
    found = t_interval(values)
    finding = Finding(float(back(found.mean)), float(back(found.low)), float(back(found.high)), n)
    if np.isnan(values).any():
        return finding.noted(
            f"the {kind} is unknown in {np.isnan(values).sum()} of {n} pairs: missing, or 0 or infinite for both"
        )
    if n < MIN_VALUES:
        return finding.noted(f"needs {MIN_VALUES} seeds for an interval, has {n}")
    if infinite.all() and len(set(values)) == 1:
        return replace(finding, low=finding.estimate, high=finding.estimate)
    if infinite.any():
        return finding.noted(f"0 or infinite in {infinite.sum()} of {n} pairs: no interval")
    if math.isnan(found.low):
        return replace(finding, low=finding.estimate, high=finding.estimate) if unsure else finding.noted(ALL_EQUAL)
    return finding


def _alone(metric: str, values: NDArray[Any], of: PerSeedScores, unsure: float) -> Finding:
    """The mean of a metric with its t interval: of a rate the geometric one, as over a rate of 1 that is known."""
    kind, nothing = ("ratio", np.ones) if metric in RATES else ("difference", np.zeros)
    return _widened(kind, _compared(kind, values, nothing(len(values)), unsure), of, PerSeedScores(), unsure)


def _widened(kind: str, found: Finding, of: PerSeedScores, over: PerSeedScores, unsure: float) -> Finding:
    """The finding of a metric that is read off the grid, as wide as the grid leaves it unknown."""
    if not unsure or math.isnan(found.low):
        return found
    if kind == "ratio":
        least, low, high = 0.0, found.low / 10**unsure, found.high * 10**unsure
    else:
        least, low, high = -math.inf, found.low - unsure, found.high + unsure
    if of.open_below or over.open_above:
        low = least
    if of.open_above or over.open_below:
        high = math.inf
    at_edge = of.open_below or of.open_above or over.open_below or over.open_above
    told = f"{unsure:.2g} decade(s) wider at either end, as the grid tells no more" if unsure < math.inf else ONE_RATE
    return replace(found, low=low, high=high).noted(told, "open where the grid ends" * at_edge)
