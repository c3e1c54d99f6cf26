"""Checks of several settings at once: whether layers, data, training and claims fit together."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from bnbench.config import claim_scope
from bnbench.config.schema import Data, Experiment, Train, Variant
from bnbench.config.source_figures import PREDICTIONS, check_source_figure
from bnbench.data.splits import SplitSizes
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError, did_you_mean, not_one_of
from bnbench.location import Location
from bnbench.model import layers
from bnbench.model.layers import Layer
from bnbench.model.shapes import TracedShapes
from bnbench.planning import task

# 4 GB of float32, and several times that in training.
MAX_WEIGHTS = 1_000_000_000
PROBABILITIES = frozenset({"softmax", "log_softmax", "sigmoid"})


def check_expectations(experiment: Experiment, where: Location) -> None:
    """Raise if a claim, a published value or a figure is about something that the experiment does not have."""
    for check in expectation_checks(experiment, where):
        check()


def expectation_checks(experiment: Experiment, where: Location) -> Iterator[Callable[[], None]]:
    """Yield a check for each claim, published value and figure.

    Each raises a ConfigError if it is about something that the experiment does not have.
    """
    sweep = experiment.sweep
    epochs = {name: _epochs(experiment, variant) for name, variant in experiment.variants.items()}
    known = claim_scope.ClaimScope(epochs, experiment.baseline, sweep.rates(), sweep.grid)
    for i, claim in enumerate(experiment.claims):
        yield partial(claim_scope.check_claim, claim, known, where / "claims" / i)
    for i, published in enumerate(experiment.published):
        yield partial(claim_scope.check_published, published, known, where / "published" / i)
    for i, figure in enumerate(experiment.source_figures):
        yield partial(check_source_figure, figure, known, where / "source_figures" / i)
    yield partial(_check_pre_activation_metrics, experiment, where)


def _epochs(experiment: Experiment, variant: Variant) -> int:
    """Return for how many epochs a variant trains. What it sets itself is checked later, so it may be anything."""
    own = variant.train.get("epochs")
    return own if isinstance(own, int) else experiment.train.epochs


def _check_pre_activation_metrics(experiment: Experiment, where: Location) -> None:
    trained = [experiment.train.model_dump(), *(variant.train for variant in experiment.variants.values())]
    if any(train.get("pre_activations") for train in trained):
        return
    for key in ("claims", "published"):
        for i, expectation in enumerate(getattr(experiment, key)):
            if expectation.metric == "pre_activation_drift":
                raise ConfigError(where / key / i / "metric", f"{expectation.metric} needs train.pre_activations: true")


def check_metrics(experiment: Experiment, dataset: DatasetInfo, where: Location) -> None:
    """Raise if a claim, a published value or a figure needs what the data set does not have."""
    for key in ("claims", "published"):
        for i, expectation in enumerate(getattr(experiment, key)):
            task.check_metric(expectation.metric, len(dataset.classes), experiment.top_k, where / key / i / "metric")
    for i, figure in enumerate(experiment.source_figures):
        if figure.metric is not None:
            task.check_metric(
                figure.metric, len(dataset.classes), experiment.top_k, where / "source_figures" / i / "metric"
            )
        if figure.figure == PREDICTIONS:
            task.check_numbers(PREDICTIONS, len(dataset.classes), where / "source_figures" / i / "figure")


def check_score_kind(first: DatasetInfo, dataset: DatasetInfo, where: Location) -> None:
    """Raise if a data set has another kind of score than the first one: no table or claim can hold both."""
    if task.score_kind(len(first.classes)) != task.score_kind(len(dataset.classes)):
        one, other = (f"{of.name} has {task.score_kind(len(of.classes))}" for of in (dataset, first))
        raise ConfigError(where, f"{one}, but {other}: two kinds of score in one sweep; write two experiments")


def check_shift(data: Data, dataset: DatasetInfo, where: Location) -> None:
    """Raise if the test rows have no brightness that could be shifted, or validation rows would be shifted, too."""
    if not data.shift_test.brightness:
        return
    place = where / "data" / "shift_test" / "brightness"
    if not dataset.is_image:
        raise ConfigError(place, f"the rows of {dataset.name} are no images, so they have no brightness: leave it out")
    if data.split.validation == "test":
        raise ConfigError(
            place, "data.split.validation: test would shift the validation rows, too: set it to a fraction, such as 0.1"
        )


def check_target_scale(data: Data, dataset: DatasetInfo, where: Location) -> None:
    """Raise if there are no numbers that could be standardized."""
    if data.target_scale != "none" and dataset.classes:
        problem = f"the rows of {dataset.name} have classes, and only numbers have a scale: leave it out"
        raise ConfigError(where / "data" / "target_scale", problem)


def check_rates(rates: Sequence[float], dtype: str, where: Location) -> None:
    """Raise if two learning rates, in ascending order, are the same number in the dtype of a training."""
    equal = np.flatnonzero(np.diff(np.array(rates, dtype)) == 0)
    if equal.size:
        low, high = rates[equal[0]], rates[equal[0] + 1]
        raise ConfigError(
            where / "sweep" / "learning_rate",
            f"has {low!r} twice: {high!r} is the same number in {dtype}; remove one, or set train.dtype: float64",
        )


def check_variant_params(experiment: Experiment, where: Location) -> None:
    """Raise if a variant sets a parameter that the model does not have."""
    known = experiment.params
    if "classes" in known:
        raise ConfigError(
            where / "model" / "params" / "classes",
            "$classes is the number of classes of the data set: choose another name",
        )
    for name, variant in experiment.variants.items():
        for param in variant.params:
            if param not in known:
                raise ConfigError(
                    where / "variants" / name / "params" / param,
                    f"not set under model.params{did_you_mean(param, known)}: a variant can only change those",
                )


def check_used_params(experiment: Experiment, where: Location) -> None:
    """Raise if no layer uses a parameter: its name is probably misspelled, in the model or in an axis."""
    variants = experiment.variants.values()
    lists = [experiment.layers, *(v.layers or [] for v in variants), *(v.norm.arguments for v in variants)]
    used = set().union(*map(layers.used_params, lists))
    for param in experiment.params:
        if param not in used:
            near = did_you_mean(param, used)
            raise ConfigError(where / "model" / "params" / param, f"never used{near}: no layer has ${param}")


def check_batch(train: Train, sizes: SplitSizes, where: Location) -> None:
    """Raise if a batch is larger than the training part."""
    if train.batch_size != "full" and train.batch_size > sizes.train:
        raise ConfigError(
            where / "train" / "batch_size",
            f"a batch of {train.batch_size} is larger than the {sizes.train} training rows",
        )


def check_program(train: Train, flat: Sequence[Layer], dataset: DatasetInfo, variant: str, where: Location) -> None:
    """Raise if the loss, the data and the layers of a variant do not fit together."""
    task.check_loss(len(dataset.classes), dataset.name, train.loss, where / "train" / "loss")
    _check_class_weight(train, dataset, where / "train" / "class_weight")
    _check_logits(train, flat, where)
    if train.pre_activations and not layers.last_activation(flat):
        raise ConfigError(
            where / "train" / "pre_activations",
            f"in variant {variant} no hidden activation is a layer of its own: write {{dense: 100}}, "
            "{activation: relu}",
        )


def _check_class_weight(train: Train, dataset: DatasetInfo, where: Location) -> None:
    """Raise if the data have no classes that could be weighted, or not those that are named."""
    if train.class_weight is None:
        return
    if not dataset.classes:
        raise ConfigError(where, f"{dataset.name} has a number for each row and no classes: leave it out")
    for name in () if train.class_weight == "balanced" else train.class_weight:
        if name not in dataset.classes:
            raise ConfigError(where / name, f"{not_one_of(name, dataset.classes)} (the classes of {dataset.name})")


def _check_logits(train: Train, flat: Sequence[Layer], where: Location) -> None:
    """Raise if a model that ends in probabilities has a loss that takes logits: it would apply softmax twice."""
    last = flat[-1]
    ending = "softmax" if last.class_name == "Softmax" else last.arguments.get("activation")
    if ending in PROBABILITIES and train.loss.arguments.get("from_logits"):
        raise ConfigError(
            last.where,
            f"the model ends in {ending}, but the loss takes logits: leave {ending} out, "
            f"or set train.loss: {{{train.loss.name}: {{from_logits: false}}}} ({where / 'train' / 'loss'})",
        )


def check_traced(
    traced: TracedShapes, flat: Sequence[Layer], dataset: DatasetInfo, train: Train, where: Location
) -> None:
    """Raise if a model has the wrong number of outputs, or too many weights."""
    task.check_output(traced.shape, flat, len(dataset.classes), train.loss)
    if traced.weights.total > MAX_WEIGHTS:
        raise ConfigError(where, f"{traced.weights.total:,} weights: at most {MAX_WEIGHTS:,} are allowed")
