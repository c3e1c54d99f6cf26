"""Results -> what a careful reviewer would say of an experiment, in sentences."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log10
from typing import Any

import pandas as pd

from bnbench.analysis.labels import format_value
from bnbench.analysis.per_seed import matches_axes
from bnbench.analysis.symptoms import gives_one_prediction
from bnbench.analysis.trials import by_axes, cell_label
from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError
from bnbench.model.layers import Layer, NormSlot, flatten_layers
from bnbench.planning.task import loss_class
from bnbench.results.results import Results

FEW_SEEDS = 3  # below it there is no interval
TEST_SEEDS = 6  # below it a sign-flip test cannot reach .05
MAX_STEP = 1.05  # decades between neighbouring rates: a wider gap may hide a better rate
START_WEIGHT = 0.01  # of the moving statistics' start, that is worth a word
MODE_GAP = 0.02  # of accuracy, between statistics of the batch and moving ones, that is worth a word
MAX_NAMED = 3  # rates of variants, one by one
FEW_ROWS = 300  # to validate on: the standard error of an accuracy of 90% is then 1.7 points or more
KERAS_MOMENTUM = 0.99  # of BatchNormalization, where a config does not say
SOFTMAX_LOSSES = {"CategoricalCrossentropy", "SparseCategoricalCrossentropy"}
PARAMS = "model.params."  # what an axis that sweeps a number of the layer list begins with


def list_caveats(results: Results) -> list[str]:
    """Sentences, the gravest first; none where there is nothing to say."""
    return [results.said(sentence) for sentence in _caveats(results)]


def _caveats(results: Results) -> list[str]:
    trials, summary, experiment = results.trials, results.summary, results.experiment
    told = [*_missing(trials, results.planned)]
    if summary.empty:
        return told
    dead = _dead(summary, results.axes)
    told += _never_ok(dead, results.baseline)
    told += _ok_by_size(trials, results.axes)
    told += _mode_gap(results.variants, results.axes)
    if experiment:
        told += [*_not_warm(experiment, trials, results.axes), *_sigmoid_dropped(experiment, trials, results.axes)]
        told += _same_part(experiment)
    told += [
        *_few_seeds(summary, experiment),
        *_edges(results, dead),
        *_gaps(sorted(summary["learning_rate"].unique())),
    ]
    return told if results.of_numbers else [*told, *_coarse(results.validation_rows)]


def _missing(trials: pd.DataFrame, planned: int) -> Iterator[str]:
    failed = int((trials["status"] == "failed").sum())
    if failed:
        yield f"{failed} of {planned} trials failed, which no figure here shows; the same command tries again."
    if len(trials) < planned:
        yield f"{planned - len(trials)} of {planned} trials are still to come; the same command goes on."


def _dead(summary: pd.DataFrame, axes: Sequence[str]) -> dict[str, str]:
    """Those that train at no rate: name with the values of the axes -> variant."""
    keys = ["variant", *axes]
    ok = summary.groupby(keys, sort=False, dropna=False)["n_ok"].sum().reset_index()
    return {cell_label(row, axes): row["variant"] for row in ok.to_dict("records") if not row["n_ok"]}


def _never_ok(dead: Mapping[str, str], baseline: str) -> Iterator[str]:
    for name, variant in dead.items():
        target = ", and times to what it reaches are times to chance" * (variant == baseline)
        yield f"{name} trains at no rate: nothing can be said of its best rate{target}."


def _ok_by_size(trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """The outcome ok asks for more than one in C; to say the largest class always is more where classes differ."""
    shown = trials[(trials["outcome"] == "ok") & gives_one_prediction(trials)]
    if len(shown):
        places = dict.fromkeys(
            f"{cell_label(row, axes)} at {format_value(row['learning_rate'])}" for row in shown.to_dict("records")
        )
        named = ", ".join([*list(places)[:MAX_NAMED], *["..."] * (len(places) > MAX_NAMED)])
        yield (
            f"{len(shown)} {'trial counts' if len(shown) == 1 else 'trials count'} as ok and learnt next to nothing "
            f"({named}): always to say the largest class is right more often than once in as many as there are classes."
        )


def _same_part(experiment: Experiment) -> Iterator[str]:
    if experiment.data.split.validation == "test":
        yield (
            "Validation and test are the same rows, as the source had it: rates were chosen on the rows that the "
            "result is reported on, so it is too good by what choosing gains."
        )


def _few_seeds(summary: pd.DataFrame, experiment: Experiment | None) -> Iterator[str]:
    n = int(summary["n"].min())
    planned = experiment.sweep.seeds if experiment else None
    if n < FEW_SEEDS:
        more = " Adding -o sweep.seeds=5 trains more and keeps what is trained."
        yield (
            f"{n} {'seed' if n == 1 else 'seeds'} at some rates: no interval can be given, and a difference may be "
            f"the luck of a seed.{more if isinstance(planned, int) and planned < FEW_SEEDS else ''}"
        )
    elif n < TEST_SEEDS:
        yield f"With {n} seeds no sign-flip test can reach p = 0.05; it takes {TEST_SEEDS}."


def _edges(results: Results, dead: Container[str]) -> Iterator[str]:
    summary, axes = results.summary, results.axes
    low, high = summary["learning_rate"].min(), summary["learning_rate"].max()
    found: dict[float, list[str]] = {low: [], high: []}
    for row in results.variants.to_dict("records"):
        name = cell_label(row, axes)
        if row["best_rate"] in found and name not in dead:
            found[row["best_rate"]].append(name)
    for rate, place in ((low, "lowest"), (high, "highest")):
        if found[rate] and low < high:
            names, best = ", ".join(found[rate]), format_value(rate)
            yield f"The best rate of {names}, {best}, is the {place} of the grid: a better one may lie beyond."


def _gaps(rates: Sequence[float]) -> Iterator[str]:
    steps = [log10(high / low) for low, high in pairwise(rates)]
    if steps and max(steps) > MAX_STEP:
        at = steps.index(max(steps))
        yield (
            f"Neighbouring rates are up to {10 ** max(steps):.0f} times apart ({format_value(rates[at])} and "
            f"{format_value(rates[at + 1])}): what lies between was not looked at."
        )


def _not_warm(experiment: Experiment, trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Keras' moving statistics start at mean 0 and variance 1, without a correction for the start."""
    completed = trials[trials["status"] == "completed"]
    worst: dict[str, tuple[float, str]] = {}
    for place, part in by_axes(completed, axes):
        for name, own in part.groupby("variant", sort=False):
            momentum, steps = _momentum(experiment, str(name), place), int(own["steps"].min())
            told = (
                f"{cell_label({'variant': name, **place}, axes)}: after {steps} steps its moving statistics (momentum "
                f"{momentum:g}) are still {momentum**steps:.0%} what they started from, so validation may say little "
                "of the network. A smaller momentum or longer training mends that."
            )
            worst[str(name)] = max(worst.get(str(name), (0.0, "")), (momentum**steps, told))
    yield from (told for weight, told in worst.values() if weight > START_WEIGHT)


