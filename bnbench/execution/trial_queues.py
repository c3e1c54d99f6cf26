"""Trials that wait for a worker, one queue for each program."""

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import MayStart, Saving

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

    @cached_property
    def functions(self) -> str:
        """The key of the compiled functions that the program needs."""
        return compile_key(self.program)

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

    def drop_first(self, may_start: MayStart) -> None:
        """Drop waiting trials from the first one on, up to one that may start."""
        while self.waiting and not may_start(self.program, self.waiting[0]):
            self.waiting.popleft()

    def take_until_empty(self, may_start: MayStart) -> Iterator[Trial]:
        """Yield waiting trials that may start until none is left, including trials that are added meanwhile."""
        self.drop_first(may_start)
        while self.waiting:
            yield self.waiting.popleft()
            self.drop_first(may_start)


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

    def drop_first(self, may_start: MayStart) -> None:
        """Drop trials that may not start from each queue, up to one that may."""
        for queue in self.nonempty():
            queue.drop_first(may_start)

    def nonempty(self) -> list[ProgramQueue]:
        """Return the queues that have waiting trials, in the order in which they are served."""
        return [queue for queue in self._queues.values() if queue.waiting]

    def choose(self, ready: str, threads: int | None, workers: Mapping[str, int]) -> ProgramQueue | None:
        """Return the queue for an idle worker; None if it would save no time.

        Args:
            ready: the key of the functions that the worker has; empty if it has none. It needs to compile nothing for
                a queue with this key.
            threads: of the worker; None if it has computed nothing yet.
            workers: how many workers have the functions with each key.
        """
        waiting: dict[str, list[ProgramQueue]] = {}
        for queue in self.nonempty():
            waiting.setdefault(queue.functions, []).append(queue)
        if ready in waiting:
            return waiting[ready][0]
        joinable = [key for key, queues in waiting.items() if _needs_another_worker(queues, workers.get(key, 0))]
        if not joinable:
            return None
        return min(
            (waiting[key][0] for key in joinable),
            key=lambda queue: (workers.get(queue.functions, 0), queue.program.train.threads != threads),
        )

    def __bool__(self) -> bool:
        return any(queue.waiting for queue in self._queues.values())

    def __len__(self) -> int:
        return sum(len(queue.waiting) for queue in self._queues.values())


def _needs_another_worker(queues: Sequence[ProgramQueue], workers: int) -> bool:
    """Return True if one more worker for queues with the same functions saves time.

    The new worker must compile the functions first; `workers` workers already have.
    """
    ended = sum(queue.ended for queue in queues)
    if not workers or not ended:
        return True
    waiting = sum(len(queue.waiting) for queue in queues)
    seconds = sum(queue.seconds for queue in queues) / ended
    return waiting * seconds / workers > max(queue.setup for queue in queues)
