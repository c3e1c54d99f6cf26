"""Some steps of an epoch at a time: nothing is compiled anew, and all bits stay those of the whole epoch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import facts, make_plan
from support.small_trials import compiled_program

# 23 rows in batches of 5: four whole steps and a shorter one.
ROWS, STEPS = 23, 5
LAYERS = [{"dense": 8}, "norm", {"activation": "relu"}, {"dropout": 0.3}, {"dense": "$outputs"}]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def compiled(classes: int = 3, **changes: Any) -> CompiledProgram:
    """Return the batch-normalized program of a small network with dropout."""
    model = {"params": {"outputs": classes or 1}, "layers": LAYERS}
    loss = "sparse_categorical_crossentropy" if classes else "mse"
    settings = {"model": model, "train__batch_size": 5, "train__loss": loss, "train__engine": "graph"}
    return compiled_program(make_plan(facts(classes=classes), **(settings | changes)).cohorts[1])


def train_in_parts(program: CompiledProgram, ends: Sequence[int]) -> list[Any]:
    """Return the losses, the credit and the weights after an epoch that is trained up to one end after another."""
    start = program.start(1)
    program.reset(start, 0.1)
    order = start.parts.train[:ROWS]
    losses, right, first = [], None, 0
    for last in ends:
        more, right = program.train_steps(order, first, last, right)
        losses += more.tolist()
        first = last
    return [losses, np.asarray(right).tobytes(), *(variable.numpy().tobytes() for variable in program.model.variables)]


@pytest.mark.parametrize("engine", ["graph", "xla"])
@pytest.mark.parametrize("classes", [3, 0], ids=["classes", "numbers"])
def test_parts_of_an_epoch_have_the_bits_of_the_whole(engine: str, classes: int) -> None:
    program = compiled(classes, train__engine=engine, train__optimizer="adam")
    whole = train_in_parts(program, [STEPS])
    assert len(whole[0]) == STEPS
    for ends in ([0, STEPS], [1, 3, STEPS], [4, STEPS], [1, 2, 3, 4, STEPS]):
        assert train_in_parts(program, ends) == whole


def test_parts_of_an_epoch_are_not_compiled_anew() -> None:
    program = compiled()
    train_in_parts(program, [STEPS])
    traced = program.epoch.experimental_get_tracing_count()
    train_in_parts(program, [1, 3, STEPS])
    assert program.epoch.experimental_get_tracing_count() == traced


def test_an_empty_range_of_steps_trains_nothing() -> None:
    program = compiled()
    start = program.start(1)
    program.reset(start, 0.1)
    before = program.model.get_weights()
    losses, _ = program.train_steps(start.parts.train[:ROWS], 2, 2)
    assert len(losses) == 0
    for one, other in zip(program.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loss_that_is_not_finite_ends_the_steps() -> None:
    layers = [{"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$outputs"}]
    program = compiled(0, model={"params": {"outputs": 1}, "layers": layers}, train__on_divergence="stop")
    start = program.start(1)
    program.reset(start, 1e30)
    losses, _ = program.train_steps(start.parts.train[:ROWS], 0, STEPS)
    assert 0 < len(losses) < STEPS
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
