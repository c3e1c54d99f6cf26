"""Layers that behave in training as they do not in inference, and layers that are refused."""

from typing import Any

import numpy as np
import pytest

from bnbench.errors import ConfigError
from bnbench.model import catalog
from bnbench.model.layer_table import LayerRecord
from bnbench.planning.plan import Program
from bnbench.training.builder import build_model
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan
from support.small_trials import EVEN, IMAGES, cohorts, compiled_program, results, trained, values_of


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def check(program: Program) -> None:
    check_program(program, handful_of_rows(dataset(program.facts)))


def test_frozen_layers_do_not_change() -> None:
    layers = [{"dense": {"units": 6, "trainable": False}}, "norm", {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers})[0]
    compiled = compiled_program(cohort)
    trained(compiled, cohort.trials[0])
    before = (
        build_model(cohort.program.layers, (5,), "float32", cohort.trials[0].seed).get_layer("dense_0").get_weights()
    )
    np.testing.assert_array_equal(compiled.model.get_layer("dense_0").get_weights()[0], before[0])


def test_augmentation_acts_in_training_only() -> None:
    layers = [{"gaussian_noise": 0.9}, "norm", "flatten", {"dense": "$classes"}]
    cohort = cohorts(IMAGES, model={"layers": layers}, sweep__learning_rate=[1e-12], sweep__seeds=1)[0]
    (result,) = results(cohort)
    assert len({epoch.validation_loss for epoch in result.epochs}) == 1
    assert len({epoch.train_loss for epoch in result.epochs[1:]}) == 3


@pytest.mark.parametrize(
    "flip", ["random_flip", {"random_rotation": 0.1}, {"random_zoom": 0.2}, {"random_translation": [0.1, 0.1]}]
)
def test_keras_augmentation_layers_run_in_the_loop(flip: Any) -> None:
    if isinstance(flip, dict) and "random_translation" in flip:
        flip = {"random_translation": {"height_factor": 0.1, "width_factor": 0.1}}
    layers = [flip, "norm", "flatten", {"dense": "$classes"}]
    changes = {"train__engine": "auto", "train__batch_size": EVEN, "sweep__learning_rate": [0.01], "sweep__seeds": 1}
    cohort = cohorts(IMAGES, model={"layers": layers}, **changes)[1]
    first, again = results(cohort)[0], results(cohort)[0]
    assert first.status == "completed"
    assert values_of(first) == values_of(again)


def test_batch_normalization_follows_the_formula_in_training_and_inference() -> None:
    layers = make_plan(facts((4,)), model={"layers": ["norm", {"dense": 3}]}).cohorts[1].program.layers
    layer = build_model(layers, (4,), "float64", seed=0).layers[0]
    generator = np.random.default_rng(0)
    x = generator.normal(3.0, 2.0, size=(50, 4))
    layer.gamma.assign([1.0, 2.0, 3.0, 4.0])
    layer.beta.assign([0.0, 1.0, 0.0, -1.0])
    mean, variance = x.mean(axis=0), x.var(axis=0)
    trained = (x - mean) / np.sqrt(variance + 1e-3) * [1, 2, 3, 4] + [0, 1, 0, -1]
    np.testing.assert_allclose(layer(x, training=True).numpy(), trained, rtol=1e-9, atol=1e-12)
    # The momentum is 0.9, and the moving statistics start from 0 and 1.
    moving_mean, moving_variance = 0.1 * mean, 0.9 + 0.1 * variance
    np.testing.assert_allclose(layer.moving_mean.numpy(), moving_mean, rtol=1e-9)
    inferred = (x - moving_mean) / np.sqrt(moving_variance + 1e-3) * [1, 2, 3, 4] + [0, 1, 0, -1]
    np.testing.assert_allclose(layer(x, training=False).numpy(), inferred, rtol=1e-9, atol=1e-12)


def test_dropout_draws_from_the_trials_seed() -> None:
    layers = [{"dense": 8}, "norm", {"dropout": 0.5}, {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[1e-12])[0]
    first, second = (r.step_losses[:6] for r in results(cohort))
    # The weights hardly change, so the losses differ only by the rows and the dropped units.
    assert len(set(first.tolist())) == 6
    assert not np.array_equal(first, second)


def test_dropout_drops_its_share_in_training_only() -> None:
    layers = (
        make_plan(facts((4,)), model={"layers": ["norm", {"dropout": 0.3}, {"dense": 3}]}).cohorts[0].program.layers
    )
    layer = build_model(layers, (4,), "float32", seed=0).layers[0]
    ones = np.ones((5000, 4), np.float32)
    dropped = layer(ones, training=True).numpy()
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_allclose(dropped[dropped > 0], 1 / 0.7, rtol=1e-6)
    np.testing.assert_array_equal(layer(ones, training=False).numpy(), ones)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"reshape": [5, 1]}, "norm", {"lstm": 7}], r"the last layer, lstm_0 \(LSTM\), gives \(7,\), wanted \(3,\)"),
        ([{"reshape": [5, 1]}, "norm", {"lstm": {"units": 3, "return_sequences": True}}], r"gives \(5, 3\)"),
    ],
    ids=str,
)
def test_a_model_of_the_wrong_shape_is_refused_before_training(layers: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(cohorts(model={"layers": layers})[0].program)


def test_a_layer_that_no_seed_fixes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if nobody had read the source of this layer, which draws from Python's own generator.
    monkeypatch.setattr(catalog, "LAYERS", {**catalog.LAYERS, "AugMix": LayerRecord()})
    layers = ["aug_mix", "norm", "flatten", {"dense": 3}]
    with pytest.raises(ConfigError, match="no seed fixes"):
        check(cohorts((8, 8, 3), model={"layers": layers})[0].program)


def test_a_layer_whose_config_lacks_its_seed_is_seeded() -> None:
    layers = [{"reshape": [5, 1]}, "norm", {"simple_rnn": {"units": 4, "dropout": 0.5}}, {"dense": 3}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[0.01], sweep__seeds=1)[0]
    check(cohort.program)
    assert values_of(results(cohort)[0]) == values_of(results(cohort)[0])
