"""Claims -> verdicts: from the interval over seeds, never from the mean alone.

Two variants are compared seed by seed; a seed counts if its trials of both have finished. At best rates, each seed is
judged at the best rate of the other seeds (`leave_one_out`). Unknown values are reported
and never left out. If a value is missing (nothing is stable, no epoch was timed) or infinite (a target was never
reached), there is no interval and so no verdict. The exception: if every seed has the same infinity, this is the
interval. The grid determines some metrics only to within a step (best rate, largest stable rate, stable width). Their
intervals are wider by that step, and have no end if the value is at an end of the grid.

Times in seconds are compared only by rounds in which one worker trained both variants by turns. A round has seconds per
step of both, and a time to a target is the number of steps times these. The interval reaches from the lowest to the
highest of the rounds.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.columns import CLAIMS, column_names
from bnbench.analysis.labels import RateFormat, axis_name, format_axes, format_name
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.per_seed import PerSeedScores, matches_axes, per_seed_scores, with_trial_metrics
from bnbench.analysis.registry import find_metric, get_metric
from bnbench.analysis.step_times import MIN_ROUNDS, PairTimes, find_pair
from bnbench.analysis.trials import axes_of, by_axes
from bnbench.config.expectations import Claim
from bnbench.results import edges, widths
from bnbench.results.findings import (
    Finding,
    find_comparison,
    find_in_rounds,
    find_over_rounds,
    find_share,
    find_value,
    find_wins,
    grid_uncertainty,
    note_left_out,
    widen_by_grid,
)
from bnbench.results.judged_at import note_rates
from bnbench.results.judgment import (
    INCONCLUSIVE,
    OPEN,
    REFUTED,
    SUPPORTED,
    Judgment,
    count_within,
    joint_p,
    judge,
    margin,
)
from bnbench.results.measures import format_rope
from bnbench.results.pairs import pair_up
from bnbench.results.ranges import find_range

# A time to a target in seconds is this many steps, times the seconds of a step.
STEPS_TO_TARGET = "steps_to_target"
# Where more seeds would not make the interval of an edge narrower.
MORE_RATES = "finer or further rates would decide it, rather than more seeds"
WHY = {
    SUPPORTED: "the whole interval keeps within the bound",
    REFUTED: "the whole interval lies outside the bound",
    INCONCLUSIVE: "the interval holds the bound",
}


def judge_claims(
    claims: Sequence[Claim],
    trials: pd.DataFrame,
    curves: Curves,
    baseline: str,
    pairs: Sequence[PairTimes] = (),
) -> pd.DataFrame:
    """Return one row per claim, with the columns of `columns.CLAIMS`.

    Claims that compare seconds need the times of pairs.

    `over` is empty for a value and for a metric of yes or no, which are about one variant alone. A claim that must hold
    at several values of further axes gets the weakest of its verdicts, and the numbers of that one.
    """
    rows, measured = [], _Measured(trials, curves, baseline)
    for claim in claims:
        subject = claim_row(claim, baseline)
        rows.append(subject | _judged(claim, subject["over"], measured, pairs))
    return pd.DataFrame(rows, columns=column_names(CLAIMS))


def claim_row(claim: Claim, baseline: str) -> dict[str, Any]:
    """Return the first columns of a claim's row: what it says."""
    return {
        "text": claim.text,
        "source": claim.source or "",
        "basis": claim.basis or "",
        "metric": get_metric(claim.metric).name,
        "of": claim.of,
        "over": "" if claim.alone else claim.over or baseline,
        "across": claim.across or "",
        "epoch": math.nan if claim.epoch is None else claim.epoch,
        "bound": f"{claim.kind} {claim.bound}",
        "rope": math.nan if claim.rope is None else claim.rope,
    }


