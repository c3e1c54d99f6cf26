"""`data.shift_test`: the test rows alone are shifted, whatever the scale, and training and saved models stay."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.splits import apply_scaling
from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Result, Saving
from bnbench.store.results_dir import model_path
from bnbench.training import data_tensors, loop
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import facts, make_plan

IMAGES = replace(facts((4, 4, 1)), dtype="uint8")
LAYERS = ["flatten", {"dense": 6}, "norm", {"activation": "relu"}, {"dense": "$classes"}]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def images() -> Dataset:
    """Return images from 0 to 255, which are brighter or darker by class."""
    y = np.arange(IMAGES.rows, dtype=np.int32) % 3
    noise = np.random.default_rng(0).integers(0, 120, (IMAGES.rows, *IMAGES.shape))
    x = (noise + 67 * y[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.uint8)
    return Dataset(IMAGES, x, y, (0.0, 255.0), np.zeros(IMAGES.rows, bool))


def cohort(brightness: float, scale: str = "unit", **changes: Any) -> Cohort:
    shift = {"shift_test": {"brightness": brightness}} if brightness else {}
    settings = {"data": {"name": "digits", "scale": scale, **shift}, "model": {"layers": LAYERS}}
    return make_plan(IMAGES, **(settings | {"train__engine": "graph", "train__batch_size": 15} | changes)).cohorts[1]


def shifted(x: NDArray[Any], brightness: float) -> NDArray[Any]:
    return np.clip(x.astype(np.float64) + 255 * brightness, 0, 255)


@pytest.fixture(params=["scaled once", "scaled in every step"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the images as small data, or as data that are too large to be scaled before training."""
    if request.param == "scaled in every step":
        monkeypatch.setattr(data_tensors, "PRESCALED_BYTES", 0)


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("scale", ["none", "unit", "standard", "l2"])
@pytest.mark.parametrize("brightness", [0.3, -0.45])
def test_only_the_test_rows_are_shifted(scale: str, brightness: float) -> None:
    compiled = CompiledProgram(cohort(brightness, scale).program, images(), eager=True)
    for seed in (0, 1):
        start = compiled.start(seed)
        compiled.reset(start, 0.1)
        for part, rows in vars(start.parts).items():
            stored = compiled.dataset.x[rows]
            wanted = apply_scaling(start.scaling, shifted(stored, brightness) if part == "test" else stored)
            found, _ = compiled.data.batch(tf.constant(rows))
            np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def train(one: Cohort, folder: Path, seed: int = 0) -> Result:
    """Train one trial with a rate of 0.1."""
    (trial,) = (trial for trial in one.trials if (trial.learning_rate, trial.seed) == (0.1, seed))
    saving = Saving(folder, "final")
    return next(iter(loop.train_trials(one.program, [trial], images(), saving, lambda trial, epoch: None)))


def test_training_stays_as_it_was_and_the_test_score_is_that_of_shifted_images(tmp_path: Path) -> None:
    plain, brighter = cohort(0.0), cohort(0.4)
    before, after = train(plain, tmp_path), train(brighter, tmp_path)
    assert before.step_losses.tobytes() == after.step_losses.tobytes()
    assert [replace(one, seconds=0) for one in before.epochs] == [replace(one, seconds=0) for one in after.epochs]
    assert before.fitted == after.fitted
    assert before.test.loss != after.test.loss
    model = keras.saving.load_model(model_path(tmp_path, after.trial))
    data = images()
    rows = CompiledProgram(brighter.program, data, eager=True).start(0).parts.test
    logits = model(shifted(data.x[rows], 0.4)).numpy()
    assert after.test.accuracy == pytest.approx(np.mean(logits.argmax(axis=1) == data.y[rows]))


def test_a_saved_model_does_not_shift_what_it_predicts(tmp_path: Path) -> None:
    before, after = train(cohort(0.0), tmp_path), train(cohort(0.4), tmp_path)
    first, second = (keras.saving.load_model(model_path(tmp_path, one.trial)) for one in (before, after))
    np.testing.assert_array_equal(first(images().x), second(images().x))


@pytest.mark.parametrize("engine", ["graph", "xla"])
def test_large_data_have_the_scores_of_small_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    one = cohort(0.4, train__engine=engine)
    small = train(one, tmp_path)
    monkeypatch.setattr(data_tensors, "PRESCALED_BYTES", 0)
    large = train(one, tmp_path)
    assert large.test.loss == pytest.approx(small.test.loss, rel=1e-4)
    assert large.test.accuracy == small.test.accuracy
    assert large.epochs[-1].validation_loss == pytest.approx(small.epochs[-1].validation_loss, rel=1e-4)


def test_without_a_shift_a_program_computes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_tensors, "PRESCALED_BYTES", 0)
    assert CompiledProgram(cohort(0.0).program, images(), eager=True).data.row_shifts is None


def test_the_check_before_training_accepts_shifted_test_rows() -> None:
    check_program(cohort(0.4).program, handful_of_rows(images()))
