"""Results -> caveats: what a careful reviewer would say about an experiment, in sentences."""

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log10
from typing import Any

import pandas as pd

from bnbench.analysis.columns import ACCURACY
from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES
from bnbench.analysis.labels import RateFormat, format_count
from bnbench.analysis.per_seed import matches_axes
from bnbench.analysis.symptom_rules import MODE_GAP, gives_one_prediction
from bnbench.analysis.trials import by_axes, cell_label
from bnbench.config.schema import Experiment
from bnbench.data.splits import FAR
from bnbench.errors import ConfigError
from bnbench.model.layers import Layer, NormSlot, flatten_layers
from bnbench.planning.task import loss_class
from bnbench.results.results import Results

# Decades between neighboring rates: a wider gap may hide a better rate.
MAX_STEP = 1.05
# From this weight of the initial moving statistics on, there is a caveat.
START_WEIGHT = 0.01
# The maximum number of variants and rates that are listed one by one.
MAX_NAMED = 3
# Validation rows: the standard error of an accuracy of 90% is then 1.7 points or more.
FEW_ROWS = 300
# Momentum of BatchNormalization, if a config does not give it.
KERAS_MOMENTUM = 0.99
SOFTMAX_LOSSES = {"CategoricalCrossentropy", "SparseCategoricalCrossentropy"}
# An axis that sweeps a number of the layer list begins so.
PARAMS = "model.params."


def list_caveats(results: Results) -> list[str]:
    """Return sentences, the most serious first; none if there is nothing to say."""
    trials, summary, experiment = results.trials, results.summary, results.experiment
    caveats = [*_unread_config(results), *_missing(trials, results.planned)]
    if summary.empty:
        return caveats
    dead = _variants_that_never_train(summary, results.axes)
    caveats += _never_ok(dead, results.baseline)
    caveats += _ok_by_class_size(trials, results.axes)
    caveats += _mode_gap(results)
    caveats += _far_values(results)
    if experiment:
        caveats += _not_warm(experiment, trials, results.axes)
        caveats += _sigmoid_left_out(experiment, trials, results.axes)
        caveats += _validation_is_test(experiment)
    caveats += _few_seeds(summary, experiment)
    caveats += _grid_ends(results, dead)
    caveats += _wide_gaps(sorted(summary["learning_rate"].unique()))
    caveats += _few_rows(results.validation_rows) if results.score_name == ACCURACY else []
    return caveats


def _unread_config(results: Results) -> list[str]:
    return [results.config.problem] if results.config.problem else []


def _missing(trials: pd.DataFrame, planned: int) -> Iterator[str]:
    failed = int((trials["status"] == "failed").sum())
    if failed:
        yield f"{failed} of {planned} trials failed and are in no number here; the same command tries them again."
    if len(trials) < planned:
        yield f"{planned - len(trials)} of {planned} trials have not finished; the same command trains them."


def _variants_that_never_train(summary: pd.DataFrame, axes: Sequence[str]) -> dict[str, str]:
    """Return the variants that are ok at no rate, by their label with the values of the axes."""
    keys = ["variant", *axes]
    ok = summary.groupby(keys, sort=False, dropna=False)["n_ok"].sum().reset_index()
    return {cell_label(row, axes): row["variant"] for row in ok.to_dict("records") if not row["n_ok"]}


def _never_ok(dead: Mapping[str, str], baseline: str) -> Iterator[str]:
    for label, variant in dead.items():
        target = ", and the times to its score are times to chance" if variant == baseline else ""
        yield f"{label} trains at no rate, so its best rate means nothing{target}."


