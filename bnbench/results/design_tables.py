"""The tables of claims and of variants, as an adaptive design answers them."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bnbench.analysis.columns import CLAIMS, VARIANTS, column_names
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_axes
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.per_seed import matches_axes
from bnbench.analysis.registry import get_metric
from bnbench.analysis.step_times import PairTimes
from bnbench.analysis.trials import axes_of, by_axes
from bnbench.config.expectations import Claim
from bnbench.planning.seed_claims import is_for_seeds
from bnbench.results import edges
from bnbench.results.claims import claim_row, judge_claims, weakest_row
from bnbench.results.design import Design
from bnbench.results.findings import Finding
from bnbench.results.judgment import INCONCLUSIVE, Judgment, judge

# Columns of a variant that are about its trials at the best rate; the others are about all rates.
AT_BEST = ("best_rate", "best_rate_ratio", "n", "bn_mode_gap", "reestimated_gap", "n_diverged", "trials")
NO_GRID = "needs every rate of the sweep, which this design does not train"
NO_LOOK = "no seed has judged it yet"


def judge_by_design(
    design: Design,
    claims: Sequence[Claim],
    trials: pd.DataFrame,
    curves: Curves,
    baseline: str,
    pairs: Sequence[PairTimes],
) -> pd.DataFrame:
    """Return one row per claim, with the columns of `columns.CLAIMS`.

    Edges come from the search for them, and scores from the looks at the seeds that judge. Metrics over all rates come
    from the full grid, if the design has one.
    """
    rows = []
    for number, claim in enumerate(claims):
        subject = claim_row(claim, baseline)
        if get_metric(claim.metric).name == edges.METRIC:
            rows.append(subject | weakest_row(claim, list(_by_edges(design, claim, trials, subject["over"]))))
        elif is_for_seeds(claim):
            rows.append(subject | weakest_row(claim, list(_by_looks(design, number, claim, trials))))
        elif get_metric(claim.metric).timed:
            rows.append(_as_row(judge_claims([claim], design.judged(trials), curves, baseline, pairs)))
        else:
            rows.append(subject | _by_grid(design, claim, trials, curves, baseline))
    return pd.DataFrame(rows, columns=column_names(CLAIMS))


def _places(claim: Claim, trials: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for place, _ in by_axes(trials, axes_of(trials)):
        if matches_axes(place, claim.where):
            yield place


def _by_edges(design: Design, claim: Claim, trials: pd.DataFrame, over: str) -> Iterator[tuple[Judgment, Finding]]:
    for place in _places(claim, trials):
        finding = design.find_edge(claim.kind, place, claim.of, over)
        yield judge(claim.bound, finding), _located(finding, place)


def _by_looks(design: Design, number: int, claim: Claim, trials: pd.DataFrame) -> Iterator[tuple[Judgment, Finding]]:
    for place in _places(claim, trials):
        found, judging = design.decisive(str(number), place), design.judging(place)
        if found is None or judging is None:
            yield Judgment(INCONCLUSIVE), _located(Finding().noted(NO_LOOK), place)
            continue
        finding, judgment = found
        looked = f"a repeated interval, after {finding.n} of at most {judging.most} seeds"
        yield judgment, _located(finding.noted(looked), place)


def _located(finding: Finding, place: dict[str, Any]) -> Finding:
    return finding.noted(f"at {format_axes(place, list(place))}" if place else "")


def _by_grid(design: Design, claim: Claim, trials: pd.DataFrame, curves: Curves, baseline: str) -> dict[str, Any]:
    grid = design.grid(trials)
    if grid.empty:
        return weakest_row(claim, [(Judgment(INCONCLUSIVE), Finding().noted(NO_GRID))])
    return _as_row(judge_claims([claim], grid, curves, baseline))


def _as_row(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): value for name, value in table.to_dict("records")[0].items()}


def _is_at_best(name: str, keys: Sequence[str]) -> bool:
    return name in (*keys, *AT_BEST) or name.endswith(("_mean", "_sd")) or name.startswith("judged")


def with_design(table: pd.DataFrame, of_grid: pd.DataFrame, design: Design, axes: Sequence[str]) -> pd.DataFrame:
    """Return a table of variants with the edges of a design, and with metrics over all rates only from a full grid."""
    keys = ["variant", *axes]
    over_rates = [
        name
        for name in table.columns
        if name in column_names(VARIANTS)
        and name not in (*keys, *AT_BEST)
        and not (name.endswith(("_mean", "_sd")) or name.startswith("judged"))
    ]
    merged = table.drop(columns=over_rates)
    if len(of_grid):
        merged = merged.merge(of_grid[[*keys, *over_rates]], on=keys, how="left")
    else:
        # A flag has no missing value.
        empty = {name: False if table[name].dtype == bool else math.nan for name in over_rates}
        merged = merged.assign(**empty)
    for i, row in enumerate(merged.to_dict("records")):
        posterior = design.posterior({axis: row[axis] for axis in axes}, str(row["variant"]))
        known = posterior is not None and len(posterior.outcomes) >= MIN_VALUES
        numbers = posterior.edge().rates if posterior and known else (math.nan,) * 3
        merged.loc[merged.index[i], ["edge", "edge_low", "edge_high"]] = numbers
    return merged[list(table.columns)]
