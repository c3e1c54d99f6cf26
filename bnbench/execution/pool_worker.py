"""What the process pool knows about one of its workers."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bnbench.execution.transport import Handle
from bnbench.execution.trial_queues import MIN_LIMIT, ProgramQueue
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program, Trial
from bnbench.planning.step_times import TimedPair
from bnbench.planning.trial import Fault, Result


@dataclass(eq=False)
class PoolWorker:
    """A worker process and its present task."""

    process: Handle
    ready: bool = False
    # TensorFlow accepts one number of threads for the life of a process.
    threads: int | None = None
    # How many programs it has checked or compiled.
    programs: int = 0
    # The programs that it checks, which share functions, and the key of those that it checked last.
    checking: Sequence[Program] = ()
    checked: str = ""
    # When it began to compile a program ahead of its first trial, and how long that took.
    preparing: float | None = None
    prepared_in: float = 0.0
    # The queue whose program it has compiled.
    queue: ProgramQueue | None = None
    # Whether it has a program that it has not trained yet.
    compiling: bool = False
    # The running trial, when it was sent, and for how many seconds the coordinator has seen it run.
    trial: Trial | None = None
    sent: float = 0.0
    seconds: float = 0.0
    # Whether it times the steps of pairs; `seconds` then counts from the last pair.
    timing: bool = False
    # Whether it is in the rounds of a pair, which nothing else may slow down.
    in_rounds: bool = False
    # Why the coordinator killed it.
    killed_because: str = ""

    @property
    def functions(self) -> str:
        """The key of the functions that it has compiled, or whose model it has checked; empty if it has none."""
        return self.queue.functions if self.queue else self.checked

    def check(self, programs: Sequence[Program]) -> None:
        """Send programs with the same functions to check. The worker then drops its compiled program."""
        self.checking, self.queue, self.programs = programs, None, self.programs + 1
        self.checked = compile_key(programs[0])
        self.process.send(("check", programs))

    def prepare(self, program: Program) -> None:
        """Let it compile a program that it has checked, ahead of the first trial."""
        self.preparing = time.monotonic()
        self.process.send(("prepare", program))

    def end_preparing(self) -> None:
        """Record that it has compiled the program."""
        if self.preparing is not None:
            self.prepared_in, self.preparing = time.monotonic() - self.preparing, None

    def train_next(self, queue: ProgramQueue) -> None:
        """Send the next trial of a queue, with its program if the worker trains another."""
        self.trial, self.sent, self.seconds = queue.waiting.popleft(), time.monotonic(), 0.0
        if queue is self.queue:
            self.process.send(("trial", self.trial))
        else:
            if queue.functions != self.functions:
                self.programs += 1
            self.compiling = self.queue is None or queue.functions != self.functions
            self.queue = queue
            self.process.send(("train", queue.program, self.trial, queue.saving))

    def time_steps(self, pairs: Sequence[TimedPair]) -> None:
        """Send pairs to time. The worker then drops its compiled program."""
        self.timing, self.in_rounds, self.queue, self.checked = True, False, None, ""
        self.programs, self.seconds = self.programs + 2 * len(pairs), 0.0
        self.process.send(("time", pairs))

    def begin_rounds(self) -> None:
        """Let it time the pair that it has compiled."""
        self.in_rounds = True
        self.process.send(("begin",))

    def end_trial(self, result: Result) -> None:
        """Record that the running trial has ended, and how long it and the compilation took."""
        self.trial, self.compiling = None, False
        if self.queue:
            setup = time.monotonic() - self.sent - result.seconds
            self.queue.add_times(result.seconds, max(setup, self.prepared_in))
            self.prepared_in = 0.0

    def kill_if_late(self, timeout: float | None) -> None:
        """Kill the process if its trial exceeds the timeout, or without a timeout the limit of its queue.

        A pair whose steps are timed may take as long as a trial.
        """
        limit = self._limit() if timeout is None else timeout
        if (self.trial or self.timing) and self.seconds > limit and not self.killed_because:
            option = "" if timeout is None else " (--trial-timeout)"
            self.killed_because = f"took more than {limit:g} s and was ended{option}"
            self.process.kill()

    def _limit(self) -> float:
        if self.timing:
            return MIN_LIMIT
        return self.queue.limit if self.queue else math.inf

    def cause_of_death(self) -> Fault:
        """Return why the process has died."""
        if self.killed_because:
            return Fault(f"worker {self.process.name} {self.killed_because}", "")
        return self.process.cause_of_death()

    def failed_result(self, fault: Fault) -> Result | None:
        """Return the result of the running trial if the worker has died; None if no trial was running."""
        if not (self.trial and self.queue):
            return None
        program = self.queue.program
        return Result(self.trial.id, program.key, program.parameters, fault=fault, worker=self.process.name)


def with_tries(result: Result, tries: int) -> Result:
    """Return the result of the last try, with the number of tries in the reason of its fault."""
    fault = result.fault
    return replace(result, fault=fault and replace(fault, reason=f"{fault.reason}; tried {tries} times"))