def _sigmoid_dropped(experiment: Experiment, trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Keras' losses look behind the activation that a model ends in, and take any for that which fits the loss."""
    loss = experiment.train.loss
    if loss_class(loss) not in SOFTMAX_LOSSES:
        return
    names = [
        cell_label({"variant": name, **place}, axes)
        for place, part in by_axes(trials, axes)
        for name in part["variant"].unique()
        if (layers := _layers(experiment, name, place)) and layers[-1].arguments.get("activation") == "sigmoid"
    ]
    if names:
        yield (
            f"The sigmoid that {', '.join(names)} {'ends' if len(names) == 1 else 'end'} in is not part of the loss: "
            f"Keras' {loss.name} takes what the sigmoid is given and computes a softmax. `rescaling: 1` behind it "
            "keeps it."
        )


def _mode_gap(variants: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Where the moving statistics are not those of the batches, training and validation see two networks."""
    for row in variants.to_dict("records"):
        gap = row["bn_mode_gap"]
        if abs(gap) > MODE_GAP:
            name = cell_label(row, axes)
            which = "higher" if gap > 0 else "lower"
            yield (
                f"{name}: normalised by each batch's own statistics, as in training, validation accuracy at its best "
                f"rate is {abs(gap) * 100:.1f} points {which} than by the moving ones, on which all figures here rest."
            )


def _momentum(experiment: Experiment, name: str, place: Mapping[str, Any]) -> float:
    """The largest of the batch normalisations that a variant has at a value of each further axis; 0: it has none."""
    found = [layer for layer in _layers(experiment, name, place) if layer.class_name == "BatchNormalization"]
    return max((float(layer.arguments.get("momentum", KERAS_MOMENTUM)) for layer in found), default=0.0)


def _layers(experiment: Experiment, name: str, place: Mapping[str, Any]) -> Sequence[Layer]:
    """Those of a variant at a value of each further axis; none where they cannot be told."""
    variant = experiment.variants.get(name)
    if variant is None:  # the file was changed by hand
        return ()
    grid = experiment.sweep.grid.items()
    swept = {axis: value for axis, values in grid for value in values if matches_axes(place, {axis: value})}
    own = {axis.removeprefix(PARAMS): value for axis, value in swept.items() if axis.startswith(PARAMS)}
    params = {**experiment.model.params, **own, **variant.params, "classes": 2}
    items = variant.layers or swept.get("model.layers") or experiment.model.layers
    norm = NormSlot(variant.norm.name, variant.norm.arguments)
    try:
        return flatten_layers(items, params, norm, name)
    except ConfigError:  # of another Keras
        return ()


def _coarse(rows: int) -> Iterator[str]:
    if rows < FEW_ROWS:
        yield f"Validation has {rows} rows: one row more or less is {100 / rows:.3g} points of accuracy."
