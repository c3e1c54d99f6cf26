"""Progress of a sweep on stderr: a live display on a terminal, a line now and then elsewhere."""

import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from bnbench.analysis.columns import ACCURACY, R2
from bnbench.execution.phases import WRITING
from bnbench.execution.status import SweepStatus

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    # A run imports this module before its first worker starts.
    from bnbench.planning.plan import Plan, Trial
    from bnbench.planning.resources import WorkerCount
    from bnbench.planning.trial import Epoch, Result

# Seconds between two lines off a terminal.
LOG_EVERY = 30.0


class ProgressWatcher(Protocol):
    """Gets the progress of a sweep. All methods are called in the thread that runs the sweep."""

    def begin(self, plan: "Plan", todo: int, workers: "WorkerCount") -> None:
        """Called before the first trial, with the number of trials to train."""

    def phase(self, phase: str) -> None:
        """Called when the sweep begins to do something else, such as `loading TensorFlow`; a phase may be repeated."""

    def epoch(self, trial: "Trial", epoch: "Epoch") -> None:
        """Called now and then with the latest epoch of a running trial."""

    def result(self, trial: "Trial", result: "Result") -> None:
        """Called when a trial has been stored."""

    def end(self) -> None:
        """Called at the end, also after an error. It may be called twice."""


def make_watcher(quiet: bool = False, verbose: bool = False, log_every: float = LOG_EVERY) -> ProgressWatcher:
    """Return the watcher that suits stderr.

    Args:
        quiet: show nothing.
        verbose: also print a line for each trial.
        log_every: seconds between two lines off a terminal.
    """
    if quiet:
        return SilentProgress()
    return LiveProgress(verbose) if sys.stderr.isatty() else LineProgress(verbose, log_every)


class SilentProgress:
    """Shows nothing."""

    def begin(self, plan: "Plan", todo: int, workers: "WorkerCount") -> None:
        """Do nothing."""

    def phase(self, phase: str) -> None:
        """Do nothing."""

    def epoch(self, trial: "Trial", epoch: "Epoch") -> None:
        """Do nothing."""

    def result(self, trial: "Trial", result: "Result") -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class LineProgress:
    """Prints each phase before the first trial ends, then a line with the time now and then, and each failed trial."""

    def __init__(self, verbose: bool = False, log_every: float = LOG_EVERY) -> None:
        self._verbose, self._log_every = verbose, log_every
        self._ended = threading.Event()

    def begin(self, plan: "Plan", todo: int, workers: "WorkerCount") -> None:
        """Print how many trials there are to train, and start the clock."""
        self._plan, self._status, self._score_name = plan, SweepStatus(todo), score_name(plan)
        _print_line(describe_start(plan, todo, workers))
        if todo:
            threading.Thread(target=self._print_now_and_then, daemon=True).start()

    def phase(self, phase: str) -> None:
        """Print a new phase, unless trials have ended: from then on the clock says when to print."""
        before, no_trial_yet = self._status.phase, self._status.finished == 0
        self._status.note_phase(phase)
        if phase == WRITING and self._status.todo:
            for line in filter(None, (self._status.summarize(), phase)):
                self._print_timed(line)
        # `checking 2 models` and then `checking 1 model` is no new phase.
        elif phase.split()[0] != before.partition(" ")[0] and no_trial_yet and self._status.todo:
            self._print_timed(self._status.describe())

    def epoch(self, trial: "Trial", epoch: "Epoch") -> None:
        """Note the epoch of the trial."""
        self._status.note_epoch(trial.id, _share(self._plan, trial, epoch))

    def result(self, trial: "Trial", result: "Result") -> None:
        """Count the trial; print it if it failed, as the first few for that reason, or if every trial is printed."""
        self._status.note_result(result)
        if self._status.is_news(result) or self._verbose:
            number = f"{self._status.finished} of {self._status.todo}"
            self._print_timed(f"{number}: {trial.name}: {describe_result(result, self._score_name)}")

    def end(self) -> None:
        """Stop the clock."""
        self._ended.set()

    def _print_now_and_then(self) -> None:
        while not self._ended.wait(self._log_every):
            self._print_timed(self._status.describe())

    def _print_timed(self, text: str) -> None:
        _print_line(f"[{self._status.elapsed}] {text}")


