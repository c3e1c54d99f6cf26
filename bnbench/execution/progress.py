"""Progress of a sweep on stderr: a live line on a terminal, one line per trial elsewhere."""

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from bnbench.analysis.columns import ACCURACY, R2
from bnbench.analysis.labels import format_count, format_duration
from bnbench.planning.plan import Plan, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Epoch, Result

if TYPE_CHECKING:
    from rich.progress import Progress


class ProgressWatcher(Protocol):
    """Gets the progress of a sweep. All methods are called in the thread that runs the sweep."""

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        """Called before the first trial, with the number of trials to train."""

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Called now and then with the latest epoch of a running trial."""

    def result(self, trial: Trial, result: Result) -> None:
        """Called when a trial has been stored."""

    def timing(self, pairs: int, seconds: float) -> None:
        """Called after the last trial, before the steps of pairs of variants are timed for about so many seconds."""

    def end(self) -> None:
        """Called after the last trial, also after an error. It may be called twice."""


def make_watcher(quiet: bool = False) -> ProgressWatcher:
    """Return the watcher that suits stderr."""
    if quiet:
        return SilentProgress()
    return LiveProgress() if sys.stderr.isatty() else LineProgress()


class SilentProgress:
    """Shows nothing."""

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        """Do nothing."""

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Do nothing."""

    def result(self, trial: Trial, result: Result) -> None:
        """Do nothing."""

    def timing(self, pairs: int, seconds: float) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class LineProgress:
    """Prints a line for each finished trial."""

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        """Print how many trials there are to train."""
        self.todo, self.finished, self.score_name = todo, 0, score_name(plan)
        _print_line(describe_start(plan, todo, workers))

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Do nothing."""

    def result(self, trial: Trial, result: Result) -> None:
        """Print how the trial ended."""
        self.finished += 1
        _print_line(f"[{self.finished}/{self.todo}] {trial.name}: {describe_result(result, self.score_name)}")

    def timing(self, pairs: int, seconds: float) -> None:
        """Print how many pairs are timed."""
        _print_line(describe_timing(pairs, seconds))

    def end(self) -> None:
        """Do nothing."""


def _print_line(line: str) -> None:
    # If the reader of stderr is gone or the disk of a log is full, the sweep goes on.
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


class LiveProgress:
    """Shows a bar for all trials and one line for a running trial."""

    progress: "Progress | None" = None

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        """Start the bar."""
        from rich.console import Console

        console = Console(stderr=True)
        console.print(describe_start(plan, todo, workers), highlight=False)
        if not todo:
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self.progress = Progress(*columns, console=console, transient=True)
        self.progress.start()
        self.score_name = score_name(plan)
        self.plan = plan
        self.task, self.finished, self.shown = self.progress.add_task("", total=todo), 0, 0.0
        # Trial -> share of its epochs. With it the bar knows the time left before the first trial has ended.
        self.running: dict[str, float] = {}

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Show the epoch of the trial, at most ten times a second."""
        now = time.monotonic()
        if not self.progress:
            return
        epochs = self.plan.cohort_of(trial).program.train.epochs
        self.running[trial.id] = epoch.epoch / epochs
        if now - self.shown > 0.1:
            self.shown = now
            loss = "" if epoch.train_loss is None else f"  loss {epoch.train_loss:.4g}"
            text = f"{trial.name}  epoch {epoch.epoch}/{epochs}{loss}"
            self.progress.update(self.task, completed=self._completed(), description=text)

    def result(self, trial: Trial, result: Result) -> None:
        """Count the trial; a fault is printed above the bar and stays there."""
        if not self.progress:
            return
        self.finished += 1
        self.running.pop(trial.id, None)
        self.progress.update(self.task, completed=self._completed())
        if result.fault:
            text = f"{trial.name}: {describe_result(result, self.score_name)}"
            self.progress.console.print(text, highlight=False, markup=False)

    def _completed(self) -> float:
        return self.finished + sum(self.running.values())

    def timing(self, pairs: int, seconds: float) -> None:
        """Show how many pairs are timed, next to the bar; without a bar, print it."""
        text = describe_timing(pairs, seconds)
        if self.progress:
            self.progress.update(self.task, description=text)
        else:
            _print_line(text)

    def end(self) -> None:
        """Remove the bar."""
        if self.progress:
            self.progress.stop()


def score_name(plan: Plan) -> str:
    """Return the name of the score that trials are compared by: accuracy of classes, R² of numbers."""
    return ACCURACY if plan.cohorts[0].program.facts.classes else R2


def describe_start(plan: Plan, todo: int, workers: WorkerCount) -> str:
    """Return for example `leaf: 14 trials, 4 finished, 10 to train, 2 workers`."""
    planned = len(plan.trials)
    plural = "" if planned == 1 else "s"
    rest = f"{planned - todo} finished, {todo} to train, {workers}" if todo else "all finished: nothing to train"
    return f"{plan.experiment.name}: {planned} trial{plural}, {rest}"


def describe_timing(pairs: int, seconds: float) -> str:
    """Return for example `timing the steps of 2 pairs of variants, about 5 s`."""
    return f"timing the steps of {format_count(pairs, 'pair')} of variants, about {format_duration(seconds)}"


def describe_result(result: Result, score_name: str) -> str:
    """Return for example `completed in 0.7 s, validation accuracy 0.9800`."""
    if result.fault:
        return f"failed: {result.fault.reason.splitlines()[0]}"
    if result.divergence:
        return f"diverged ({result.divergence.kind}) at step {result.divergence.step}"
    score = result.epochs[-1].validation_accuracy
    return f"completed in {result.seconds:.1f} s, validation {score_name} {score:.4f}"
