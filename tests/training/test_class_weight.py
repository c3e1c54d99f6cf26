"""`train.class_weight` trains as `fit(class_weight=...)`: weighted in training, and not in validation and test."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from bnbench.analysis.trials import trial_table
from bnbench.data.splits import apply_scaling
from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.class_weights import class_weights
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.tables import stored

# This must come before any computation.
use_threads(1)
RARE = {"class 0": 0.5, "class 2": 7.0}
ONE = [{"dense": 6}, "norm", {"activation": "relu"}, {"dense": 1}]


def unequal(classes: int) -> Dataset:
    """Return 75 rows, most of them of the first class."""
    of = facts(rows=75, classes=classes)
    made = dataset(of)
    return replace(made, y=np.where(np.arange(75) % 5 == 0, made.y, 0).astype(np.int32))


def cohort(weight: Any, classes: int = 3, **changes: Any) -> Cohort:
    changes = {"train__dtype": "float64", "train__engine": "graph", "train__class_weight": weight} | changes
    made = make_plan(facts(rows=75, classes=classes), **changes)
    return next(one for one in made.cohorts if one.variant == "batchnorm")


def trained(of: Cohort, data: Dataset) -> tuple[CompiledProgram, Result]:
    compiled = CompiledProgram(of.program, data)
    return compiled, loop._train(compiled, of.trials[-1], Saving(Path()), lambda trial, epoch: None)


def by_fit(
    compiled: CompiledProgram, of: Cohort, loss: keras.losses.Loss, weights: dict[int, float]
) -> list[tuple[float, ...]]:
    """Return the losses and accuracies of training and validation that `fit` computes for the same rows."""
    # The outputs are logits.
    metric = keras.metrics.BinaryAccuracy(threshold=0.0) if weights.keys() == {0, 1} else "accuracy"
    program, data, trial = of.program, compiled.dataset, of.trials[-1]
    start = compiled.start(trial.seed)
    x = apply_scaling(start.scaling, data.x)
    model = build_model(program.layers, program.facts.shape, "float64", trial.seed)
    model.compile(keras.optimizers.SGD(trial.learning_rate, momentum=0.9), loss, metrics=[metric])
    rows, found = start.parts.validation, []
    for order in loop.epoch_orders(program, start.parts.train, trial.seed):
        logs = model.fit(
            x[order], data.y[order], batch_size=program.batch_size, shuffle=False, verbose=0, class_weight=weights,
            validation_data=(x[rows], data.y[rows]), validation_batch_size=len(rows),
        ).history  # fmt: skip
        found.append(tuple(logs[name][0] for name in logs))
    return found


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("weight", "classes", "changes"),
    [
        ("balanced", 3, {}),
        (RARE, 3, {"train__engine": "xla"}),
        (RARE, 3, {"train__loss": {"sparse_categorical_crossentropy": {"from_logits": True, "ignore_class": 1}}}),
        ("balanced", 2, {"train__loss": "binary_crossentropy", "model": {"layers": ONE}}),
    ],
    ids=["balanced", "mapping", "ignored class", "one output"],
)
def test_weighted_classes_train_as_in_fit(weight: Any, classes: int, changes: dict[str, Any]) -> None:
    of, data = cohort(weight, classes, **changes), unequal(classes)
    compiled, result = trained(of, data)
    labels = data.y[compiled.start(of.trials[-1].seed).parts.train]
    if weight == "balanced":
        known = compute_class_weight("balanced", classes=np.arange(classes), y=labels)
        weights = dict(enumerate(known.tolist()))
    else:
        weights = {0: 0.5, 1: 1.0, 2: 7.0}
    named = of.program.train.loss
    loss = (
        keras.losses.BinaryCrossentropy(from_logits=True)
        if classes == 2
        else keras.losses.SparseCategoricalCrossentropy(**named.arguments)
    )
    expected = by_fit(compiled, of, loss, weights)
    for ours, theirs in zip(result.epochs[1:], expected, strict=True):
        found = ours.train_accuracy, ours.train_loss, ours.validation_accuracy, ours.validation_loss
        assert found == pytest.approx(theirs, rel=1e-8, abs=1e-8)


@pytest.mark.usefixtures("float64")
def test_test_losses_are_not_weighted_and_those_of_training_rows_are() -> None:
    of, data = cohort(RARE), unequal(3)
    compiled, result = trained(of, data)
    start = compiled.start(of.trials[-1].seed)
    outputs = compiled.model(apply_scaling(start.scaling, data.x), training=False).numpy()
    powers = np.exp(outputs)
    losses = -np.log(powers / powers.sum(axis=1, keepdims=True))[np.arange(75), data.y]
    weights = np.array([0.5, 1.0, 7.0])[data.y]
    assert result.test.loss == pytest.approx(losses[start.parts.test].mean(), rel=1e-8)
    assert result.fitted.loss == pytest.approx((weights * losses)[start.parts.train].mean(), rel=1e-8)
    assert start.mean_weight == pytest.approx(weights[start.parts.train].mean())


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    labels = np.array([0] * 7 + [1] * 2 + [2])
    found = class_weights("balanced", ("a", "b", "c"), labels)
    assert found is not None
    assert found.tolist() == pytest.approx(compute_class_weight("balanced", classes=np.arange(3), y=labels).tolist())
    assert found[labels].mean() == pytest.approx(1)
    # A class without training rows.
    assert class_weights("balanced", ("a", "b"), np.array([0, 0]))[1] == 1  # type: ignore[index]
    assert class_weights({"b": 3.0}, ("a", "b"), labels).tolist() == [1, 3]  # type: ignore[union-attr]
    assert class_weights(None, ("a", "b"), labels) is None


@pytest.mark.usefixtures("float64")
def test_the_best_constant_prediction_follows_the_weights() -> None:
    """Of balanced classes no constant prediction has a lower loss than ln C."""
    of, data = cohort("balanced"), unequal(3)
    _, result = trained(of, data)
    values = {one.name: one.values[0] for one in result.measurements}
    assert values["constant_score"] == pytest.approx(1 / 3)
    assert values["constant_loss"] == pytest.approx(np.log(3))
    assert values["mean_class_weight"] == pytest.approx(1)


def test_outcomes_compare_weighted_losses_with_weighted_bounds() -> None:
    """A weighted training loss of 3 is above the initial loss of 1, but with a mean weight of 10 it has fallen."""
    common = {"train_loss": 3.0, "fitted_loss": 3.0, "initial_loss": 1.0, "constant_loss": 9.0, "constant_score": 0.4}
    table = stored(
        common | {"mean_class_weight": 10.0}, common, common | {"mean_class_weight": 2.0}, common | {"train_loss": 0.9}
    )
    assert trial_table(table)["outcome"].tolist() == ["ok", "chance", "chance", "ok"]
