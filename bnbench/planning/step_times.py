"""Records of programs that train by turns: what to time, and what came of it. A worker can send them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnbench.planning.plan import Program


@dataclass(frozen=True)
class TimedPair:
    """Two programs to train by turns."""

    first: "Program"
    second: "Program"
    learning_rate: float
    seed: int
    # Steps of a turn: a whole epoch, or a part of a long one.
    steps: int
    # About how long all rounds shall take.
    seconds: float

    @property
    def key(self) -> tuple[str, str]:
        """The keys of the two programs."""
        return self.first.key, self.second.key


@dataclass(frozen=True)
class StepTimes:
    """How long two programs took by turns, or why they cannot be compared."""

    # The keys of the two programs.
    first: str
    second: str
    # The rate and the seed of the training. None if nothing was timed.
    learning_rate: float | None = None
    seed: int | None = None
    # Steps that each program trained in a round.
    steps: int = 0
    # `processor`: time that the worker had a processor; `elapsed`: time that has passed.
    clock: str = ""
    # The seconds of the two programs in each round.
    rounds: tuple[tuple[float, float], ...] = ()
    # Why the two are never timed. Empty if there are rounds.
    reason: str = ""
    # Why they could not be timed this time. Such a result is not stored, so the next run tries again.
    fault: str = ""


@dataclass(frozen=True)
class TrainedPrograms:
    """What a results folder knows about the programs of a plan.

    Attributes:
        step_seconds: seconds per step, by program.
        ended: by program, the status of each trial that has not failed, by learning rate and seed.
        seconds: how long all trials took.
    """

    step_seconds: Mapping[str, float]
    ended: Mapping[str, Mapping[tuple[float, int], str]]
    seconds: float
