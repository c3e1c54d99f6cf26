"""Re-estimated moving statistics, and those of other momenta, against slow and plain computations."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bnbench.training import moving_statistics as moving
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.moving_statistics import LongerAverage, learning_norms
from bnbench.training.seed_state import SeedState
from bnbench.training.threads import use_threads
from support.small_trials import EVEN, IMAGES, cohorts, compiled_program

TWO_NORMS = [
    {"dense": 6},
    "norm",
    {"activation": "relu"},
    {"dropout": 0.5},
    {"dense": 4},
    "norm",
    {"dense": "$classes"},
]
DOUBLE = {"train__dtype": "float64"}


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def started(layers: list[Any], *shape: int, **changes: Any) -> tuple[CompiledProgram, SeedState]:
    """Return a program with its initial weights, of the variant with batch normalization; nothing is compiled."""
    compiled = compiled_program(cohorts(shape or (5,), model={"layers": layers}, **changes)[1])
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    return compiled, start


@pytest.mark.usefixtures("float64", "untraced")
def test_statistics_are_those_of_all_rows_layer_after_layer() -> None:
    compiled, start = started(TWO_NORMS, **DOUBLE)
    norms, rows = learning_norms(compiled), start.parts.train
    moving.reestimate(compiled, norms, rows)
    values: NDArray[Any] = compiled.data.x.numpy()[rows]
    dense = [compiled.model.get_layer(name) for name in ("dense_0", "dense_1")]
    for layer, norm, (mean, variance) in zip(dense, norms, moving.current_statistics(norms), strict=True):
        values = values @ layer.kernel.numpy() + layer.bias.numpy()
        assert mean == pytest.approx(values.mean(axis=0), rel=1e-12)
        assert variance == pytest.approx(((values - values.mean(axis=0)) ** 2).mean(axis=0), rel=1e-12)
        # Scale 1, shift 0; the dropout behind the first norm is off.
        values = np.maximum((values - mean) / np.sqrt(variance + norm.epsilon), 0.0)
    assert [norm.momentum for norm in norms] == [0.9, 0.9]


@pytest.mark.usefixtures("untraced")
def test_of_images_the_statistics_are_over_rows_and_positions() -> None:
    layers = [{"conv2d": {"filters": 3, "kernel_size": 3}}, "norm", "flatten", {"dense": "$classes"}]
    compiled, start = started(layers, *IMAGES)
    norms = learning_norms(compiled)
    moving.reestimate(compiled, norms, start.parts.train)
    inputs = compiled.inputs_of(norms[0].name, start.parts.train)
    assert inputs.shape == (45, 4, 4, 3)
    ((mean, variance),) = moving.current_statistics(norms)
    assert mean == pytest.approx(inputs.mean(axis=(0, 1, 2)), rel=1e-4, abs=1e-6)
    assert variance == pytest.approx(inputs.var(axis=(0, 1, 2)), rel=1e-4)


@pytest.mark.usefixtures("untraced")
def test_the_largest_layer_limits_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [{"conv2d": {"filters": 3, "kernel_size": 3}}, "norm", "flatten", {"dense": "$classes"}]
    compiled, _ = started(layers, *IMAGES)
    assert moving.rows_at_once(compiled) == moving.MAX_ROWS
    # The convolution returns 4 x 4 x 3 values of 4 bytes.
    monkeypatch.setattr(moving, "MAX_BYTES", 20 * 4 * 4 * 3 * 4)
    assert moving.rows_at_once(compiled) == 20


@pytest.mark.parametrize("norm", ["none", {"batch": {"trainable": False}}, {"batch": {"renorm": True}}, "layer"])
@pytest.mark.usefixtures("untraced")
def test_some_networks_learn_no_such_statistics(norm: object) -> None:
    compiled, _ = started(TWO_NORMS, variants={"plain": {"norm": "none"}, "other": {"norm": norm}})
    assert learning_norms(compiled) == []


def test_statistics_without_their_start_and_a_mixture() -> None:
    first, now = [(np.array([0.0]), np.array([1.0]))], [(np.array([3.0]), np.array([1.75]))]
    # A quarter of the start is left: 3 = 1/4 x 0 + 3/4 x 4 and 1.75 = 1/4 x 1 + 3/4 x 2.
    rest = moving.without_start(now, first, [0.25])
    assert np.array(rest).ravel().tolist() == [4.0, 2.0]
    assert np.array(moving.mixed(first, rest, [0.25])).ravel().tolist() == [3.0, 1.75]
    # With a momentum of 1 the start is all there is.
    assert np.array(moving.without_start(first, first, [1.0])).ravel().tolist() == [0.0, 1.0]
    assert np.array(moving.without_start([(np.array([0.0]), np.array([0.2]))], first, [0.25])).min() == 0.0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("every", [1, 3])
def test_a_longer_momentum_follows_from_looks_at_the_moving_statistics(every: int) -> None:
    """Training does not depend on the momentum, so a second training with the longer one shows what it gives."""
    made: dict[float, list[Any]] = {}
    for momentum in (0.9, 0.99):
        variants = {"plain": {"norm": "none"}, "bn": {"norm": {"batch": {"momentum": momentum}}}}
        layers = [{"dense": 4}, "norm", {"activation": "tanh"}, {"dense": "$classes"}]
        compiled, start = started(layers, variants=variants, train__batch_size=EVEN, **DOUBLE)
        norms = learning_norms(compiled)
        average = LongerAverage(norms, moving.initial_statistics(compiled, norms, start), 10)
        for epoch in range(4):
            for step in range(3):
                compiled.train_steps(start.parts.train, step, step + 1)
                if (step + 1) % every == 0:
                    longer = average.look(3 * epoch + step + 1, moving.current_statistics(norms))
        made[momentum] = [longer, moving.current_statistics(norms)]
    error = np.abs(np.array(made[0.9][0]) - np.array(made[0.99][1])).max()
    # Without the longer momentum the values differ far more.
    assert np.abs(np.array(made[0.9][1]) - np.array(made[0.99][1])).max() > 0.3
    assert error < (1e-12 if every == 1 else 0.01)
    # The look at a step that was seen before returns what it returned then.
    assert average.look(12, []) is longer