class _Measured:
    """The trials at each value of the further axes, and their metrics, which most claims share."""

    def __init__(self, trials: pd.DataFrame, curves: Curves, baseline: str) -> None:
        self._trials, self._curves, self._baseline = trials, curves, baseline
        self.axes = axes_of(trials)
        self._parts: dict[str | None, list[tuple[dict[str, Any], pd.DataFrame]]] = {}
        self._scored: dict[tuple[object, ...], pd.DataFrame] = {}

    def at(self, claim: Claim) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]]:
        """Yield the values of the axes at which a claim must hold, their trials, and the same with all metrics."""
        if claim.across not in self._parts:
            axes = [axis for axis in self.axes if axis != claim.across]
            self._parts[claim.across] = list(by_axes(self._trials, axes))
        of_epoch = claim.epoch is not None and (claim.metric, claim.epoch)
        for number, (place, part) in enumerate(self._parts[claim.across]):
            if matches_axes(place, claim.where):
                key = (claim.across, number, claim.target, of_epoch)
                if key not in self._scored:
                    self._scored[key] = with_trial_metrics(part, self._curves, claim, self._baseline)
                yield place, part, self._scored[key]


def _judged(claim: Claim, over: str, measured: _Measured, pairs: Sequence[PairTimes]) -> dict[str, Any]:
    """Return the last columns of a claim's row."""
    judged = []
    for place, part, scored in measured.at(claim):
        if over and get_metric(claim.metric).timed:
            finding = _find_times(claim, part, scored, find_pair(pairs, claim.of, over, place))
        else:
            finding = _find(claim, over, part, scored)
        where = f"at {format_axes(place, list(place))}" if place else ""
        judged.append((judge(claim.bound, finding, claim.rope), finding.noted(where)))
    return weakest_row(claim, judged)


def weakest_row(claim: Claim, judged: Sequence[tuple[Judgment, Finding]]) -> dict[str, Any]:
    """Return the last columns of a claim's row: the weakest judgment, of all values at which the claim must hold.

    Of equal ones, it is that with the estimate that speaks most against the claim.
    """
    judged = judged or [(Judgment(INCONCLUSIVE), Finding(notes=("no trial has finished there",)))]
    judgment, weakest = min(judged, key=lambda one: (one[0].strength, margin(claim.bound, one[1].estimate)))
    reasons = [*([] if math.isnan(weakest.low) else [WHY[judgment.verdict]]), _why_negligible(claim, judgment, weakest)]
    if judgment.text == OPEN and weakest.evidence:
        reasons.append(MORE_RATES)
    return {
        **{name: getattr(weakest, name) for name in ("estimate", "low", "high", "n", "rounds")},
        "p": joint_p([one for one, _ in judged]),
        "seeds_needed": judgment.seeds if math.isfinite(judgment.seeds) else math.nan,
        "verdict": judgment.verdict,
        "verdict_text": judgment.text,
        "reason": "; ".join(filter(None, (*reasons, *weakest.notes))),
    }


def _why_negligible(claim: Claim, judgment: Judgment, finding: Finding) -> str:
    if claim.rope is None or not judgment.negligible:
        return ""
    within = f"within {format_rope(claim.rope, claim.metric)}"
    if finding.tied:
        return f"the differences of {count_within(finding, claim.rope)} of {finding.n} seeds are {within}"
    return f"the {'' if math.isnan(judgment.p_supported) else '90% '}interval lies {within}"