def _ok_by_class_size(trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Warn of ok trials that predict one class: if classes differ in size, such a trial scores more than chance."""
    shown = trials[(trials["outcome"] == "ok") & gives_one_prediction(trials)]
    if shown.empty:
        return
    rate_text = RateFormat(trials["learning_rate"])
    places = list(
        dict.fromkeys(
            f"{cell_label(row, axes)} at {rate_text(row['learning_rate'])}" for row in shown.to_dict("records")
        )
    )
    named = ", ".join([*places[:MAX_NAMED], *(["..."] if len(places) > MAX_NAMED else [])])
    count = "1 trial counts" if len(shown) == 1 else f"{len(shown)} trials count"
    yield (
        f"{count} as ok but learned next to nothing ({named}): the largest class has more than its equal share of the "
        "rows, so always predicting it beats guessing."
    )


def _validation_is_test(experiment: Experiment) -> Iterator[str]:
    if experiment.data.split.validation == "test":
        yield (
            "Validation and test are the same rows, as in the source: the rates were chosen on the rows on which the "
            "result is reported, so the result is too optimistic."
        )


def _few_seeds(summary: pd.DataFrame, experiment: Experiment | None) -> Iterator[str]:
    n = int(summary["n"].min())
    planned = experiment.sweep.seeds if experiment else None
    if n < MIN_VALUES:
        can_add = isinstance(planned, int) and planned < MIN_VALUES
        fix = " Add -o sweep.seeds=5: it trains more seeds and keeps the finished ones." if can_add else ""
        yield (
            f"{format_count(n, 'seed')} at some rates: there is no interval, and a difference may be the luck of a "
            f"seed.{fix}"
        )
    elif n < MIN_FLIPS:
        yield f"With {n} seeds no sign-flip test can reach p = 0.05; it needs {MIN_FLIPS}."


def _grid_ends(results: Results, dead: Container[str]) -> Iterator[str]:
    summary = results.summary
    low, high = summary["learning_rate"].min(), summary["learning_rate"].max()
    at_end: dict[float, list[str]] = {low: [], high: []}
    for row in results.variants.to_dict("records"):
        label = cell_label(row, results.axes)
        if row["best_rate"] in at_end and label not in dead:
            at_end[row["best_rate"]].append(label)
    for rate, which in ((low, "lowest"), (high, "highest")):
        if at_end[rate] and low < high:
            labels, best = ", ".join(at_end[rate]), RateFormat(summary["learning_rate"])(rate)
            yield f"The best rate of {labels}, {best}, is the {which} of the grid: a better one may be beyond it."


def _wide_gaps(rates: Sequence[float]) -> Iterator[str]:
    steps = [log10(high / low) for low, high in pairwise(rates)]
    if steps and max(steps) > MAX_STEP:
        at, rate_text = steps.index(max(steps)), RateFormat(rates)
        yield (
            f"Neighboring rates are up to {10 ** max(steps):.0f} times apart ({rate_text(rates[at])} and "
            f"{rate_text(rates[at + 1])}): no rate between them was tried."
        )


def _not_warm(experiment: Experiment, trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Keras' moving statistics start at mean 0 and variance 1, without a correction for the start."""
    completed = trials[trials["status"] == "completed"]
    worst: dict[str, tuple[float, str]] = {}
    for place, part in by_axes(completed, axes):
        for name, own in part.groupby("variant", sort=False):
            momentum, steps = _momentum(experiment, str(name), place), int(own["steps"].min())
            sentence = (
                f"{cell_label({'variant': name, **place}, axes)}: after {steps} steps its moving statistics (momentum "
                f"{momentum:g}) are still {momentum**steps:.0%} their initial values, so validation may say little "
                "about the network. Use a smaller momentum or train longer."
            )
            worst[str(name)] = max(worst.get(str(name), (0.0, "")), (momentum**steps, sentence))
    yield from (sentence for weight, sentence in worst.values() if weight > START_WEIGHT)


def _sigmoid_left_out(experiment: Experiment, trials: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """Warn of a last activation that does not fit the loss: Keras takes the values before it as logits in any case."""
    loss = experiment.train.loss
    try:
        softmax = loss_class(loss) in SOFTMAX_LOSSES
    # Results are shown where Keras is not installed, too.
    except ConfigError:
        return
    if not softmax:
        return
    labels = [
        cell_label({"variant": name, **place}, axes)
        for place, part in by_axes(trials, axes)
        for name in part["variant"].unique()
        if (layers := _layers(experiment, name, place)) and layers[-1].arguments.get("activation") == "sigmoid"
    ]
    if labels:
        yield (
            f"The last sigmoid of {', '.join(labels)} is not part of the loss: Keras' {loss.name} takes the input of "
            "the sigmoid and computes a softmax. Add `rescaling: 1` behind it to keep it."
        )


def _mode_gap(results: Results) -> Iterator[str]:
    """Warn of moving statistics that differ from batch statistics: training and validation then see two networks."""
    for row in results.variants.to_dict("records"):
        gap = row["bn_mode_gap"]
        if abs(gap) > MODE_GAP:
            which = "higher" if gap > 0 else "lower"
            yield (
                f"{cell_label(row, results.axes)}: at its best rate, validation {results.score_name} is "
                f"{abs(gap) * 100:.1f} points {which} with each batch's own statistics, as in training, than with the "
                "moving ones, which all numbers here use."
            )


def _far_values(results: Results) -> Iterator[str]:
    """Warn of standardized values that are far away: each of them dominates the step of its mini-batch."""
    counts, distances = results.measurements("far_values"), results.measurements("farthest_value")
    if len(counts):
        count, farthest = format_count(int(counts["value"].max()), "value"), distances["value"].max()
        yield (
            f"`scale: standard` puts up to {count} of the rows of a seed more than {FAR:g} standard deviations from "
            f"the training mean, the farthest {farthest:.4g}: these pixels or columns are almost constant in training. "
            "Such a value dominates the step of its mini-batch; `scale: unit` avoids this."
        )


def _momentum(experiment: Experiment, name: str, place: Mapping[str, Any]) -> float:
    """Return the largest momentum of a variant's batch normalization at one value of each axis, or 0."""
    norms = [layer for layer in _layers(experiment, name, place) if layer.class_name == "BatchNormalization"]
    return max((float(layer.arguments.get("momentum", KERAS_MOMENTUM)) for layer in norms), default=0.0)


def _layers(experiment: Experiment, name: str, place: Mapping[str, Any]) -> Sequence[Layer]:
    """Return the layers of a variant at one value of each axis; no layers if they cannot be determined."""
    variant = experiment.variants.get(name)
    # The file may have been edited since.
    if variant is None:
        return ()
    grid = experiment.sweep.grid.items()
    swept = {axis: value for axis, values in grid for value in values if matches_axes(place, {axis: value})}
    own = {axis.removeprefix(PARAMS): value for axis, value in swept.items() if axis.startswith(PARAMS)}
    params = {**experiment.model.params, **own, **variant.params, "classes": 2}
    items = variant.layers or swept.get("model.layers") or experiment.model.layers
    norm = NormSlot(variant.norm.name, variant.norm.arguments)
    try:
        return flatten_layers(items, params, norm, name)
    # The experiment may use layers of another version of Keras.
    except ConfigError:
        return ()


def _few_rows(rows: int) -> Iterator[str]:
    if rows < FEW_ROWS:
        yield f"Validation has {rows} rows: one row more or less is {100 / rows:.3g} points of accuracy."
