"""Results -> what a careful reviewer would say of an experiment, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import log10
from typing import Any

import pandas as pd

from bnbench.config import Experiment, Variant
from bnbench.plan import label
from bnbench.results import Results

FEW_SEEDS = 3  # below it there is no interval
TEST_SEEDS = 6  # below it a sign-flip test cannot reach .05
MOST_STEP = 1.05  # decades between neighbouring rates: a wider gap may hide a better rate
START_WEIGHT = 0.01  # of the moving statistics' start, that is worth a word
FEW_ROWS = 300  # to validate on: the standard error of an accuracy of 90% is then 1.7 points or more
KERAS_MOMENTUM = 0.99  # of BatchNormalization, where a config does not say


def caveats(results: Results) -> list[str]:
    """Sentences, the gravest first; none where there is nothing to say."""
    trials, summary, experiment = results.trials, results.summary, results.experiment
    told = [*_missing(trials, results.planned)]
    if summary.empty:
        return told
    told += [*_never_ok(summary, results.axes), *_few_seeds(summary)]
    told += [*_edges(summary, results.variants, results.axes), *_gaps(sorted(summary["learning_rate"].unique()))]
    told += _coarse(results.validation_rows)
    if experiment:
        told += [*_same_part(experiment), *_not_warm(experiment, trials)]
    return told


def _missing(trials: pd.DataFrame, planned: int) -> Iterator[str]:
    failed = int((trials["status"] == "failed").sum())
    if failed:
        yield f"{failed} of {planned} trials failed and are in no figure here; the same command tries them again."
    if len(trials) < planned:
        yield f"{planned - len(trials)} of {planned} trials have not ended; the same command goes on."


def _never_ok(summary: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    for keys, group in summary.groupby(["variant", *axes], sort=False, dropna=False):
        if not group["n_ok"].any():
            yield f"{_name(keys, axes)} never did better than chance, at no rate: nothing can be said of its best rate."


def _same_part(experiment: Experiment) -> Iterator[str]:
    if experiment.data.split.validation == "test":
        yield (
            "Validation and test are the same rows, as the source had it: rates were chosen on the rows that the "
            "result is reported on, so it is too good by what choosing gains."
        )


def _few_seeds(summary: pd.DataFrame) -> Iterator[str]:
    n = int(summary["n"].min())
    if n < FEW_SEEDS:
        yield (
            f"{n} {'seed' if n == 1 else 'seeds'} at some rates: no interval can be given, and a difference may be "
            "the luck of a seed. Adding -o sweep.seeds=5 trains more and keeps what is trained."
        )
    elif n < TEST_SEEDS:
        yield f"With {n} seeds no sign-flip test can reach p = 0.05; it takes {TEST_SEEDS}."


def _edges(summary: pd.DataFrame, variants: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    low, high = summary["learning_rate"].min(), summary["learning_rate"].max()
    for row in variants.to_dict("records"):
        place = {low: "lowest", high: "highest"}.get(row["best_rate"])
        if place and low < high:
            who = _name((row["variant"], *(row[axis] for axis in axes)), axes)
            best = label(row["best_rate"])
            yield f"The best rate of {who}, {best}, is the {place} of the grid: a better one may lie beyond."


def _gaps(rates: Sequence[float]) -> Iterator[str]:
    steps = [log10(high / low) for low, high in pairwise(rates)]
    if steps and max(steps) > MOST_STEP:
        at = steps.index(max(steps))
        yield (
            f"Neighbouring rates are up to {10 ** max(steps):.0f} times apart ({label(rates[at])} and "
            f"{label(rates[at + 1])}): what lies between was not looked at."
        )


def _not_warm(experiment: Experiment, trials: pd.DataFrame) -> Iterator[str]:
    """Keras' moving statistics start at mean 0 and variance 1, without a correction for the start."""
    for name, variant in experiment.variants.items():
        ended = trials[(trials["variant"] == name) & (trials["status"] == "completed")]
        momenta = list(_momenta(experiment, variant))
        if not len(ended) or not momenta:
            continue
        steps = int(ended["steps"].min())
        weight = max(momenta) ** steps
        if weight > START_WEIGHT:
            yield (
                f"{name}: after {steps} steps its moving statistics (momentum {max(momenta):g}) are still "
                f"{weight:.0%} what they started from, so validation says little of the network. A smaller momentum "
                "or longer training mends that."
            )


def _momenta(experiment: Experiment, variant: Variant) -> Iterator[float]:
    """Of each batch normalisation that a variant has, in its slot or in its list of layers."""
    if variant.norm.name == "batch":
        yield float(variant.norm.arguments.get("momentum", KERAS_MOMENTUM))
    yield from _listed(variant.layers or experiment.model.layers)


def _listed(items: Any) -> Iterator[float]:
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, str) and item in {"batch_normalization", "BatchNormalization"}:
            yield KERAS_MOMENTUM
        if isinstance(item, Mapping):
            for key, value in item.items():
                if key in {"batch_normalization", "BatchNormalization"}:
                    given = value.get("momentum", KERAS_MOMENTUM) if isinstance(value, Mapping) else KERAS_MOMENTUM
                    yield float(given) if isinstance(given, int | float) else KERAS_MOMENTUM
                elif key == "repeat" and isinstance(value, Mapping):
                    yield from _listed(value.get("layers", []))


def _coarse(rows: int) -> Iterator[str]:
    if rows < FEW_ROWS:
        yield f"Validation has {rows} rows: one row more or less is {100 / rows:.2g} points of accuracy."


def _name(keys: Any, axes: Sequence[str]) -> str:
    """`batchnorm`, or `batchnorm (units 50)` where there are further axes."""
    variant, *values = keys
    places = [f"{axis.rpartition('.')[2]} {label(value)}" for axis, value in zip(axes, values, strict=True)]
    return f"{variant} ({', '.join(places)})" if places else str(variant)
