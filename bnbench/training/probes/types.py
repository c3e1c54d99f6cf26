"""The records of a probe: what it measures and when, what it may look at, and what it returns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

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
    # Before the steps that `Probe.steps` names, and at no other moment.
    AT_STEPS = "at steps"


@dataclass(frozen=True)
class Length:
    """How long a trial is, for a probe that chooses the steps at which it looks."""

    steps: int
    steps_per_epoch: int
    # How many looks at equal distances the experiment asks for.
    looks: int

    def spread(self) -> list[int]:
        """Return the steps of looks at equal distances. The first and the last step of the trial are not among them."""
        return [round(self.steps * i / (self.looks + 1)) for i in range(1, self.looks + 1)]


@dataclass(frozen=True)
class Moment:
    """The network at one moment of a trial. A probe must not change it, including random streams."""

    compiled: CompiledProgram
    start: SeedState
    # The rows of the mini-batch of the next step; at the moments that are no steps, of the first mini-batch.
    batch: RowIndices
    epoch: int
    # How many steps the trial has trained.
    step: int = 0
    # Between its moments, a probe may keep here what it needs later.
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """The learning rate of the next step, as the schedule has it."""
        return float(self.compiled.optimizer.learning_rate)

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
    # By default the epoch, or the step of a look at a step.
    position: float | None = None
    # By default that of the probe.
    unit: str = ""


def _no_steps(length: Length) -> tuple[int, ...]:
    """Return no step."""
    return ()


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
    # Whether it measures only in experiments whose `probes` name it.
    asked: bool = False
    # The steps before which it measures, in addition to `when`, counted from 0.
    steps: Callable[[Length], Iterable[int]] = _no_steps
