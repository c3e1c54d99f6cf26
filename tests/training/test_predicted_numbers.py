from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Result, Saving, Series
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes import predicted_numbers
from bnbench.training.probes.registry import Recorder
from bnbench.training.probes.types import When
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

LAYERS = [{"dense": 8}, "norm", {"activation": "tanh"}, {"dropout": 0.2}, {"dense": 1}]
NAMES = {"test_target", "test_prediction", "prediction_spread"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def cohort(classes: int = 0, **changes: Any) -> Cohort:
    """Return the batch-normalized cohort of a small experiment on numbers."""
    quick = {"train__engine": "graph", "train__batch_size": 15, "sweep__learning_rate": [0.01]}
    of_numbers = {"model": {"layers": LAYERS}, "train__loss": "mse"} if not classes else {}
    return make_plan(facts(classes=classes), **(quick | of_numbers | changes)).cohorts[1]


def trained(of: Cohort) -> tuple[Result, CompiledProgram]:
    compiled = CompiledProgram(of.program, dataset(of.program.facts))
    return loop._train(compiled, of.trials[-1], Saving(Path("unused")), lambda trial, epoch: None), compiled


def series_of(result: Result) -> dict[str, Series]:
    return {one.name: one for one in result.measurements if one.name in NAMES}


def test_targets_and_predictions_of_the_test_rows_give_the_test_loss() -> None:
    result, compiled = trained(cohort())
    found = series_of(result)
    targets, predictions, spread = (found[name] for name in ("test_target", "test_prediction", "prediction_spread"))
    rows = compiled.start(1).parts.test
    assert targets.positions.tolist() == predictions.positions.tolist() == rows.tolist()
    assert targets.values == pytest.approx(compiled.dataset.y[rows])
    assert np.mean((targets.values - predictions.values) ** 2) == pytest.approx(result.test.loss, rel=1e-5)
    assert spread.values.tolist() == pytest.approx([np.ptp(predictions.values)])


def test_of_many_rows_an_evenly_spread_sample_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted_numbers, "MAX_ROWS", 6)
    result, compiled = trained(cohort())
    rows = compiled.start(1).parts.test
    assert len(rows) == 15
    assert series_of(result)["test_target"].positions.tolist() == rows[::3].tolist()


def test_classes_have_no_predicted_numbers() -> None:
    result, _ = trained(cohort(classes=3))
    assert series_of(result) == {}


def test_a_trial_that_is_not_finite_has_no_predicted_numbers() -> None:
    result, _ = trained(cohort(sweep__learning_rate=[1e30]))
    assert result.divergence is not None
    assert series_of(result) == {}


def test_a_trial_has_the_same_bits_without_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = cohort(model={"layers": [{"gaussian_noise": 0.1}, *LAYERS]})
    with_it, compiled = trained(noisy)
    state = [variable.numpy() for variable in compiled.model.variables]
    measure = Recorder.measure

    def without(recorder: Recorder, when: When, epoch: int, step: int = 0) -> None:
        recorder._probes = [probe for probe in recorder._probes if probe.name != "predicted_numbers"]
        measure(recorder, when, epoch, step)

    monkeypatch.setattr(Recorder, "measure", without)
    without_it, other = trained(noisy)
    assert NAMES.isdisjoint(series_of(without_it))
    assert without_it.step_losses.tobytes() == with_it.step_losses.tobytes()
    assert (without_it.test, without_it.fitted) == (with_it.test, with_it.fitted)
    # The state after the last trial, random streams included, decides the next trial.
    for before, after in zip(state, other.model.variables, strict=True):
        np.testing.assert_array_equal(before, after.numpy())
