"""Probes that an experiment asks for: they change no bit of a training, and equal slow, plain formulas in float64."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from bnbench.errors import ConfigError
from bnbench.planning.plan import Plan
from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes import effective_rate, line_search, predictiveness, sharpness
from bnbench.training.probes.forward import spread_rows
from bnbench.training.probes.registry import find_probes
from bnbench.training.probes.types import Length
from bnbench.training.threads import use_threads
from support.examples import dataset, make_plan

# A network with everything that training mode changes: moving statistics, dropout, a penalty.
LAYERS: list[Any] = [
    {"dense": {"units": 5, "kernel_regularizer": {"l2": 0.01}}},
    "norm",
    {"activation": "tanh"},
    {"dropout": 0.2},
    {"dense": "$classes"},
]
RATE = 0.1


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_threads(1)


def _train(plan: Plan, variant: int = 1) -> Result:
    program = plan.cohorts[variant].program
    rows = dataset(program.facts)
    (result,) = loop.train_trials(program, plan.cohorts[variant].trials[:1], rows, Saving(Path()), lambda *_: None)
    assert result.fault is None, result.fault.traceback
    return result


def _plan(**changes: Any) -> Plan:
    small = {"sweep__learning_rate": [RATE], "train__batch_size": 15, "model__layers": LAYERS, "model__params": {}}
    return make_plan(**{**small, **changes})


def _series(result: Result, name: str, layer: str = "") -> dict[float, float]:
    (found,) = (one for one in result.measurements if (one.name, one.layer) == (name, layer))
    return dict(zip(found.positions.tolist(), found.values.tolist(), strict=True))


@pytest.mark.parametrize("engine", ["xla", "graph"])
@pytest.mark.parametrize("steps_per_epoch", [None, 1])
def test_a_training_has_the_same_bits_with_and_without_all_probes(engine: str, steps_per_epoch: int | None) -> None:
    settings = {"train__engine": engine, "train__steps_per_epoch": steps_per_epoch, "train__schedule": "cosine_decay"}
    settings["train__schedule"] = {"cosine_decay": {"decay_steps": "all"}}
    without, with_all = (_train(_plan(probes=probes, **settings)) for probes in ([], "all"))
    assert without.trial == with_all.trial
    assert without.step_losses.tobytes() == with_all.step_losses.tobytes()
    outcomes = [
        [(e.train_loss, e.train_accuracy, e.validation_loss, e.validation_accuracy) for e in one.epochs]
        + [one.test, one.fitted, one.best_test]
        for one in (without, with_all)
    ]
    assert outcomes[0] == outcomes[1]
    named = {one.name for one in with_all.measurements} - {one.name for one in without.measurements}
    assert {"sharpness", "gradient_norm", "line_best", "kernel_norm", "effective_smoothness", "probed"} <= named


class _Plain:
    """The first mini-batch of a trial with plain Keras: its loss as a function of the weights."""

    def __init__(self, plan: Plan, variant: int = 1) -> None:
        program = plan.cohorts[variant].program
        rows = dataset(program.facts)
        self.compiled = CompiledProgram(program, rows, eager=True)
        self.start = self.compiled.start(0)
        self.compiled.reset(self.start, RATE)
        self.model = self.compiled.model
        self.order = loop.first_order(program, self.start.parts.train, 0)
        self.batch = self.order[: program.batch_size]
        self.state = [variable.numpy() for variable in self.model.variables]

    def loss(self, rows: Sequence[int]) -> Any:
        x, y = self.compiled.data.batch(tf.constant(rows))
        outputs = self.model(x, training=True)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
        return tf.add_n([loss(y, outputs), *self.model.losses])

    def at(self, weights: np.ndarray[Any, Any], rows: Sequence[int]) -> tuple[float, np.ndarray[Any, Any]]:
        """Return the loss and the gradient at some weights; everything is as before afterwards."""
        split = np.split(weights, np.cumsum([np.size(one) for one in self.model.trainable_variables])[:-1])
        for variable, part in zip(self.model.trainable_variables, split, strict=True):
            variable.assign(part.reshape(variable.shape))
        with tf.GradientTape() as tape:
            loss = self.loss(rows)
        gradient = tape.gradient(loss, [one.value for one in self.model.trainable_variables])
        for variable, value in zip(self.model.variables, self.state, strict=True):
            variable.assign(value)
        return float(loss), _flat(gradient)

    @property
    def weights(self) -> np.ndarray[Any, Any]:
        return _flat(self.model.trainable_variables)

    def hessian(self, rows: Sequence[int]) -> np.ndarray[Any, Any]:
        """Return the Hessian by central differences of the gradient."""
        here, step = self.weights, 1e-5
        columns = []
        for i in range(len(here)):
            up, down = here.copy(), here.copy()
            up[i], down[i] = up[i] + step, down[i] - step
            columns.append((self.at(up, rows)[1] - self.at(down, rows)[1]) / (2 * step))
        hessian = np.array(columns)
        return (hessian + hessian.T) / 2


def _flat(parts: Any) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(np.array(part)) for part in parts])


def _exact(name: str, **settings: Any) -> Plan:
    exact = {"probes": [name], "train__dtype": "float64", "train__engine": "graph", "train__epochs": 2}
    return _plan(**{**exact, **settings})


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian() -> None:
    plan = _exact("sharpness")
    result, plain = _train(plan), _Plain(plan)
    batch = np.linalg.eigvalsh(plain.hessian(plain.batch.tolist()))[-1]
    assert _series(result, "batch_sharpness")[0] == pytest.approx(batch, rel=sharpness.TOLERANCE)
    sample = np.linalg.eigvalsh(plain.hessian(spread_rows(plain.start.parts.train, sharpness.ROWS).tolist()))[-1]
    assert _series(result, "sharpness")[0] == pytest.approx(sample, rel=sharpness.TOLERANCE)
    assert _series(result, "sharpness_times_rate")[0] == pytest.approx(sample * RATE, rel=sharpness.TOLERANCE)
    # The last look is at the final weights: 45 training rows are 3 steps, in 2 epochs.
    assert list(_series(result, "sharpness")) == [0, 6]


def test_lanczos_finds_the_largest_eigenvalue_next_to_a_larger_negative_one() -> None:
    generator = np.random.default_rng(1)
    basis = np.linalg.qr(generator.normal(size=(40, 40)))[0]
    values = np.array([-30.0, *np.linspace(-1, 2, 38), 5.0])
    matrix = basis @ np.diag(values) @ basis.T
    assert sharpness.largest_eigenvalue(lambda vector: matrix @ vector, 40) == pytest.approx(5, rel=1e-3)
    # A matrix of rank one has its only eigenvalue in the first product or two; one of zeros has 0.
    assert sharpness.largest_eigenvalue(lambda vector: np.full((3, 3), 2.0) @ vector, 3) == pytest.approx(6)
    assert sharpness.largest_eigenvalue(lambda vector: 0 * vector, 3) == 0
    assert math.isnan(sharpness.largest_eigenvalue(lambda vector: vector * math.nan, 3))


def test_the_line_search_evaluates_the_loss_along_the_gradient() -> None:
    plan = _exact("line_search")
    result, plain = _train(plan), _Plain(plan)
    loss, gradient = plain.at(plain.weights, plain.batch.tolist())
    found = _series(result, "relative_loss_at_step_1")
    assert len(found) == 36
    for length in (1e-5, 1e-3, 1.0):
        near = min(found, key=lambda one: abs(math.log(one / length)))
        expected = plain.at(plain.weights - near * gradient, plain.batch.tolist())[0] / loss
        assert found[near] == pytest.approx(expected, rel=1e-10)
    assert min(found, key=found.__getitem__) == _series(result, "line_best")[1]


def test_the_landmarks_of_a_line_search() -> None:
    lengths = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert line_search.landmarks(lengths, np.array([0.9, 0.5, 0.8, 1.5, 2000])) == (0.2, 0.4, 0.5)
    best, worse, blown = line_search.landmarks(lengths, np.array([0.9, 0.8, 0.7, 0.6, 0.5]))
    assert best == 0.5
    assert math.isnan(worse)
    assert math.isnan(blown)
    # A loss that is not finite is worse, and has blown up. If no length helps, none is the best.
    best, worse, blown = line_search.landmarks(lengths, np.array([1.1, 1.2, math.nan, math.inf, math.inf]))
    assert math.isnan(best)
    assert (worse, blown) == (0.1, 0.3)


def test_predictiveness_measures_loss_and_gradient_along_a_step() -> None:
    plan = _exact("predictiveness")
    result, plain = _train(plan), _Plain(plan)
    rows = plain.batch.tolist()
    _, gradient = plain.at(plain.weights, rows)
    norm = np.linalg.norm(gradient)
    for ending, unit in (("", norm), ("_at_distance", 1.0)):
        lengths = predictiveness.MULTIPLES * RATE * unit
        moved = [plain.at(plain.weights - length * gradient / norm, rows) for length in lengths]
        changes = [np.linalg.norm(there - gradient) for _, there in moved]
        expected = {
            "loss_lowest": min(loss for loss, _ in moved),
            "loss_highest": max(loss for loss, _ in moved),
            "gradient_change_lowest": min(changes),
            "gradient_change_highest": max(changes),
            "effective_smoothness": max(change / length for change, length in zip(changes, lengths, strict=True)),
        }
        for name, value in expected.items():
            assert _series(result, name + ending)[1] == pytest.approx(value, rel=1e-6), name + ending


def test_the_first_steps_are_those_of_plain_keras() -> None:
    plan = _exact("first_steps")
    result, plain = _train(plan), _Plain(plan)
    _, gradient = plain.at(plain.weights, plain.batch.tolist())
    sizes = [int(np.prod(one.shape)) for one in plain.model.trainable_variables]
    # The kernel and the bias of the first layer come first.
    first = sum(sizes[:2])
    (dense,) = (one.layer for one in result.measurements if one.name == "gradient_norm" and one.layer == "dense_0")
    assert _series(result, "gradient_norm", dense)[1] == pytest.approx(np.linalg.norm(gradient[:first]), rel=1e-9)
    # One step of SGD with momentum moves the weights by the rate times the gradient.
    ratio = RATE * np.linalg.norm(gradient[:first]) / np.linalg.norm(plain.weights[:first])
    assert _series(result, "update_ratio", dense)[1] == pytest.approx(ratio, rel=1e-9)
    assert list(_series(result, "gradient_norm", dense)) == [1, 2, 3, 4, 5, 6]
    assert list(_series(result, "update_ratio", dense)) == [1, 2, 3, 4, 5]
    assert set(_series(result, "batch_dead_share", "activation_0").values()) == {0.0}


def test_in_front_of_a_norm_the_squared_norm_grows_by_the_squared_step() -> None:
    # Without momentum, decay or a penalty: gradients are at right angles to the kernel, so Pythagoras holds.
    layers = [{"dense": 5}, "norm", {"activation": "relu"}, {"dense": "$classes"}]
    sgd = {"train__optimizer": "sgd", "train__batch_size": "full", "model__layers": layers}
    plan = _exact("effective_rate", **sgd)
    result, plain = _train(plan), _Plain(plan)
    _, gradient = plain.at(plain.weights, plain.order.tolist())
    norms = _series(result, "kernel_norm", "dense_0")
    step = RATE * np.linalg.norm(gradient[: plain.state[0].size])
    # Only the tiny number that keeps the variance from 0 makes the scale of the kernel count.
    assert norms[1] ** 2 == pytest.approx(norms[0] ** 2 + step**2, rel=1e-4)
    assert _series(result, "effective_rate", "dense_0")[1] == pytest.approx(RATE / norms[1] ** 2)
    angle = math.degrees(math.atan2(step, norms[0]))
    assert _series(result, "update_angle", "dense_0")[1] == pytest.approx(angle, rel=1e-3)
    assert not any(one.name == "effective_rate" and one.layer == "dense_1" for one in result.measurements)


def test_the_effective_rate_of_adam_is_over_the_norm() -> None:
    result = _train(_exact("effective_rate", train__optimizer="adam"))
    norms, rates = (_series(result, name, "dense_0") for name in ("kernel_norm", "effective_rate"))
    assert {step: RATE / norm for step, norm in norms.items()} == pytest.approx(rates)
    # Three steps an epoch: norms at the ends, angles of the first step of each epoch.
    assert list(norms) == [0, 3, 6]
    assert list(_series(result, "update_angle", "dense_0")) == [1, 4]


def test_an_activation_in_the_layer_ends_the_freedom_of_the_scale() -> None:
    layers = [{"dense": {"units": 5, "activation": "tanh"}}, "norm", {"dense": "$classes"}]
    compiled = _Plain(_exact("effective_rate", model__layers=layers)).compiled
    assert effective_rate.kernels_in_front_of_a_norm(compiled) == set()


def test_looks_at_equal_distances() -> None:
    assert Length(steps=100, steps_per_epoch=10, looks=3).spread() == [25, 50, 75]
    assert sharpness.steps(Length(steps=300, steps_per_epoch=10, looks=2)) == [0, 100, 100, 200]
    assert sharpness.steps(Length(steps=80, steps_per_epoch=10, looks=0)) == [0]
    result = _train(_exact("sharpness", probes=[{"sharpness": {"looks": 2}}]))
    assert list(_series(result, "sharpness")) == [0, 2, 4, 6]
    assert _series(result, "probed", "sharpness") == {0: 2}


def test_a_network_without_second_derivatives_is_refused_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise LookupError("No gradient defined for operation")

    plan = _plan(probes=["sharpness"])
    program = plan.cohorts[0].program
    rows = handful_of_rows(dataset(program.facts))
    assert check_program(program, rows) is not None
    monkeypatch.setattr(sharpness, "largest_eigenvalue", fail)
    with pytest.raises(ConfigError, match=r"probes: sharpness cannot be measured in this network: LookupError"):
        check_program(program, rows)


def test_every_name_that_can_be_asked_for_has_a_probe() -> None:
    from bnbench.analysis.asked_probes import ASKED_PROBES

    assert {probe.name for probe in find_probes() if probe.asked} == set(ASKED_PROBES)