def _print_line(line: str) -> None:
    # If the reader of stderr is gone or the disk of a log is full, the sweep goes on.
    with suppress(OSError):
        # Two threads print, so that a line is written at once.
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


class LiveProgress:
    """Shows a bar with the phase or the time left, and below it one of the running trials."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._live: Live | None = None
        self._trial = ""

    def begin(self, plan: "Plan", todo: int, workers: "WorkerCount") -> None:
        """Start the display."""
        from rich.console import Console
        from rich.live import Live

        self._plan, self._status, self._score_name = plan, SweepStatus(todo), score_name(plan)
        self._console = Console(stderr=True)
        self._console.print(describe_start(plan, todo, workers), highlight=False, markup=False)
        self._live = Live(get_renderable=self._render, console=self._console, transient=True, refresh_per_second=8)
        self._live.start()

    def phase(self, phase: str) -> None:
        """Show the phase."""
        self._status.note_phase(phase)

    def epoch(self, trial: "Trial", epoch: "Epoch") -> None:
        """Show the epoch of the trial."""
        self._status.note_epoch(trial.id, _share(self._plan, trial, epoch))
        loss = "" if epoch.train_loss is None else f", loss {epoch.train_loss:.4g}"
        self._trial = f"{trial.name}: epoch {epoch.epoch} of {_epochs(self._plan, trial)}{loss}"

    def result(self, trial: "Trial", result: "Result") -> None:
        """Count the trial. If it is printed (see `LineProgress.result`), it stays above the bar."""
        self._status.note_result(result)
        if self._status.is_news(result) or self._verbose:
            text = f"{trial.name}: {describe_result(result, self._score_name)}"
            self._console.print(text, highlight=False, markup=False)

    def end(self) -> None:
        """Remove the display."""
        if self._live:
            self._live.stop()
            self._live = None

    def _render(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        status = self._status
        line = Table.grid(padding=(0, 1))
        bar = [ProgressBar(total=status.todo, completed=status.completed, width=16)] if status.todo else []
        line.add_row(*bar, Text(f"{status.elapsed}  {status.describe()}", no_wrap=True, overflow="ellipsis"))
        return Group(line, Text(self._trial, style="dim", no_wrap=True, overflow="ellipsis"))


def _epochs(plan: "Plan", trial: "Trial") -> int:
    return plan.cohort_of(trial).program.train.epochs


def _share(plan: "Plan", trial: "Trial", epoch: "Epoch") -> float:
    return epoch.epoch / _epochs(plan, trial)


def score_name(plan: "Plan") -> str:
    """Return the name of the score that trials are compared by: accuracy of classes, R² of numbers."""
    return ACCURACY if plan.cohorts[0].program.facts.classes else R2


def describe_start(plan: "Plan", todo: int, workers: "WorkerCount") -> str:
    """Return for example `leaf: 14 trials, 4 finished, 10 to train, 2 workers`."""
    part = f", part {plan.part}" if plan.part else ""
    if plan.forms:
        rest = f"about {todo} trainings, {workers}" if todo else "finished: nothing to train"
        return f"{plan.experiment.name}: adaptive design, {rest}"
    planned = len(plan.trials)
    plural = "" if planned == 1 else "s"
    rest = f"{planned - todo} finished, {todo} to train, {workers}" if todo else "all finished: nothing to train"
    return f"{plan.experiment.name}{part}: {planned} trial{plural}, {rest}"


def describe_result(result: "Result", score_name: str) -> str:
    """Return for example `completed in 0.7 s, validation accuracy 0.9800`."""
    if result.fault:
        return f"failed: {result.fault.reason.splitlines()[0]}"
    if result.divergence:
        return f"diverged ({result.divergence.kind}) at step {result.divergence.step}"
    score = result.epochs[-1].validation_accuracy
    return f"completed in {result.seconds:.1f} s, validation {score_name} {score:.4f}"
