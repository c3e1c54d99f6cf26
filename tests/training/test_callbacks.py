"""Callbacks do what they do in `fit`: the same epochs, logs, rates, files and final weights, in float64."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from bnbench.analysis.columns import RESTORED_EPOCH
from bnbench.analysis.trials import trial_table
from bnbench.config.schema import Named
from bnbench.errors import ConfigError
from bnbench.model import catalog
from bnbench.planning.plan import Cohort, Plan, Trial
from bnbench.planning.trial import Result, Saving
from bnbench.store import store
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.threads import use_threads
from support.equality import TOLERANCE, largest_difference, tiny_cohort, without_compilation
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
        train__epochs=6,
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
ACCURACY = {"monitor": "val_accuracy"}


def together(number: int) -> Callbacks:
    """Return all three callbacks with different monitors; over four numbers each callback has each monitor."""
    stop, reduce, save = (MONITORS[(number + i) % 4] for i in range(3))
    return (
        {"name": SAVE, "monitor": save, "save_best_only": True},
        {"name": REDUCE, "monitor": reduce, "patience": 1, "factor": 0.3},
        {"name": STOP, "monitor": stop, "patience": 2, "restore_best_weights": True},
    )


CASES: list[Callbacks] = [
    *map(together, range(4)),
    ({"name": STOP, **ACCURACY, "patience": 1},),
    ({"name": REDUCE, **ACCURACY, "patience": 1},),
    ({"name": SAVE, **ACCURACY, "save_best_only": True, "initial_value_threshold": 0.5},),
    ({"name": STOP, **ACCURACY, "mode": "min", "patience": 2, "restore_best_weights": True},),
    # Nothing is monitored, so nothing is restored.
    ({"name": STOP, "start_from_epoch": 50, "restore_best_weights": True},),
    # Training ends before the patience does: the best weights are restored all the same.
    ({"name": STOP, **ACCURACY, "patience": 50, "baseline": 1.0, "restore_best_weights": True},),
    ({"name": STOP, "patience": 1, "start_from_epoch": 2, "min_delta": 0.5, "restore_best_weights": True},),
    ({"name": SAVE}, {"name": REDUCE, "min_lr": 0.1, "cooldown": 1, "patience": 1, "min_delta": 0.2}),
    # Both restore: the last one in the list acts last.
    (
        {"name": STOP, "monitor": "val_loss", "patience": 9, "restore_best_weights": True},
        {"name": STOP, **ACCURACY, "patience": 9, "mode": "min", "restore_best_weights": True},
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


def test_training_that_diverges_within_an_epoch_leaves_the_restored_weights(
    diverging: tuple[Cohort, CompiledProgram], tmp_path: Path
) -> None:
    cohort, compiled = diverging
    (trial,) = cohort.trials
    compiled.stops_when_nonfinite = True
    callbacks = [{"name": STOP, "restore_best_weights": True}, {"name": SAVE, "save_best_only": True}]
    result = trained(compiled, trial, callbacks, tmp_path, models="final")
    compiled.stops_when_nonfinite = False
    # Divergence stays a result, and the final weights are those of the first epoch, which had the lowest loss.
    assert result.status == "diverged"
    assert restored_of(result) == 1
    assert result.test.loss is not None
    saved = keras.saving.load_model(tmp_path / "models" / f"{trial.id}.keras")
    kept = keras.saving.load_model(tmp_path / "checkpoints" / f"{trial.id}.keras")
    for ours, theirs in zip(saved.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def restored_of(result: Result) -> int | None:
    series = [one for one in result.measurements if one.name == RESTORED_EPOCH]
    return int(series[0].values[0]) if series else None


def test_final_scores_are_those_of_the_restored_weights(noisy: tuple[Cohort, CompiledProgram], tmp_path: Path) -> None:
    cohort, compiled = noisy
    trial = cohort.trials[0]
    callbacks = [{"name": STOP, "monitor": "val_accuracy", "patience": 50, "restore_best_weights": True}]
    result = trained(compiled, trial, callbacks, tmp_path)
    plain = trained(compiled, trial, [], tmp_path)
    # The history is that of the whole training.
    assert [epoch.train_loss for epoch in result.epochs] == [epoch.train_loss for epoch in plain.epochs]
    assert result.step_losses.tobytes() == plain.step_losses.tobytes()
    accuracies = [epoch.validation_accuracy for epoch in result.epochs[1:]]
    restored = restored_of(result)
    assert restored == 1 + accuracies.index(max(accuracies))  # type: ignore[type-var]
    assert restored != result.epochs[-1].epoch
    stopped = trained(compiled, trial, [{"name": STOP, "monitor": "loss", "patience": 99}], tmp_path)
    assert restored_of(stopped) is None
    assert stopped.test == plain.test
    # An epoch earlier than the last one has the same scores when training ends with it.
    program = compiled.program
    compiled.program = replace(program, train=program.train.model_copy(update={"epochs": restored}))
    short = trained(compiled, trial, [], tmp_path)
    compiled.program = program
    assert (result.test, result.fitted, result.bn_mode_gap) == (short.test, short.fitted, short.bn_mode_gap)
    assert (result.best_epoch, result.best_test) == (plain.best_epoch, plain.best_test)


def test_a_restored_epoch_is_stored_and_its_scores_are_the_final_ones(
    noisy: tuple[Cohort, CompiledProgram], tmp_path: Path
) -> None:
    cohort, compiled = noisy
    first, second = cohort.trials[:2]
    callbacks = [{"name": STOP, "monitor": "val_accuracy", "patience": 50, "restore_best_weights": True}]
    results = [trained(compiled, first, callbacks, tmp_path), trained(compiled, second, [], tmp_path)]
    with store.open_for_writing(tmp_path / "results") as opened:
        opened.set_plan(Plan(make_plan().experiment, (replace(cohort, trials=(first, second)),)))
        for result in results:
            opened.add(result)
        restored, last = trial_table(opened.trials()).to_dict("records")
    epoch = results[0].epochs[restored["restored_epoch"]]
    assert epoch.epoch == restored_of(results[0])
    assert restored["validation_score"] == epoch.validation_accuracy
    assert (restored["train_loss"], restored["validation_loss"]) == (epoch.train_loss, epoch.validation_loss)
    assert restored["epochs"] == last["epochs"] == 6
    assert pd.isna(last["restored_epoch"])
    assert last["validation_score"] == results[1].epochs[-1].validation_accuracy


def test_a_callback_leaves_no_trace_in_the_next_trial(noisy: tuple[Cohort, CompiledProgram], tmp_path: Path) -> None:
    cohort, compiled = noisy
    callbacks = [
        {"name": REDUCE, "monitor": "val_accuracy", "patience": 1},
        {"name": STOP, "monitor": "val_loss", "patience": 3, "restore_best_weights": True},
    ]
    first, _, again = (trained(compiled, cohort.trials[i], callbacks, tmp_path) for i in (0, 3, 0))
    assert first.step_losses.tobytes() == again.step_losses.tobytes()
    assert (first.test, first.best_test, restored_of(first)) == (again.test, again.best_test, restored_of(again))


def test_for_numbers_accuracy_is_r2_and_better_high(tmp_path: Path) -> None:
    use_threads(1)
    callbacks = [{"early_stopping": {"monitor": "val_accuracy", "patience": 2, "restore_best_weights": True}}]
    plan = make_plan(
        facts(rows=30, classes=0), model={"layers": [{"dense": 1}]}, variants={"plain": {}}, train__loss="mse",
        train__epochs=12, train__engine="graph", train__callbacks=callbacks, sweep__learning_rate=[0.05],
        sweep__seeds=1,
    )  # fmt: skip
    (cohort,) = plan.cohorts
    with keras_defaults("float32"):
        compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts))
        result = loop._train(compiled, cohort.trials[0], Saving(tmp_path), lambda trial, epoch: None)
    scores = [epoch.validation_accuracy or 0.0 for epoch in result.epochs[1:]]
    assert max(scores) > scores[0]
    assert restored_of(result) == 1 + scores.index(max(scores))


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        (
            "val_acc",
            r"'val_acc' is not one of loss, .*, val_accuracy \(did you mean 'val_accuracy'\?\)",
        ),
        ("acc", r"\(did you mean 'accuracy'\?\)"),
        ("validation_loss", r"\(did you mean 'val_loss'\?\)"),
        ("val_sparse_categorical_accuracy", r"\(did you mean 'val_accuracy'\?\)"),
        ("val_r2", r"\(did you mean 'val_accuracy'\?\)"),
        ("test_accuracy", r"\(did you mean 'val_accuracy'\?\)"),
        ("train_loss", r"\(did you mean 'loss'\?\)"),
        ("learning_rate", "'learning_rate' is not one of loss, accuracy, val_loss, val_accuracy$"),
    ],
)
@pytest.mark.parametrize("callback", [STOP, REDUCE, SAVE])
def test_an_unknown_monitor_is_refused_with_the_nearest_name(callback: str, monitor: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"train\.callbacks\[0\](\.\w+)?\.monitor: .*{message}"):
        make_plan(train__callbacks=[{callback: {"monitor": monitor}}])


@pytest.mark.parametrize(
    "schedule",
    [
        {"cosine": {"decay_steps": 5, "warmup_steps": 3, "warmup_target": 2.0}},
        {"polynomial": {"decay_steps": 10, "end_learning_rate": 0.1}},
        {"piecewise_constant": {"boundaries": [2], "values": [1.0, 0.1]}},
    ],
    ids=str,
)
def test_a_checkpoint_has_the_schedule_of_the_trial(schedule: Mapping[str, Any], tmp_path: Path) -> None:
    cohort = tiny_cohort(train__schedule=schedule, train__callbacks=["model_checkpoint"], sweep__learning_rate=[0.5])
    with keras_defaults("float64"), without_compilation():
        compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts))
        loop._train(compiled, cohort.trials[1], Saving(tmp_path), lambda trial, epoch: None)
    loaded = keras.saving.load_model(next(tmp_path.glob("checkpoints/*.keras")))
    for step in (0, 1, 4, 9):
        for optimizer in (compiled.optimizer, loaded.optimizer):
            optimizer.iterations.assign(step)
        assert float(loaded.optimizer.learning_rate) == pytest.approx(float(compiled.optimizer.learning_rate))


def test_two_checkpoints_write_two_files_into_any_folder(tmp_path: Path) -> None:
    """Keras fills in braces of a path, and the second checkpoint of a list must not replace the first."""
    callbacks = [
        {"name": "model_checkpoint", "monitor": monitor, "save_best_only": True} for monitor in ("val_loss", "loss")
    ]
    cohort = tiny_cohort(model={"layers": LAYERS}, variants={"plain": {}}, train__epochs=1)
    folder = tmp_path / "out{a}"
    with keras_defaults("float64"), without_compilation():
        trained(CompiledProgram(cohort.program, dataset(cohort.program.facts)), cohort.trials[0], callbacks, folder)
    trial = cohort.trials[0].id
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {f"{trial}.keras", f"{trial}-2.keras"}
