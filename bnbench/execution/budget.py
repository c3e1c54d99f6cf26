"""The time that a command may take: which trials still start, and in which order, so that whole seeds are trained."""

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.runtime import LOADING_SECONDS, REPORT_SECONDS
from bnbench.planning.step_pairs import estimate_pair_seconds
from bnbench.planning.trial import Result
from bnbench.planning.trial_times import TrialTimes

# An estimate without any trial is right within this factor in most cases.
FACTOR = 2
# Trials take up to this many times as long as those before them, because other people use the machine, too.
MARGIN = 1.1
# The maximum number of trials that an executor has at the same time. A million would take minutes to submit.
MAX_SUBMITTED = 10_000


class Budget:
    """The time of a command, which may run several sweeps. It counts from the moment at which this object is made.

    Args:
        seconds: the whole time; infinity is no limit.
        clock: returns the present time in seconds.

    Attributes:
        ended: how many trials have ended in this command.
        not_started: how many trials have been left out because they would probably not have ended in time.
        wanted: about how many seconds a command takes that trains the shortest of those, and nothing else.
    """

    def __init__(self, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.ended, self.not_started, self.wanted = seconds, 0, 0, math.inf
        self._clock, self._end = clock, clock() + seconds

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return math.isfinite(self.seconds)

    @property
    def left(self) -> float:
        """The seconds that are left; negative if the time is over."""
        return self._end - self._clock()


class TrialSupply:
    """Gives an executor the missing trials of a sweep in an order in which the time suffices for whole seeds.

    Without a limit, one program comes after the other. With one, all programs train a block of seeds before the next
    block: half of the seeds that the rest of the time would suffice for. So an estimate that is wrong by a factor of
    two costs no seed, and few programs are compiled twice. No block begins that would not end in time, except the first
    one: otherwise short commands, one after another, would never train a seed that takes long.

    Args:
        todo: the trials to train.
        budget: the time, and the counts of what has become of the trials.
        times: about how long the trials take; it learns from results.
        pairs: the pairs of variants that are timed after the last trial.

    Attributes:
        refused: the ids of the trials that were given out, but could not start in time.
    """

    def __init__(
        self,
        todo: Sequence[Cohort],
        budget: Budget,
        times: TrialTimes | None = None,
        pairs: Collection[object] = (),
    ) -> None:
        self._todo, self._budget, self._times = todo, budget, times or TrialTimes({})
        self._pair_seconds = estimate_pair_seconds(pairs, budget.seconds) if pairs else 0.0
        # How many trials each program has of each seed. Without a limit nobody asks, and there may be a million trials.
        self._counts = [(cohort.program, cohort.trials.count_by_seed()) for cohort in todo] if budget.is_limited else []
        seeds = todo[0].trials.seeds if todo else ()
        self._seeds = [one for one in seeds if not self._counts or any(one in count for _, count in self._counts)]
        self._is_first = True
        self._block: Iterator[tuple[Program, Trial]] = iter(())
        self.refused: set[str] = set()

    def take(self, unfinished: int, workers: int) -> Iterator[tuple[Program, Trial]]:
        """Yield the trials to submit now.

        Args:
            unfinished: how many trials have been submitted and have not ended.
            workers: how many trials can run at the same time; 0 counts as 1.
        """
        for taken in islice(self._block, MAX_SUBMITTED - unfinished):
            unfinished += 1
            yield taken
        # At most one trial waits for a worker.
        if self._seeds and unfinished <= max(1, workers):
            self._open_block(unfinished, max(1, workers))
            yield from islice(self._block, MAX_SUBMITTED - unfinished)

    def may_start(self, program: Program, trial: Trial) -> bool:
        """Return whether a trial would probably end in time; if not, it counts as not started."""
        if not self._budget.is_limited:
            return True
        need = self._need(program)
        if need < self._time_for_trials():
            return True
        self.refused.add(trial.id)
        self._note_wanted(need)
        return False

    def add(self, program: Program, result: Result) -> None:
        """Take note of a trial that has ended."""
        self._budget.ended += 1
        if self._budget.is_limited:
            self._times.add(program, result)

    def is_hopeless(self) -> bool:
        """Return whether no trial would end in time, before anything has been loaded. If so, no trial is given out."""
        needs = [self._need(program) for program, _ in self._counts]
        if not needs or self._time_for_trials() > LOADING_SECONDS + min(needs):
            return False
        self.close(LOADING_SECONDS)
        return True

    def close(self, loading: float = 0.0) -> None:
        """Add the trials that have not been given out, or have been refused, to the counts of the budget.

        Args:
            loading: about how many seconds would have passed before the first trial.
        """
        waiting = [(program, sum(count[seed] for seed in self._seeds)) for program, count in self._counts]
        for program, count in waiting:
            if count:
                self._note_wanted(loading + self._need(program))
        self._budget.not_started += sum(count for _, count in waiting) + len(self.refused)
        self._seeds, self.refused = [], set()

    def has_time_for_pairs(self) -> bool:
        """Return whether pairs of variants can be timed before the time is over."""
        return self._budget.left > self._pair_seconds

    def _need(self, program: Program) -> float:
        """Return about how many seconds a trial takes, with compiling; without the training if that is unknown."""
        return (self._times.seconds(program) or 0.0) + self._times.compile_seconds(program)

    def _time_for_trials(self) -> float:
        return self._budget.left - self._pair_seconds - REPORT_SECONDS

    def _note_wanted(self, seconds: float) -> None:
        before = self._budget.seconds - self._budget.left
        whole = before + seconds + self._pair_seconds + REPORT_SECONDS
        self._budget.wanted = min(self._budget.wanted, whole)

    def _open_block(self, unfinished: int, workers: int) -> None:
        count = self._seeds_of_block(unfinished, workers) if self._budget.is_limited else len(self._seeds)
        seeds, self._seeds, self._is_first = set(self._seeds[:count]), self._seeds[count:], False
        chosen = ((cohort.program, cohort.trials.of_seeds(seeds)) for cohort in self._todo)
        self._block = ((program, trial) for program, trials in chosen for trial in trials)

    def _seeds_of_block(self, unfinished: int, workers: int) -> int:
        left, least = self._time_for_trials(), int(self._is_first)
        longest = max(self._times.seconds(program) or 0.0 for program, _ in self._counts)
        if any(self._times.seconds(program) is None for program, _ in self._counts):
            return 1 if left > 0 else least
        # Trials that run now are half done, on average.
        left = left / MARGIN - (longest / 2 if unfinished else 0.0)

        def seconds(number: int) -> float:
            counts = [(program, sum(count[seed] for seed in self._seeds[:number])) for program, count in self._counts]
            return self._times.together(counts, workers)

        fitting = bisect_right(range(1, len(self._seeds) + 1), left, key=seconds)
        if fitting == len(self._seeds) and FACTOR * seconds(fitting) <= left:
            return fitting
        return max(fitting // FACTOR, min(fitting, 1), least)
