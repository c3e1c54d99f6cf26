"""Looks at claims while seeds arrive: repeated intervals, and what they decide.

Jennison and Turnbull (1989): the interval at each look is so wide that all looks together miss the true value as rarely
as one interval would. A claim is decided by the first look whose interval is on one side of its bound.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.betting import betting_interval
from bnbench.analysis.collapses import collapsed_trials
from bnbench.analysis.intervals import MIN_VALUES, clopper_pearson
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.look_levels import MOST_SEEDS, level_at
from bnbench.analysis.mean_interval import mixes_kinds
from bnbench.analysis.per_seed import per_seed_scores, with_trial_metrics
from bnbench.analysis.registry import get_metric
from bnbench.analysis.sample_size import pairs_needed, sd_bounds
from bnbench.analysis.sequential import half_width_at, is_futile, look_at
from bnbench.analysis.trials import scored_trials
from bnbench.config.expectations import Claim
from bnbench.planning.adaptive.place import DesignPlace
from bnbench.planning.adaptive.record import ClaimLook, Judging, Look
from bnbench.planning.seed_claims import SeedClaim
from bnbench.results.judgment import INCONCLUSIVE, REFUTED, SUPPORTED, lies_within, verdict_of, verdict_text


def look_at_claims(
    claims: Sequence[SeedClaim], trials: pd.DataFrame, curves: Curves, judging: Judging, level: float | None, n: int
) -> Look:
    """Return what is known about each claim after some seeds.

    Args:
        claims: those about this value of the further axes.
        trials: the trials that judge, at one value of the further axes, with all columns.
        curves: the learning curves of these trials.
        judging: the seeds and rates.
        level: the lowest score at which a training counts as trained.
        n: how many of the seeds have finished.
    """
    known = trials[trials["seed"].isin(judging.seeds[:n])]
    looks = []
    for one in claims:
        values = _values(one, known, curves, judging)
        looks.append(_look(one, values, judging, n, _collapses(one, known, judging, level)))
    return Look(n=n, claims=looks)


@dataclass(frozen=True)
class _Values:
    """The metric of a claim by seed, in the order of the seeds: of the variant, and of the other one if any."""

    own: NDArray[Any]
    other: NDArray[Any] | None


def _values(one: SeedClaim, trials: pd.DataFrame, curves: Curves, judging: Judging) -> _Values:
    scored = with_trial_metrics(trials, curves, one.claim, one.baseline)
    sides = [
        per_seed_scores(
            one.claim.model_copy(update={"at": _rate(one, name, judging)}),
            scored[scored["variant"] == name],
            np.array(judging.rates[name]),
        ).values
        for name in one.variants
        if name in judging.rates
    ]
    if len(sides) < (2 if one.over else 1):
        return _Values(np.empty(0), None)
    seeds = [seed for seed in judging.seeds if all(seed in side.index for side in sides)]
    arrays = [side[seeds].to_numpy(float) for side in sides]
    return _Values(arrays[0], arrays[1] if one.over else None)


def _rate(one: SeedClaim, variant: str, judging: Judging) -> float:
    return judging.rates[variant][0] if one.rate is None else one.rate


def _collapses(one: SeedClaim, trials: pd.DataFrame, judging: Judging, level: float | None) -> bool:
    """Return True if the seeds differ in which of their trainings collapsed, and that matters for the metric."""
    if not get_metric(one.claim.metric).may_collapse:
        return False
    scored, sides = scored_trials(trials), []
    for name in one.variants:
        if name in judging.rates and level is not None:
            rows = scored[(scored["variant"] == name) & (scored["learning_rate"] == _rate(one, name, judging))]
            sides.append(dict(zip(rows["seed"].tolist(), collapsed_trials(rows, level).tolist(), strict=True)))
    seeds = set.intersection(*map(set, sides)) if sides else set()
    return mixes_kinds([tuple(side[seed] for side in sides) for seed in seeds])


def _look(one: SeedClaim, values: _Values, judging: Judging, n: int, collapses: bool) -> ClaimLook:
    """Return what the values of a claim say at a look."""
    text = one.claim.text
    if not len(values.own):
        return ClaimLook(claim=one.key, text=text, futile=True, verdict=INCONCLUSIVE)
    if get_metric(one.claim.metric).yes_or_no or one.claim.kind == "probability":
        return _share_look(one, values, judging, n)
    with np.errstate(all="ignore"):
        differences = _differences(one.claim.kind, values)
    back = math.exp if one.claim.kind == "ratio" else float
    look = look_at(differences, judging.most)
    estimate = back(look.mean) if math.isfinite(look.mean) else None
    if collapses:
        return _collapsed_look(one, differences, estimate, judging)
    if math.isnan(look.low):
        return ClaimLook(claim=one.key, text=text, estimate=estimate, verdict=INCONCLUSIVE)
    rope = _rope_of(one.claim, one.rope or judging.rope)
    verdict = verdict_of(one.claim.bound, back(look.low), back(look.high))
    negligible = rope is not None and lies_within((look.rope_low, look.rope_high), rope)
    bounds = [math.log(number) if one.claim.kind == "ratio" else number for number in one.claim.bound.numbers]
    return ClaimLook(
        claim=one.key, text=text, estimate=estimate, low=back(look.low), high=back(look.high), verdict=verdict,
        negligible=negligible, decided=verdict != INCONCLUSIVE or negligible,
        futile=is_futile(look, judging.most, bounds, rope),
        seeds_needed=pairs_needed(min((look.mean - bound for bound in bounds), key=abs), look.sd),
    )  # fmt: skip


def _collapsed_look(one: SeedClaim, differences: NDArray[Any], estimate: float | None, judging: Judging) -> ClaimLook:
    """Return what is known where some trainings collapse: no t interval holds, but one of betting does."""
    low = high = math.nan
    metric = get_metric(one.claim.metric)
    bounds = {"difference": metric.difference_bounds, "value": metric.bounds}.get(one.claim.kind)
    if bounds:
        low, high = betting_interval(differences, *bounds, planned=judging.most)
    verdict = verdict_of(one.claim.bound, low, high)
    ends = (None, None) if math.isnan(low) else (low, high)
    return ClaimLook(
        claim=one.key, text=one.claim.text, estimate=estimate, low=ends[0], high=ends[1], verdict=verdict,
        decided=verdict in (SUPPORTED, REFUTED),
    )  # fmt: skip


def _differences(kind: str, values: _Values) -> NDArray[Any]:
    if values.other is None:
        return values.own
    differences = np.log(values.own) - np.log(values.other) if kind == "ratio" else values.own - values.other
    return np.asarray(differences)


def _rope_of(claim: Claim, rope: float | None) -> float | None:
    """Return the rope, if the claim is about a difference from 0: only there is a difference too small to matter."""
    return rope if claim.kind == "difference" and claim.bound.numbers == [0.0] else None


def _share_look(one: SeedClaim, values: _Values, judging: Judging, n: int) -> ClaimLook:
    """Return what is known about a share of seeds, with its exact interval at the level of this look."""
    metric = get_metric(one.claim.metric)
    if values.other is None:
        holds = values.own == 1
    else:
        holds = values.own > values.other if metric.higher_is_better else values.own < values.other
    low, high = clopper_pearson(int(holds.sum()), len(holds), 1 - level_at(n, judging.most))
    verdict = verdict_of(one.claim.bound, low, high) if len(holds) >= MIN_VALUES else INCONCLUSIVE
    return ClaimLook(
        claim=one.key, text=one.claim.text, estimate=float(holds.mean()), low=low, high=high, verdict=verdict,
        decided=verdict in (SUPPORTED, REFUTED),
    )  # fmt: skip


def decisive_looks(judging: Judging) -> Iterator[tuple[Look, ClaimLook]]:
    """Yield for each claim the look that decided it, or the last one: the first decision counts."""
    for key in dict.fromkeys(claim.claim for look in judging.looks for claim in look.claims):
        found = [(look, claim) for look in judging.looks for claim in look.claims if claim.claim == key]
        yield next((one for one in found if one[1].decided), found[-1])


def why_not_decidable(place: DesignPlace, judging: Judging, claims: Sequence[SeedClaim]) -> str:
    """Return why even all seeds would leave a claim about a rope open, from the spread in the trials so far.

    Empty if they may decide, or if too little is known. The spread of a few seeds is itself uncertain, so its lower
    bound is used.
    """
    for one in claims:
        rope = _rope_of(one.claim, one.rope or judging.rope)
        if rope is None or one.claim.of not in judging.rates or one.over not in judging.rates:
            continue
        differences = _differences_so_far(place, one, judging)
        if len(differences) >= MIN_VALUES and (reason := _why_open(differences, rope, judging.most)):
            return f"{one.claim.text}: {reason}"
    return ""


def _differences_so_far(place: DesignPlace, one: SeedClaim, judging: Judging) -> NDArray[Any]:
    """Return the differences of the validation scores at the rates of a claim, by the seeds that have both."""
    scores: list[dict[int, float]] = []
    for name in (one.claim.of, one.over):
        rate = _rate(one, name, judging)
        rows = (
            (entry.seed, place.outcome(entry.trial))
            for entry in place.record.entries
            if entry.variant == name and entry.rate == rate and entry.form == "whole"
        )
        scores.append({seed: found.score for seed, found in rows if found and not found.failed})
    own, other = scores
    return np.array([own[seed] - other[seed] for seed in sorted(own.keys() & other.keys())])


def _why_open(differences: NDArray[Any], rope: float, most: int) -> str:
    n, mean = len(differences), abs(float(differences.mean()))
    sd, _ = sd_bounds(float(differences.std(ddof=1)), n)
    wide, narrow = (half_width_at(most, most, sd, confidence) for confidence in (0.95, 0.90))
    # It may lie outside the rope, or inside.
    if mean - wide > 0 or narrow < rope:
        return ""
    needed = next((count for count in MOST_SEEDS if half_width_at(count, count, sd, 0.90) < rope), None)
    cure = f"set at_most: {needed}" if needed else f"no design of at most {MOST_SEEDS[-1]} seeds can"
    return (
        f"a rope of {rope:g} cannot be decided with {most} seeds, because {n} seeds differ by a standard deviation of "
        f"at least {sd:.2g}: {cure}, or set a wider rope"
    )


def look_text(claim: ClaimLook) -> str:
    """Return the verdict of a look as people read it: `supported`, or `open (about 40 seeds)`."""
    needed = math.nan if claim.decided or claim.seeds_needed is None else float(claim.seeds_needed)
    return verdict_text(claim.verdict or INCONCLUSIVE, claim.negligible, needed)
