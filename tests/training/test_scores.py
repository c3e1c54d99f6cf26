"""Scores and losses of a trial, and the model that it saves."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import apply_scaling
from bnbench.planning.plan import Trial
from bnbench.planning.trial import Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.seed_state import row_chunks
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.small_trials import DENSE, cohorts, compiled_program, evaluated, results, trained


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


@pytest.mark.parametrize("rows", [75, 1500])
def test_validation_and_test_are_means_over_all_rows(rows: int) -> None:
    layers = [{"dense": {"units": 6, "activity_regularizer": {"l2": 0.5}}}, "norm", {"dense": "$classes"}]
    of = facts(rows=rows)
    data = dataset(of)
    # A row of another part must not leak in.
    data.x[0] = 1e20
    changes = {"data__split": {"validation": 0.4, "test": 0.35}, "train__engine": "graph"}
    cohort = make_plan(of, model={"layers": layers}, **changes).cohorts[0]
    compiled = CompiledProgram(cohort.program, data)
    start = compiled.start(0)
    for part in (start.parts.validation, start.parts.test):
        clean = part[part != 0]
        x, y = apply_scaling(start.scaling, data.x)[clean].astype("float32"), data.y[clean]
        compiled.reset(start, 0.1)
        theirs = evaluated(compiled.model, x, y, batch_size=len(y))
        loss, accuracy, finite = compiled.evaluate(row_chunks(clean))
        assert [loss, accuracy] == pytest.approx(theirs, rel=1e-5)
        assert finite


def test_the_short_last_batch_weighs_less() -> None:
    cohort = cohorts(sweep__learning_rate=[0.01], sweep__seeds=1, train__epochs=1)[0]
    (result,) = results(cohort)
    # There are five batches of 8 rows and one of 5.
    losses = result.step_losses.astype(float)
    assert result.epochs[1].train_loss == pytest.approx((8 * losses[:5].sum() + 5 * losses[5]) / 45, rel=1e-6)
    assert result.epochs[1].step == 6


@pytest.fixture(scope="module", params=["none", "unit", "standard", "l2"])
def scaled(request: pytest.FixtureRequest) -> tuple[CompiledProgram, Trial]:
    cohort = cohorts(data__scale=request.param, sweep__learning_rate=[0.1], sweep__seeds=1)[1]
    return compiled_program(cohort), cohort.trials[0]


@pytest.mark.parametrize("which", ["final", "best"])
def test_a_saved_model_takes_rows_as_they_are_stored(
    tmp_path: Path, which: str, scaled: tuple[CompiledProgram, Trial]
) -> None:
    compiled, trial = scaled
    result = trained(compiled, trial, Saving(tmp_path, which))
    model = keras.saving.load_model(tmp_path / "models" / f"{result.trial}.keras", safe_mode=True)
    data, rows = compiled.dataset, compiled.start(0).parts.test
    right = np.mean(np.argmax(model(data.x[rows], training=False), axis=-1) == data.y[rows])
    assert right == pytest.approx((result.test if which == "final" else result.best_test).accuracy)
    assert not list(tmp_path.glob("**/*.part*"))


def test_the_best_epoch_has_the_highest_validation_accuracy_then_the_lowest_loss() -> None:
    cohort = cohorts(train__epochs=15, sweep__learning_rate=[0.5], sweep__seeds=1)[0]
    (result,) = results(cohort)
    keys = {e.epoch: (e.validation_accuracy, -(e.validation_loss or math.inf)) for e in result.epochs[1:]}
    assert result.best_epoch == max(keys, key=lambda epoch: keys[epoch])


def test_the_mode_gap_is_the_difference_of_the_accuracies_and_does_not_change_the_model() -> None:
    cohort = cohorts(train__epochs=3)[1]
    compiled = compiled_program(cohort)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    compiled.train_epoch(start.parts.train)
    before = compiled.model.get_weights()
    gap = compiled.mode_gap(start)
    assert all(np.array_equal(a, b) for a, b in zip(before, compiled.model.get_weights(), strict=True))
    x, y = apply_scaling(start.scaling, compiled.dataset.x), compiled.dataset.y
    size = cohort.program.batch_size
    rows = start.parts.validation[: len(start.parts.validation) // size * size]
    moving, own = (
        np.mean([np.argmax(compiled.model(x[b], training=mode), axis=1) == y[b] for b in rows.reshape(-1, size)])
        for mode in (False, True)
    )
    assert gap == pytest.approx(own - moving)
    # After so few steps the moving statistics are not those of a batch.
    assert gap != 0


def test_the_fit_to_the_training_part_is_measured_without_dropout_and_with_the_final_weights() -> None:
    layers = [*DENSE[:3], {"dropout": 0.5}, *DENSE[3:]]
    cohort = cohorts(model={"layers": layers}, train__engine="graph", sweep__learning_rate=[0.1])[1]
    (result, _) = results(cohort)
    compiled = compiled_program(cohort)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    for order in loop.epoch_orders(cohort.program, start.parts.train, 0):
        compiled.train_epoch(order)
    x, y = compiled.data.x.numpy()[start.parts.train], compiled.dataset.y[start.parts.train]
    right = np.argmax(compiled.model(x, training=False), axis=1) == y
    assert result.fitted.accuracy == pytest.approx(right.mean())
    assert result.fitted.loss == pytest.approx(evaluated(compiled.model, x, y)[0], rel=1e-5)
    # The training accuracy is measured while half of the units are dropped.
    assert result.fitted.accuracy != pytest.approx(result.epochs[-1].train_accuracy)


@pytest.mark.parametrize(("variant", "more"), [(0, []), (1, [{"dropout": 0.5}])], ids=["no norm", "dropout"])
def test_there_is_no_mode_gap_without_batch_norm_or_with_dropout(variant: int, more: list[Any]) -> None:
    cohort = cohorts(model={"layers": [*DENSE[:3], *more, *DENSE[3:]]}, train__epochs=1)[variant]
    assert {result.bn_mode_gap for result in results(cohort)} == {None}
