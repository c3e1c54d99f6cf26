"""Callbacks do what they do in `fit`: the same epochs, logs, rates, files and final weights, in float64."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.config.schema import Named
from bnbench.errors import ConfigError
from bnbench.model import catalog
from bnbench.planning.plan import Cohort, Trial
from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram, use_threads
from bnbench.training.keras_objects import keras_defaults
from support.equality import TOLERANCE, largest_difference, tiny_cohort
from support.examples import dataset, facts, make_plan
from support.keras_fit import Fitted, fit_trial

LAYERS = [{"dense": 4}, "norm", {"activation": "tanh"}, {"dense": "$classes"}]
MONITORS = ("loss", "accuracy", "val_loss", "val_accuracy")
LOGS = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
}
Callbacks = Sequence[Mapping[str, Any]]


@pytest.fixture(scope="module")
def noisy() -> tuple[Cohort, CompiledProgram]:
    """Return a program whose losses and accuracies rise and fall: its rates are high for its few rows."""
    use_threads(1)
    cohort = tiny_cohort(
        model={"layers": LAYERS},
        variants={"batchnorm": {"norm": "batch"}},
        train__epochs=7,
        train__batch_size=8,
        sweep__learning_rate=[0.5, 3.0],
        sweep__seeds=2,
    )
    with keras_defaults("float64"):
        return cohort, CompiledProgram(cohort.program, dataset(cohort.program.facts))


def trained(
    compiled: CompiledProgram, trial: Trial, callbacks: Callbacks, folder: Path, models: str = "none"
) -> Result:
    """Train a trial with callbacks; they are no part of what is compiled."""
    named = [Named.model_validate(callback) for callback in callbacks]
    program = compiled.program
    compiled.program = replace(program, train=program.train.model_copy(update={"callbacks": named}))
    try:
        with keras_defaults(program.train.dtype):
            return loop._train(compiled, trial, Saving(folder, models), lambda trial, epoch: None)
    finally:
        compiled.program = program


def fitted(compiled: CompiledProgram, trial: Trial, callbacks: Callbacks, path: Path) -> Fitted:
    made = []
    for callback in callbacks:
        arguments = {key: value for key, value in callback.items() if key != "name"}
        kind = catalog.resolve_class("callbacks", callback["name"], "")
        if kind == "ModelCheckpoint":
            arguments["filepath"] = str(path)
        made.append(getattr(keras.callbacks, kind)(**arguments))
    return fit_trial(compiled.program, compiled.dataset, trial, made)


def assert_same_logs(result: Result, logs: Mapping[str, Sequence[float]], tolerance: float = TOLERANCE) -> None:
    assert [epoch.epoch for epoch in result.epochs[1:]] == list(range(1, len(logs["loss"]) + 1))
    for name, ours in LOGS.items():
        # Logs that are not finite are stored as missing.
        values = [np.nan if getattr(epoch, ours) is None else getattr(epoch, ours) for epoch in result.epochs[1:]]
        theirs = [value if np.isfinite(value) else np.nan for value in logs[name]]
        np.testing.assert_allclose(values, theirs, rtol=tolerance, err_msg=name)


STOP, REDUCE, SAVE = "early_stopping", "reduce_lr_on_plateau", "model_checkpoint"
CASES: list[Callbacks] = [
    *(({"name": STOP, "monitor": one, "restore_best_weights": True},) for one in MONITORS),
    *(({"name": STOP, "monitor": one, "patience": 1},) for one in MONITORS),
    *(({"name": REDUCE, "monitor": one, "patience": 1, "factor": 0.3},) for one in MONITORS),
    *(({"name": SAVE, "monitor": one, "save_best_only": True},) for one in MONITORS),
    ({"name": STOP, "monitor": "val_accuracy", "mode": "min", "patience": 2, "restore_best_weights": True},),
    ({"name": STOP, "monitor": "val_loss", "mode": "max", "patience": 2, "restore_best_weights": True},),
    # Training ends before the patience does: the best weights are restored all the same.
    ({"name": STOP, "monitor": "val_accuracy", "patience": 50, "restore_best_weights": True},),
    ({"name": STOP, "monitor": "val_loss", "patience": 2, "start_from_epoch": 3, "restore_best_weights": True},),
    # Nothing is monitored, so nothing is restored.
    ({"name": STOP, "start_from_epoch": 50, "restore_best_weights": True},),
    ({"name": STOP, "monitor": "val_accuracy", "patience": 3, "baseline": 1.0, "restore_best_weights": True},),
    ({"name": STOP, "monitor": "val_loss", "patience": 2, "min_delta": 0.5, "restore_best_weights": True},),
    ({"name": SAVE}, {"name": REDUCE, "min_lr": 0.1, "cooldown": 1, "patience": 1, "min_delta": 0.2}),
    (
        {"name": SAVE, "monitor": "accuracy", "save_best_only": True, "initial_value_threshold": 0.5},
        {"name": REDUCE, "monitor": "val_accuracy", "patience": 1},
        {"name": STOP, "monitor": "val_loss", "patience": 3, "restore_best_weights": True},
    ),
    # Both restore: the last one in the list acts last.
    (
        {"name": STOP, "monitor": "val_loss", "patience": 9, "restore_best_weights": True},
        {"name": STOP, "monitor": "val_accuracy", "patience": 9, "mode": "min", "restore_best_weights": True},
    ),
]


@pytest.mark.parametrize("callbacks", CASES, ids=str)
def test_callbacks_do_what_they_do_in_fit(
    noisy: tuple[Cohort, CompiledProgram], callbacks: Callbacks, tmp_path: Path
) -> None:
    cohort, compiled = noisy
    trial = cohort.trials[CASES.index(callbacks) % 4]
    result = trained(compiled, trial, callbacks, tmp_path, models="final")
    theirs = fitted(compiled, trial, callbacks, tmp_path / "fit.keras")
    assert_same_logs(result, theirs.logs)
    saved = keras.saving.load_model(tmp_path / "models" / f"{trial.id}.keras")
    assert largest_difference(saved.get_weights(), theirs.model.get_weights()) < TOLERANCE
    assert float(compiled.optimizer.learning_rate) == pytest.approx(float(theirs.model.optimizer.learning_rate))
    if any(callback["name"] == SAVE for callback in callbacks):
        ours = keras.saving.load_model(tmp_path / "checkpoints" / f"{trial.id}.keras")
        best = keras.saving.load_model(tmp_path / "fit.keras")
        assert largest_difference(ours.get_weights(), best.get_weights()) < TOLERANCE
        for mine, other in zip(ours.optimizer.variables, best.optimizer.variables, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-8, atol=1e-10)


@pytest.fixture(scope="module")
def diverging() -> tuple[Cohort, CompiledProgram]:
    """Return a program whose losses grow from step to step and become infinite, then NaN.

    In float64, `fit` itself fails: Keras compares losses in float32, and TensorFlow refuses those that are too large.
    """
    use_threads(1)
    layers = [{"dense": {"units": "$classes", "kernel_regularizer": {"l2": 0.1}}}]
    cohort = tiny_cohort(
        model={"layers": layers},
        train__epochs=7,
        train__batch_size="full",
        train__optimizer="sgd",
        train__dtype="float32",
        train__on_divergence="continue",
        sweep__learning_rate=[1e8],
        sweep__seeds=1,
    )
    with keras_defaults("float32"):
        return cohort, CompiledProgram(cohort.program, dataset(cohort.program.facts))


@pytest.mark.parametrize(
    "callbacks",
    [
        ({"name": STOP, "monitor": "val_loss", "patience": 2, "restore_best_weights": True},),
        # The first monitored value is infinite, so a NaN after it is no improvement.
        ({"name": STOP, "monitor": "loss", "patience": 2, "start_from_epoch": 3},),
        ({"name": STOP, "monitor": "val_loss", "mode": "max", "patience": 2, "restore_best_weights": True},),
        ({"name": REDUCE, "monitor": "val_loss", "patience": 1},),
        ({"name": REDUCE, "monitor": "loss", "patience": 1, "mode": "max"},),
    ],
    ids=str,
)
def test_monitors_that_are_not_finite_act_as_in_fit(
    diverging: tuple[Cohort, CompiledProgram], callbacks: Callbacks, tmp_path: Path
) -> None:
    cohort, compiled = diverging
    (trial,) = cohort.trials
    result = trained(compiled, trial, callbacks, tmp_path)
    theirs = fitted(compiled, trial, callbacks, tmp_path / "fit.keras")
    assert result.status == "diverged"
    assert_same_logs(result, theirs.logs, tolerance=1e-5)
    assert float(compiled.optimizer.learning_rate) == pytest.approx(float(theirs.model.optimizer.learning_rate))
