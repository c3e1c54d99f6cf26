"""How long a trial of each program takes: an estimate, which the trials of this run correct as they end."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median

from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program
from bnbench.planning.runtime import PROGRAM_SECONDS, estimate_trial, trial_seconds
from bnbench.planning.trial import Result

# The longest of this many trials that ended last counts: trials of one program differ by 10 to 20% on a shared machine.
RECENT = 5


class TrialTimes:
    """How long a trial of each program takes.

    Args:
        measured: the key of each program that has been timed -> its seconds per step.
    """

    def __init__(self, measured: Mapping[str, float]) -> None:
        self._measured = measured
        # By program: the seconds of the trials of this run that ended last.
        self._recent: dict[str, deque[float]] = {}
        # By basis of the estimate, and by program: its real time as a multiple of the estimate.
        self._factors: dict[str, dict[str, float]] = {}
        self._keys: dict[str, str] = {}
        self._compiled: set[str] = set()

    def add(self, program: Program, result: Result) -> None:
        """Take note of a trial that has ended."""
        if result.fault:
            return
        self._compiled.add(self._functions(program))
        seconds = _whole_seconds(program, result)
        if seconds is None:
            return
        self._recent.setdefault(program.key, deque(maxlen=RECENT)).append(seconds)
        estimate, basis = estimate_trial(program, self._measured)
        if estimate:
            self._factors.setdefault(basis, {})[program.key] = seconds / estimate

    def seconds(self, program: Program) -> float | None:
        """Return about how many seconds a trial takes; None if nothing is known about it.

        What other programs took in this run, compared with their estimates, corrects that of a program without a trial.
        """
        if recent := self._recent.get(program.key):
            return max(recent)
        estimate, basis = estimate_trial(program, self._measured)
        if basis == "unknown":
            return None
        factors = self._factors.get(basis)
        return estimate * (median(factors.values()) if factors else 1.0)

    def compile_seconds(self, program: Program) -> float:
        """Return about how many seconds it takes to compile a program; 0 if this run has compiled its functions."""
        return 0.0 if self._functions(program) in self._compiled else PROGRAM_SECONDS

    def together(self, counts: Sequence[tuple[Program, int]], workers: int) -> float:
        """Return about how many seconds so many trials of each program take on so many workers; 0 if unknown.

        Each worker trains one trial after another, so that some workers have none at the end.
        """
        counts = [(program, count) for program, count in counts if count]
        number = sum(count for _, count in counts)
        if not number:
            return 0.0
        times = [(self.seconds(program) or 0.0, count) for program, count in counts]
        mean = sum(seconds * count for seconds, count in times) / number
        functions = {self._functions(program): self.compile_seconds(program) for program, _ in counts}
        if len(functions) > workers:
            # A worker keeps the functions of one program; it compiles those of the others again.
            functions = dict.fromkeys(functions, PROGRAM_SECONDS)
        training = max(math.ceil(number / workers) * mean, *(seconds for seconds, _ in times))
        return training + sum(functions.values()) / workers

    def _functions(self, program: Program) -> str:
        if program.key not in self._keys:
            self._keys[program.key] = compile_key(program)
        return self._keys[program.key]


def _whole_seconds(program: Program, result: Result) -> float | None:
    """Return how long a trial takes that does not diverge; None if it diverged in its first epoch."""
    if result.divergence is None:
        return result.seconds
    return None if result.seconds_per_step is None else trial_seconds(program, result.seconds_per_step)
