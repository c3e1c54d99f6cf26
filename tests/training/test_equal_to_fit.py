"""Everything with a state equals `fit` in float64: three seeds on one program, and a fresh `fit` for each of them."""

from itertools import combinations

import keras
import numpy as np
import pytest

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.optimizer_slots import InitialSlots
from bnbench.training.threads import use_threads
from robustness.soak.equal import cases
from support.equality import (
    CLIPPING,
    SWITCHES,
    TOLERANCE,
    WITH_STATE,
    Optimizer,
    compare_with_fit,
    covering_optimizers,
    optimizer_names,
    tiny_cohort,
)

# The other names of WITH_STATE are compared by `make soak`.
QUICK = (
    "dropout",
    "gaussian_noise",
    "renorm",
    "simple_rnn",
    "random_flip",
    "random_translation",
    "cosine",
    "warmup",
    "warmup_cosine",
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
    # Adafactor has a threshold of its own.
    assert clipped - {"clip_threshold"} == {"clipnorm", "clipvalue", "global_clipnorm"}


@pytest.mark.parametrize(
    "optimizer", list(covering_optimizers()), ids=lambda one: f"{one.name}-{','.join(one.arguments)}"
)
def test_every_optimizer_equals_fit_for_every_seed(optimizer: Optimizer) -> None:
    cohort = tiny_cohort(train__optimizer={"name": optimizer.name, **optimizer.arguments})
    difference, same_bits = compare_with_fit(cohort)
    assert difference < TOLERANCE
    assert same_bits


@pytest.mark.parametrize("name", QUICK)
def test_layers_with_a_state_and_schedules_equal_fit_for_every_seed(name: str) -> None:
    difference, same_bits = compare_with_fit(tiny_cohort(**WITH_STATE[name]))
    assert difference < TOLERANCE
    assert same_bits


def test_every_case_of_the_soak_can_be_planned() -> None:
    for changes in cases():
        assert tiny_cohort(**changes).trials


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