def _find(claim: Claim, over: str, trials: pd.DataFrame, scored: pd.DataFrame) -> Finding:
    """Return what is known about a claim at one value of the further axes."""
    if claim.across and claim.across not in axes_of(trials):
        return Finding().noted(f"the results have no axis {claim.across}")
    metric, grid = get_metric(claim.metric), np.sort(scored["learning_rate"].unique())
    if metric.name == edges.METRIC:
        return edges.find_edge(claim.kind, trials, claim.of, over, claim.counts_as_trained)
    if metric.name == widths.METRIC and claim.kind != "probability":
        return widths.find_width(claim.kind, scored, claim.of, over)
    if claim.across:
        samples = [_samples(claim, name, scored, grid) for name in dict.fromkeys([claim.of, over or claim.of])]
        return find_range(claim.kind, metric, samples, trials["seed"].nunique())
    own, other = (_samples(claim, name, scored, grid)[0] for name in (claim.of, over or claim.of))
    seeds = own.values.index.intersection(other.values.index)
    at_rates = "" if metric.over_rates else note_rates(own, other, len(seeds), RateFormat(grid))
    notes = (note_left_out(trials["seed"].nunique(), len(seeds)), at_rates)
    if seeds.empty:
        return Finding().noted("no seed has finished all of its trials")
    uncertainty = grid_uncertainty(metric, grid)
    pairs = replace(pair_up(metric, own, other, (claim.of, over)), uncertainty=uncertainty)
    if metric.yes_or_no:
        finding = find_share(pairs.own == 1)
    elif claim.kind == "value":
        finding = find_value(metric, own, pairs)
    elif claim.kind == "probability":
        finding = find_wins(metric, pairs.own, pairs.other, uncertainty)
    else:
        finding = find_comparison(claim.kind, pairs)
        finding = widen_by_grid(claim.kind, finding, own, other, uncertainty)
    return finding.noted(*notes)


def _find_times(claim: Claim, trials: pd.DataFrame, scored: pd.DataFrame, pair: PairTimes) -> Finding:
    """Return what is known about the seconds of two variants, from the rounds in which they were trained by turns."""
    if not len(pair.seconds):
        return Finding().noted(pair.reason)
    if len(pair.seconds) < MIN_ROUNDS:
        return Finding().noted(f"needs {MIN_ROUNDS} rounds by turns, has {len(pair.seconds)}")
    metric = get_metric(claim.metric)
    if metric.needs_target:
        return _find_time_to_target(claim, trials, scored, pair)
    finding = find_in_rounds(claim.kind, metric, pair.seconds, pair.over_seconds)
    return finding.noted("the interval is the range over the rounds")


def _find_time_to_target(claim: Claim, trials: pd.DataFrame, scored: pd.DataFrame, pair: PairTimes) -> Finding:
    """Return what is known about the time to a target: the steps to it, times the seconds per step of each round."""
    metric, grid = get_metric(claim.metric), np.sort(scored["learning_rate"].unique())
    in_steps = claim.model_copy(update={"metric": STEPS_TO_TARGET})
    own, other = (_samples(in_steps, name, scored, grid)[0] for name in (pair.variant, pair.over))
    seeds = own.values.index.intersection(other.values.index)
    if seeds.empty:
        return Finding().noted("no seed has finished all of its trials")
    finding = find_over_rounds(claim.kind, metric, pair_up(metric, own, other, (pair.variant, pair.over)), pair)
    return finding.noted(
        note_left_out(trials["seed"].nunique(), len(seeds)),
        note_rates(own, other, len(seeds), RateFormat(grid)),
        "steps to the target times the seconds per step of each round",
    )


def _samples(claim: Claim, variant: str, scored: pd.DataFrame, grid: NDArray[Any]) -> list[PerSeedScores]:
    """Return the metric of a variant by seed: at each value of the axis of a range, or once."""
    parts = [part for _, part in by_axes(scored, [claim.across] if claim.across else [])]
    return [per_seed_scores(claim, part[part["variant"] == variant], grid) for part in parts]


def claim_subject(row: Mapping[Any, Any], score_name: str) -> str:
    """Return what the row of a claim is about: `test accuracy of batchnorm over plain`, `plain trains`."""
    known = find_metric(row["metric"])
    if known and known.yes_or_no:
        return f"{row['of']} trains"
    metric = metric_after_epoch(row, score_name)
    variants = f"{row['of']} over {row['over']}" if row["over"] else row["of"]
    if row["across"]:
        return f"range of {metric} across {axis_name(row['across'])}, {variants}"
    return f"{metric} of {variants}"


def metric_after_epoch(row: Mapping[Any, Any], score_name: str) -> str:
    """Return the metric of a claim or a published value: `train loss after epoch 9`; without epoch at the end."""
    known = find_metric(row["metric"])
    metric = format_name((known and known.title) or row["metric"], score_name)
    return metric if pd.isna(row.get("epoch", math.nan)) else f"{metric} after epoch {row['epoch']:.0f}"
