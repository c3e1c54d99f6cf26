"""Everything with a state equals `fit` in float64: three seeds on one program, and a fresh `fit` for each of them."""

from itertools import combinations
from typing import Any

import pytest

from bnbench.training.compiled_program import CompiledProgram, use_threads
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


@pytest.mark.parametrize("optimizer", list(covering_optimizers()), ids=lambda one: f"{one.name}-{','.join(one.arguments)}")
def test_every_optimizer_equals_fit_for_every_seed(optimizer: Optimizer) -> None:
    cohort = tiny_cohort(train__optimizer={"name": optimizer.name, **optimizer.arguments})
    difference, same_bits = compare_with_fit(cohort)
    assert difference < TOLERANCE
    assert same_bits
