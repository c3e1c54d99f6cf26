"""Notes when each phase of a start begins and ends, in the coordinator and in its workers.

Python imports this module first in every process that has this folder on its path. A line of JSON for each phase is
appended to the file that BNBENCH_TIMELINE names. After the first stored result the coordinator ends.
"""

import functools
import importlib.abc
import importlib.machinery
import json
import os
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

# Module -> function -> phase. The time of a phase is without that of the phases inside it.
PHASES: dict[str, dict[str, str]] = {
    "bnbench.commands.run": {"run_experiment": "other work of the coordinator"},
    "bnbench.commands.experiment": {"plan_experiment": "plan"},
    "bnbench.execution.worker_handle": {"WorkerHandle.__init__": "start a worker"},
    "bnbench.execution.in_process": {"InProcessTrainer.__init__": "import bnbench.training"},
    "bnbench.execution.worker_main": {"Worker.serve": "wait"},
    "bnbench.training.startup": {"import_tensorflow": "import TensorFlow and Keras"},
    "bnbench.training.check": {"check_program": "check"},
    "bnbench.training.compiled_program": {
        "CompiledProgram.__init__": "build",
        "CompiledProgram.compile_for": "build",
        "CompiledProgram.compile_epoch": "compile the epoch",
        "CompiledProgram.warm_up": "compile the evaluations",
        "CompiledProgram._epoch": "trace the epoch",
        "CompiledProgram._evaluate_rows": "trace the evaluations",
    },
    "bnbench.training.loop": {"TrialInTraining.run_epoch": "an epoch", "_train": "the first trial, other work"},
    "bnbench.store.store": {"Store.add": "first result"},
}
LAST = "first result"
# What runs inside these is not told apart.
WHOLE = frozenset({"check"})


class Timeline:
    """The phases of this process that have begun, the innermost last."""

    def __init__(self, path: str) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        # The name of each open phase, and the seconds of the phases inside it.
        self.open: list[tuple[str, list[float]]] = []
        self.note("python", time.time(), 0.0)

    def note(self, phase: str, begin: float, seconds: float) -> None:
        """Append a line."""
        line = json.dumps({"pid": os.getpid(), "phase": phase, "begin": begin, "seconds": seconds})
        os.write(self.file, f"{line}\n".encode())

    def timed(self, function: Any, phase: str) -> Any:
        """Return the function, which notes its time."""

        @functools.wraps(function)
        def call(*args: Any, **named: Any) -> Any:
            if self.open and self.open[-1][0] in WHOLE:
                return function(*args, **named)
            begin, inside = time.time(), [0.0]
            if phase == LAST:
                self.note(phase, begin, 0.0)
                os._exit(0)
            if phase == "wait":
                self.note(phase, begin, 0.0)
                return function(*args, **named)
            self.open.append((phase, inside))
            try:
                return function(*args, **named)
            finally:
                self.open.pop()
                seconds = time.time() - begin
                self.note(phase, begin, seconds - inside[0])
                if self.open:
                    self.open[-1][1][0] += seconds

        return call


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the table, and replaces their functions after the import."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of the table; None for all others."""
        if fullname not in PHASES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec and spec.loader:
            execute = spec.loader.exec_module
            spec.loader.exec_module = functools.partial(self.execute, execute)  # type: ignore[method-assign]
        return spec

    def execute(self, execute: Any, module: ModuleType) -> None:
        """Run a module, then replace its functions."""
        execute(module)
        for name, phase in PHASES[module.__spec__.name if module.__spec__ else module.__name__].items():
            *holders, last = name.split(".")
            holder = functools.reduce(getattr, holders, module)
            if hasattr(holder, last):
                setattr(holder, last, self.timeline.timed(getattr(holder, last), phase))


if os.environ.get("BNBENCH_TIMELINE"):
    sys.meta_path.insert(0, Finder(Timeline(os.environ["BNBENCH_TIMELINE"])))
