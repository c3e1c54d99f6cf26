"""Results -> the trials that a probe looked at, what it measured in them, and the order of their layers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bnbench.analysis.probe_values import layer_depths, natural_order, nearest_rate
from bnbench.analysis.trials import is_at
from bnbench.model.norms import NORM_CLASSES
from bnbench.results.results import Results

# What figures and sentences need to know about a trial, in addition to the further axes.
COLUMNS = ("trial", "variant", "learning_rate", "seed", "steps", "diverged_at_step")
# And about its variant.
OF_VARIANT = ("best_rate", "edge", "edge_low", "edge_high")


def probed_trials(results: Results, probe: str, most: int) -> pd.DataFrame:
    """Return the trials in which a probe measured.

    Columns: those of COLUMNS, the further axes, and OF_VARIANT.

    Args:
        results: the results.
        probe: its name.
        most: the largest number of settings of the further axes, the most telling ones.
    """
    if probe not in results.probed:
        return pd.DataFrame(columns=[*COLUMNS, *results.axes, *OF_VARIANT])
    trials = results.scored_trials
    trials = trials[trials["trial"].isin(results.probed[probe])]
    if results.axes:
        shown = [trials[is_at(trials, place)] for place in results.telling_places(most)]
        trials = pd.concat([trials.iloc[:0], *shown])
    cell = ["variant", *results.axes]
    of_variant = results.variants[[*cell, *OF_VARIANT]]
    return trials[[*COLUMNS, *results.axes]].merge(of_variant, on=cell, how="left")


def probed_values(results: Results, trials: pd.DataFrame, names: Iterable[str], by_step: bool = True) -> pd.DataFrame:
    """Return what was measured in some trials until they diverged: the columns of the trials, name, layer and so on.

    Args:
        results: the results.
        trials: rows of `probed_trials`.
        names: of the values, in the order of the rows.
        by_step: whether positions are steps; otherwise all values are returned.
    """
    tables = [results.measurements(name, trials["trial"]).assign(name=name) for name in names]
    values = trials.merge(pd.concat(tables), on="trial")
    if not by_step:
        return values
    # What is measured after a divergence is no training any more.
    return values[~(values["position"] > values["diverged_at_step"].astype(float))]


def at_nearest_rate(trials: pd.DataFrame, axes: Sequence[str], wanted: str = "best_rate") -> pd.DataFrame:
    """Return the trials of each variant and setting at the rate nearest to that of a column; none if it is unknown."""
    known = trials[trials[wanted].notna()]
    parts = [
        rows[rows["learning_rate"] == nearest_rate(set(rows["learning_rate"]), rows[wanted].iloc[0])]
        for _, rows in known.groupby(["variant", *axes], sort=False, dropna=False)
    ]
    return pd.concat([known.iloc[:0], *parts])


def at_common_rate(results: Results, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of each setting at the rate with the highest validation score as a mean over the variants."""
    if trials.empty:
        return trials
    cell = ["variant", *results.axes, "learning_rate"]
    scored = trials.merge(results.summary[[*cell, "validation_score_mean"]], on=cell)
    groups = [rows for _, rows in scored.groupby(results.axes, sort=False, dropna=False)] if results.axes else [scored]
    return pd.concat([scored.iloc[:0], *map(_at_best_mean, groups)])


def _at_best_mean(rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows.drop_duplicates(["variant", "learning_rate"])
    by_rate = cells.groupby("learning_rate")["validation_score_mean"].agg(["mean", "count"])
    common = by_rate.loc[by_rate["count"] == by_rate["count"].max(), "mean"].dropna()
    return rows[rows["learning_rate"] == common.idxmax()] if len(common) else rows.iloc[:0]


def with_depths(results: Results, values: pd.DataFrame, weighted: str) -> pd.DataFrame:
    """Return values by layer with a column `depth`: how many layers with a kernel there are up to the layer.

    Norms have weights and no kernel; their own rows are left out. The last layer of the model has the largest depth.

    Args:
        results: the results.
        values: with the columns `variant`, `name` and `layer`, and the further axes.
        weighted: the name of values that every layer with weights has.
    """
    parts = []
    for _, rows in values.groupby(["variant", *results.axes], sort=False, dropna=False):
        first = rows.iloc[0]
        order, norms = _order_of_layers(results, str(first["variant"]), {axis: first[axis] for axis in results.axes})
        trained = set(rows.loc[rows["name"] == weighted, "layer"]) - norms
        order += natural_order(set(rows["layer"]) - set(order))
        kept = rows[~rows["layer"].isin(norms)]
        parts.append(kept.assign(depth=kept["layer"].map(layer_depths(trained, order))))
    return pd.concat([values.iloc[:0].assign(depth=0), *parts]).sort_index()


def _order_of_layers(results: Results, variant: str, place: Mapping[str, Any]) -> tuple[list[str], set[str]]:
    """Return the names of all layers in the order of the model, and those of the norms; none if they are unknown."""
    config = results.variant_config(variant, place)
    layers = config.layers if config else ()
    return [layer.name for layer in layers], {layer.name for layer in layers if layer.class_name in NORM_CLASSES}
