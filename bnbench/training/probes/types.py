"""The records of a probe: what it measures and when, what it may look at, and what it returns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.forward import ForwardPass, run_layers
from bnbench.training.seed_state import RowIndices, SeedState


class When(Enum):
    """The moments of a trial at which a probe can measure."""

    BEFORE_FIRST_STEP = "before the first step"
    # Also after epoch 0, which is the untrained network.
    AFTER_EACH_EPOCH = "after each epoch"
    # With the final weights. Not in a trial whose loss or weights are not finite.
    AT_THE_END = "at the end"


@dataclass(frozen=True)
class Moment:
    """The network at one moment of a trial. A probe must not change it, including random streams."""

    compiled: CompiledProgram
    start: SeedState
    # The rows of the first mini-batch.
    batch: RowIndices
    epoch: int

    @cached_property
    def forward_pass(self) -> ForwardPass:
        """What the layers return for validation rows; computed once for all probes of this moment."""
        return run_layers(self.compiled, self.start)


@dataclass(frozen=True)
class Value:
    """One measured number."""

    name: str
    # NaN if the value is unknown.
    value: float
    # Empty if the value is about the whole network.
    layer: str = ""
    # By default the epoch.
    position: float | None = None


@dataclass(frozen=True)
class Probe:
    """A probe. Its function returns no values if there is nothing to measure."""

    name: str
    # What its values are, in words.
    measures: str
    # Empty if the values have no unit.
    unit: str
    when: When
    measure: Callable[[Moment], Iterable[Value]]
    # The key of `train` that must be true for this probe to measure. If empty, it always measures.
    asked_for_by: str = ""
