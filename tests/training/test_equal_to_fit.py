"""Everything with a state equals `fit` in float64: three seeds on one program, and a fresh `fit` for each of them."""

from itertools import combinations
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.training.compiled_program import CompiledProgram, use_threads
from bnbench.training.optimizer_slots import InitialSlots
from support.equality import (
    CLIPPING,
    SWITCHES,
    TOLERANCE,
    Optimizer,
    compare_with_fit,
    covering_optimizers,
    optimizer_names,
    tiny_cohort,
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


@pytest.fixture(autouse=True)
def _cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled, so nothing needs to be compiled before the first trial."""
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)


def options(optimizer: Optimizer) -> tuple[bool, ...]:
    """Return whether an optimizer has each option: clipping, weight decay, accumulation, loss scale."""
    switches = [next(iter(switch)) for switch in SWITCHES]
    clipped = any(name in optimizer.arguments for clipping in CLIPPING for name in clipping)
    return (clipped, *(name in optimizer.arguments for name in switches))


def test_the_cover_has_every_pair_of_optimizer_and_options() -> None:
    rows = [(optimizer.name, *options(optimizer)) for optimizer in covering_optimizers()]
    for first, second in combinations(range(5), 2):
        values = {(row[first], row[second]) for row in rows}
        assert len(values) == (len(optimizer_names()) if first == 0 else 2) * 2
    clipped = {name for optimizer in covering_optimizers() for name in optimizer.arguments if "clip" in name}
    assert clipped == {"clipnorm", "clipvalue", "global_clipnorm"}


@pytest.mark.parametrize(
    "optimizer", list(covering_optimizers()), ids=lambda one: f"{one.name}-{','.join(one.arguments)}"
)
def test_every_optimizer_equals_fit_for_every_seed(optimizer: Optimizer) -> None:
    cohort = tiny_cohort(train__optimizer={"name": optimizer.name, **optimizer.arguments})
    difference, same_bits = compare_with_fit(cohort)
    assert difference < TOLERANCE
    assert same_bits


def behind_a_dense_layer(layer: Any) -> dict[str, Any]:
    return {"model": {"layers": [{"dense": 4}, layer, {"dense": "$classes"}]}}


def of_a_sequence(layer: Any) -> dict[str, Any]:
    return {"model": {"layers": [{"reshape": [5, 1]}, layer, {"dense": "$classes"}]}}


def of_images(layer: Any) -> dict[str, Any]:
    return {"shape": (6, 6, 3), "model": {"layers": [layer, "flatten", {"dense": "$classes"}]}}


RNN = {"units": 3, "dropout": 0.5, "recurrent_dropout": 0.3}


@pytest.mark.parametrize(
    "changes",
    [
        behind_a_dense_layer({"dropout": 0.5}),
        behind_a_dense_layer({"alpha_dropout": 0.5}),
        behind_a_dense_layer({"gaussian_noise": 0.5}),
        behind_a_dense_layer({"batch_normalization": {"momentum": 0.7, "scale": False}}),
        behind_a_dense_layer({"batch_normalization": {"momentum": 0.7, "renorm": True}}),
        behind_a_dense_layer({"prelu": {"alpha_initializer": "random_uniform"}}),
        behind_a_dense_layer(
            {"dense": {"units": 3, "kernel_initializer": "orthogonal", "kernel_constraint": "max_norm"}}
        ),
        of_a_sequence({"lstm": RNN}),
        of_images("random_flip"),
        of_images({"random_translation": {"height_factor": 0.2, "width_factor": 0.2}}),
        of_images({"random_contrast": 0.5}),
        {"train__schedule": {"cosine": {"decay_steps": 3}}},
        {"train__schedule": {"inverse_time": {"decay_steps": 1, "decay_rate": 0.3}}},
        {"train__schedule": {"cosine_decay_restarts": {"first_decay_steps": 2}}, "train__optimizer": "nadam"},
    ],
    ids=str,
)
def test_layers_with_a_state_and_schedules_equal_fit_for_every_seed(changes: dict[str, Any]) -> None:
    difference, same_bits = compare_with_fit(tiny_cohort(**changes, data__scale="none"))
    assert difference < TOLERANCE
    assert same_bits


def test_weights_that_no_seed_fixes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"layers\[0\]\.dense\.lora_rank: .* without a seed"):
        tiny_cohort(model={"layers": [{"dense": {"units": "$classes", "lora_rank": 2}}]})


class _StartsFromNorms(keras.optimizers.SGD):  # type: ignore[misc]  # Keras has no types
    """Has a slot that is computed from the weights and is no copy."""

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        for variable in variables:
            slot = self.add_variable_from_reference(variable, name="norm")
            slot.assign(keras.ops.square(variable))


def test_slots_that_are_computed_from_the_weights_are_refused() -> None:
    weights = [keras.Variable(np.ones((2, 3)))]
    where = Location("made.yaml", ("train", "optimizer"))
    with pytest.raises(ConfigError, match=r"made\.yaml: train\.optimizer: .* computes from the weights"):
        InitialSlots(lambda: _StartsFromNorms(learning_rate=1.0), weights, where)
    np.testing.assert_array_equal(weights[0], np.ones((2, 3)))


def test_slots_that_copy_weights_follow_them() -> None:
    # Two weights start from the same values, as most biases do.
    weights = [keras.Variable(np.zeros(3)), keras.Variable(np.zeros(3))]
    slots = InitialSlots(lambda: keras.optimizers.ScheduleFreeAdamW(learning_rate=1.0), weights, Location("made.yaml"))
    weights[1].assign([1.0, 2.0, 3.0])
    values = [value.tolist() for value in slots.values() if value.shape == (3,)]
    # A copy of each weight, which Keras calls momentum, and its velocity.
    assert values == [[0, 0, 0], [0, 0, 0], [1, 2, 3], [0, 0, 0]]
