"""Trials that wait for a worker, one queue for each program."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Saving

# If the user sets no time limit, a trial may take this many times as long as the longest finished trial of its program.
PATIENCE = 20
# The time limit is never shorter than this number of seconds.
MIN_LIMIT = 600.0


@dataclass(eq=False)
class ProgramQueue:
    """The waiting trials of a program, and how long its trials have taken so far."""

    program: Program
    saving: Saving
    waiting: deque[Trial] = field(default_factory=deque)
    # Number of trials that have ended, their seconds in total and the longest.
    ended: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    # Longest time that a worker needed to compile the program, in seconds.
    setup: float = 0.0

    def needs_another_worker(self, workers: int) -> bool:
        """Return True if one more worker saves time.

        The new worker must compile the program first; `workers` workers already have.
        """
        if not self.waiting or not workers or not self.ended:
            return bool(self.waiting)
        return len(self.waiting) * self.seconds / self.ended / workers > self.setup

    @property
    def limit(self) -> float:
        """Seconds after which a trial counts as hanging, computed from the trials that have ended."""
        return max(MIN_LIMIT, PATIENCE * self.longest) if self.ended else math.inf

    def add_times(self, seconds: float, setup: float) -> None:
        """Record how long a trial and the work before it took."""
        self.ended += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)
        self.setup = max(self.setup, setup)

    def take_until_empty(self) -> Iterator[Trial]:
        """Yield waiting trials until none is left, including trials that are added meanwhile."""
        while self.waiting:
            yield self.waiting.popleft()


class TrialQueues:
    """All waiting trials. The queue of a program stays when it is empty, since more of its trials may be submitted."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, Saving], ProgramQueue] = {}

    def add(self, program: Program, trial: Trial, saving: Saving) -> None:
        """Add a trial to the queue of its program."""
        queue = self._queues.setdefault((program.key, saving), ProgramQueue(program, saving))
        queue.waiting.append(trial)

    def put_back(self, queue: ProgramQueue, trial: Trial) -> None:
        """Add a trial that must be tried again; its queue moves to the end."""
        queue.waiting.append(trial)
        key = (queue.program.key, queue.saving)
        self._queues[key] = self._queues.pop(key)

    def remove(self, trial_id: str) -> None:
        """Remove a trial if it is waiting."""
        for queue in self._queues.values():
            queue.waiting = deque(trial for trial in queue.waiting if trial.id != trial_id)

    def nonempty(self) -> list[ProgramQueue]:
        """Return the queues that have waiting trials, in the order in which they are served."""
        return [queue for queue in self._queues.values() if queue.waiting]

    def __len__(self) -> int:
        return sum(len(queue.waiting) for queue in self._queues.values())
