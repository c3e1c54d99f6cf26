"""Sweeps of the small experiment on made-up data, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import bnbench
from bnbench.data import access
from bnbench.execution.progress import SilentProgress
from bnbench.planning.plan import Plan, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Epoch, Result
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, values
from support.quick import compile_once, use_graphs, write_no_report

# Columns that differ between two equal sweeps.
TIMES = ["seconds", "seconds_per_step", "worker"]


@contextmanager
def made_up_data() -> Iterator[None]:
    """Give every data set the same made-up rows, and compile each program once, as a graph."""
    use_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "dataset_info", lambda settings, places, download=False: facts())
        patch.setattr(access, "load_dataset", lambda settings, places, download=True: dataset(facts()))
        compile_once(patch)
        use_graphs(patch)
        yield


class Recorder(SilentProgress):
    """Records the calls that it gets; raises KeyboardInterrupt on request."""

    def __init__(self, interrupt_after: int | None = None) -> None:
        self.todo, self.trained, self.epochs = -1, [], 0
        self.interrupt_after = interrupt_after

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        self.todo = todo

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        self.epochs += 1
        if self.interrupt_after is not None and len(self.trained) == self.interrupt_after and epoch.epoch == 1:
            raise KeyboardInterrupt

    def result(self, trial: Trial, result: Result) -> None:
        self.trained.append(trial.name)


def write(path: Path, **changes: Any) -> Path:
    path.write_text(yaml.safe_dump(values(**changes), sort_keys=False), encoding="utf-8")
    return path


def run(folder: Path, watcher: Recorder | None = None, reported: bool = False, **changes: Any) -> tuple[Any, Recorder]:
    """Run the small experiment in this process. Its report, which takes half of the time, needs `reported`."""
    watcher = watcher or Recorder()
    path = write(folder / "tiny.yaml", **changes)
    with pytest.MonkeyPatch.context() as patch:
        if not reported:
            write_no_report(patch)
        return bnbench.run(path, results_dir=folder / "results", jobs=0, watcher=watcher), watcher


def same(first: Any, second: Any) -> bool:
    """Return True if two results have the same values, to the last bit."""
    trials = first.trials.drop(columns=TIMES).equals(second.trials.drop(columns=TIMES))
    return trials and first.history.drop(columns="seconds").equals(second.history.drop(columns="seconds"))
