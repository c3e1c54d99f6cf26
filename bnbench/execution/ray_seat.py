"""What runs on a node of a Ray cluster: an actor that is one worker.

Ray is no import of this module, so that the coordinator can name the class without it.
"""

import socket
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bnbench.config.schema import Data
from bnbench.data.types import Dataset, DatasetInfo
from bnbench.errors import BnbenchError
from bnbench.execution.protocols import Trainer
from bnbench.execution.worker_main import Worker
from bnbench.planning.identity import library_versions
from bnbench.planning.machine import Machine, this_machine
from bnbench.planning.trial import Saving

# Makes the trainer of a seat from what loads its data.
MakeTrainer = Callable[[Callable[[Data, DatasetInfo], Dataset]], Trainer]
# Where the rows of a program are in the object store: the settings and the description of the data, and a reference.
DataReferences = Sequence[tuple[Data, DatasetInfo, Any]]
# The last message of a seat.
END = ("end", None)


@dataclass(frozen=True)
class SeatFacts:
    """What a seat says about itself before it loads TensorFlow."""

    host: str
    machine: Machine
    # That of bnbench must be the same everywhere, those of Keras and TensorFlow as far as they are part of an id.
    bnbench: str
    libraries: Mapping[str, str]


def facts_of_this_node(portable: bool = False) -> SeatFacts:
    """Return the versions and the machine of this process, which trains portably or not."""
    machine = this_machine(portable=portable)
    return SeatFacts(socket.gethostname(), machine, version("bnbench"), library_versions())


def make_tensorflow_trainer(load: Callable[[Data, DatasetInfo], Dataset], portable: bool = False) -> Trainer:
    """Import TensorFlow, and return the trainer."""
    from bnbench.execution.in_process import InProcessTrainer

    return InProcessTrainer(load, portable=portable)


class Seat:
    """A worker as an actor. It needs two threads: one adds tasks while the other waits for messages."""

    def __init__(self, make_trainer: MakeTrainer, portable: bool) -> None:
        self._make_trainer, self._portable = make_trainer, portable
        self._tasks: SimpleQueue[Any] = SimpleQueue()
        self._messages: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._references: dict[tuple[Data, DatasetInfo], Any] = {}
        # Saved models and checkpoints, until they have been sent.
        self._folder = tempfile.TemporaryDirectory(prefix="bnbench-")

    def put(self, task: Any, references: DataReferences) -> None:
        """Add a task, and where its data are."""
        self._references.update({(settings, facts): reference for settings, facts, reference in references})
        kind, *rest = task
        if kind == "train":
            program, trial, saving = rest
            task = kind, program, trial, Saving(Path(self._folder.name), saving.models)
        self._tasks.put(task)

    def messages(self) -> Iterator[tuple[str, Any]]:
        """Do the tasks in a thread, and yield its messages."""
        self._messages.put(("facts", facts_of_this_node(self._portable)))
        self._tasks.put(lambda: self._make_trainer(self._load))
        threading.Thread(target=self._serve, daemon=True).start()
        while (message := self._messages.get()) != END:
            yield message

    def _serve(self) -> None:
        try:
            Worker(self._tasks, self._send).serve()
        except BnbenchError as error:
            self._messages.put(("refused", error))
        except BaseException:
            self._messages.put(("failed", traceback.format_exc()))
        self._messages.put(END)

    def _send(self, kind: str, value: Any) -> None:
        if kind == "result":
            if files := self._take_files():
                self._messages.put(("files", files))
            value = replace(value, worker=f"{socket.gethostname()} {value.worker}")
        self._messages.put((kind, value))

    def _take_files(self) -> dict[str, bytes]:
        """Return the files that the last trial has written, by their path in the results folder, and remove them."""
        folder = Path(self._folder.name)
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
                path.unlink()
        return found

    def _load(self, settings: Data, planned: DatasetInfo) -> Dataset:
        """Return the rows from the object store of this node, where all its seats share one copy."""
        import ray

        loaded: Dataset = ray.get(self._references[settings, planned])
        return loaded
