"""How far a sweep is: what it does now, how many trials have ended, how long one takes and how much time is left."""

import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from bnbench.analysis.labels import format_duration
from bnbench.execution.phases import TRAINING, WRITING

if TYPE_CHECKING:
    from bnbench.planning.trial import Result

# Seconds of training before the time that is left is estimated.
MIN_SECONDS = 1.0
# Trials that failed for the same reason and are printed; the others are only counted.
SAME_FAULTS = 3


class SweepStatus:
    """Counts the trials of a sweep as they run and end.

    Args:
        todo: the number of trials to train.
        clock: returns the present time in seconds.

    Attributes:
        phase: what the executor does.
        finished: the number of trials that have ended.
    """

    def __init__(self, todo: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.todo, self.phase = todo, ""
        self.finished = self._diverged = self._failed = 0
        self._reasons: Counter[str] = Counter()
        self._clock, self._begun = clock, clock()
        # When the first trial started, after TensorFlow was loaded and the first program compiled.
        self._training_since: float | None = None
        # Trial -> share of its epochs. With it the time left is known before the first trial has ended.
        self._running: dict[str, float] = {}

    def note_phase(self, phase: str) -> None:
        """Record what the executor does now."""
        self.phase = phase
        if phase == TRAINING and self._training_since is None:
            self._training_since = self._clock()

    def note_epoch(self, trial: str, share: float) -> None:
        """Record which share of its epochs a running trial has behind it."""
        self._running[trial] = share

    def note_result(self, result: "Result") -> None:
        """Record how a trial has ended."""
        self.finished += 1
        # An adaptive design only expects a number of trials.
        self.todo = max(self.todo, self.finished)
        self._diverged += result.divergence is not None
        self._failed += result.fault is not None
        self._running.pop(result.trial, None)
        if result.fault:
            self._reasons[result.fault.reason] += 1

    def is_news(self, result: "Result") -> bool:
        """Return whether a trial that has been noted failed, and is one of the first that failed for its reason."""
        return result.fault is not None and self._reasons[result.fault.reason] <= SAME_FAULTS

    @property
    def completed(self) -> float:
        """The number of trials that have ended, and the shares of those that run."""
        # A copy, because another thread may show the status meanwhile.
        return min(self.todo, self.finished + sum(self._running.copy().values()))

    @property
    def elapsed(self) -> str:
        """The time since the begin of the sweep: `0:01:30`."""
        return str(timedelta(seconds=int(self._clock() - self._begun)))

    def describe(self) -> str:
        """Return for example `training 12 of 90, 2 diverged, 0.4 s a trial, 1 min left`."""
        if self._training_since is None:
            return self.phase
        count = f"{self.finished} of {self.todo}"
        done = f"{TRAINING} {count}" if self.phase == TRAINING else f"{self.phase}, {count} trained"
        return ", ".join([done, *self._endings(), *self._times()])

    def summarize(self) -> str:
        """Return for example `trained 90 of 90 in 40 s, 2 diverged`; empty if no training has begun."""
        if self._training_since is None:
            return ""
        seconds = self._clock() - self._training_since
        return ", ".join([f"trained {self.finished} of {self.todo} in {format_duration(seconds)}", *self._endings()])

    def _endings(self) -> list[str]:
        counts = ((self._diverged, "diverged"), (self._failed, "failed"))
        return [f"{count} {word}" for count, word in counts if count]

    @property
    def seconds_each(self) -> float | None:
        """How long a trial takes, by the clock and with all workers; None as long as that is unknown."""
        seconds = self._clock() - (self._training_since or 0.0)
        is_known = self._training_since is not None and seconds >= MIN_SECONDS and self.completed > 0
        return seconds / self.completed if is_known and self.finished < self.todo else None

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds of training are left; None as long as that is unknown."""
        each = self.seconds_each
        return None if each is None else each * (self.todo - self.completed)

    def _times(self) -> list[str]:
        each, left = self.seconds_each, self.seconds_left
        # A budget may have left trials out, which do not follow any more.
        if each is None or left is None or self.phase == WRITING:
            return []
        shown = f"{each:.2g} s" if each < 10 else format_duration(each)
        return [f"{shown} a trial", f"{format_duration(left)} left"]
