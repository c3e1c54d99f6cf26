"""How a sweep goes on, told on stderr: a live line on a terminal, a line a trial elsewhere."""

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from bnbench.analysis.columns import ACCURACY, R2
from bnbench.planning.plan import Plan, Trial
from bnbench.planning.resources import Jobs
from bnbench.planning.trial import Epoch, Result

if TYPE_CHECKING:
    from rich.progress import Progress


def make_watcher(quiet: bool = False) -> "SilentProgress":
    """The way to tell it here."""
    if quiet:
        return SilentProgress()
    return LiveProgress() if sys.stderr.isatty() else LineProgress()


class SilentProgress:
    """Tells nothing."""

    def begin(self, plan: Plan, todo: int, jobs: Jobs) -> None:
        """Called before the first trial."""

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Called now and then with the last epoch of a trial under way."""

    def result(self, trial: Trial, result: Result) -> None:
        """Called when a trial has been kept."""

    def end(self) -> None:
        """Called last."""


class LineProgress(SilentProgress):
    """A line a finished trial."""

    def begin(self, plan: Plan, todo: int, jobs: Jobs) -> None:
        """Say how much there is to do."""
        self.todo, self.done = todo, 0
        self.score_name = ACCURACY if plan.cohorts[0].program.facts.classes else R2
        _tell(opening(plan, todo, jobs))

    def result(self, trial: Trial, result: Result) -> None:
        """Say how the trial ended."""
        self.done += 1
        _tell(f"[{self.done}/{self.todo}] {trial.name}: {ending(result, self.score_name)}")


def _tell(line: str) -> None:
    with suppress(OSError):  # whoever listened has gone, or the disk of the log is full: the sweep goes on
        print(line, file=sys.stderr, flush=True)


class LiveProgress(SilentProgress):
    """A bar over all trials and one line for the trial under way."""

    progress: "Progress | None" = None

    def begin(self, plan: Plan, todo: int, jobs: Jobs) -> None:
        """Start the bars."""
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        console.print(opening(plan, todo, jobs), highlight=False)
        if not todo:
            return
        columns = (
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self.progress = Progress(*columns, console=console, transient=True)
        self.progress.start()
        self.epochs = {trial.id: cohort.program.train.epochs for cohort in plan.cohorts for trial in cohort.trials}
        # The bar counts epochs in thousandths of a trial, so that the time left is known within the first trial.
        self.task, self.done, self.shown = self.progress.add_task("", total=todo), 0, 0.0
        self.under_way: dict[str, float] = {}  # trial -> share of its epochs

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Show where the trial is, at most ten times a second."""
        now = time.monotonic()
        if not self.progress:
            return
        self.under_way[trial.id] = epoch.epoch / self.epochs[trial.id]
        if now - self.shown > 0.1:
            self.shown = now
            loss = "" if epoch.train_loss is None else f"  loss {epoch.train_loss:.4g}"
            where = f"{trial.name}  epoch {epoch.epoch}/{self.epochs[trial.id]}{loss}"
            self.progress.update(self.task, completed=self.done + sum(self.under_way.values()), description=where)

    def result(self, trial: Trial, result: Result) -> None:
        """Count the trial; a fault is told at once and stays on the screen."""
        self.done += 1
        if self.progress:
            self.under_way.pop(trial.id, None)
            self.progress.update(self.task, completed=self.done + sum(self.under_way.values()))
            if result.fault:
                self.progress.console.print(f"{trial.name}: {ending(result)}", highlight=False, markup=False)

    def end(self) -> None:
        """Take the bars away."""
        if self.progress:
            self.progress.stop()


def opening(plan: Plan, todo: int, jobs: Jobs) -> str:
    """`leaf: 14 trials, 4 done, 10 to train, 2 workers`"""
    planned = len(plan.trials)
    rest = f"{planned - todo} done, {todo} to train, {jobs}" if todo else "all done: nothing to train"
    return f"{plan.experiment.name}: {planned} trial{'s' * (planned != 1)}, {rest}"


def ending(result: Result, score_name: str = ACCURACY) -> str:
    """`completed in 0.7 s, validation accuracy 0.98`"""
    if result.fault:
        return f"failed: {result.fault.reason.splitlines()[0]}"
    if result.divergence:
        return f"diverged ({result.divergence.kind}) at step {result.divergence.step}"
    return f"completed in {result.seconds:.1f} s, validation {score_name} {result.epochs[-1].validation_accuracy:.4f}"
