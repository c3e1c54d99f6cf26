"""One seat on a Ray cluster, seen from the coordinator, and the rows that seats get from the object store."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, DatasetInfo
from bnbench.errors import WorkerError
from bnbench.planning.plan import Program
from bnbench.planning.trial import Fault
from bnbench.store import results_dir

# Seconds that the thread of a lost seat may take to end.
JOIN_SECONDS = 5.0


class RaySeat:
    """A `Handle` of an actor.

    Args:
        ray: the module.
        name: its name in messages.
        host: the name of its node.
        start: starts the actor.
        receive: called in a separate thread with this object and each message.
        data: puts rows into the object store.
    """

    def __init__(
        self,
        ray: Any,
        name: str,
        host: str,
        start: Callable[["RaySeat"], Any],
        receive: Callable[["RaySeat", tuple[str, Any]], None],
        data: "DataInStore",
    ) -> None:
        self._ray, self._name, self._host, self._receive, self._data = ray, name, host, receive, data
        self._folder: Path | None = None
        self._known: set[tuple[Data, DatasetInfo]] = set()
        self._reason, self._details = "", ""
        self.has_started, self.was_stopped = False, False
        self._actor = start(self)
        self._listener = threading.Thread(target=self._listen, daemon=True)

    @property
    def name(self) -> str:
        """The name of its node, and its number."""
        return self._name

    def listen(self) -> None:
        """Begin to receive messages."""
        self._listener.start()

    def send(self, task: object) -> None:
        """Send one task, with what the seat needs to find its data. The listener reports a lost seat."""
        kind, *rest = task if isinstance(task, tuple) else ("",)
        if kind == "train":
            self._folder = rest[2].folder
        references = [(*key, self._data.reference(*key)) for key in _data_of(kind, rest) if key not in self._known]
        self._known.update((settings, facts) for settings, facts, _ in references)
        with suppress(self._ray.exceptions.RayError):
            self._actor.put.remote(task, references)

    def _listen(self) -> None:
        try:
            for reference in self._actor.messages.remote():
                kind, value = self._ray.get(reference)
                if kind == "files":
                    self._write_files(value)
                elif kind == "failed":
                    self._reason, self._details = value.strip().rpartition("\n")[2], value
                else:
                    self._receive(self, (kind, value))
        except self._ray.exceptions.RayError as error:
            self._reason = self._reason or str(error).strip().partition("\n")[0]
            self._details = self._details or str(error)
        # A file that cannot be written, or a mistake here: without the last message, the pool would wait for ever.
        except Exception as error:
            self._reason = f"{type(error).__name__}: {error}"
        self._receive(self, ("dead", None))

    def _write_files(self, files: Mapping[str, bytes]) -> None:
        """Write the saved model and the checkpoints of the trial whose result comes next."""
        for name, content in files.items():
            relative = Path(name)
            if self._folder is None or relative.is_absolute() or ".." in relative.parts:
                continue
            with results_dir.replaced_file(self._folder / relative) as temporary:
                temporary.write_bytes(content)

    def refuse(self, problem: str) -> None:
        """End it, because its node may not train."""
        self._reason = problem
        self.kill()

    def cause_of_death(self) -> Fault:
        """Return why it was lost."""
        return Fault(f"seat on {self._host} was lost: {self._reason or 'it ended'}", self._details)

    def kill(self) -> None:
        """Kill the actor, whatever it does."""
        with suppress(self._ray.exceptions.RayError, ValueError):
            self._ray.kill(self._actor, no_restart=True)

    def stop(self) -> None:
        """Kill the actor, and wait for the end of the thread."""
        self.was_stopped = True
        self.kill()
        if self._listener.is_alive() and threading.current_thread() is not self._listener:
            self._listener.join(JOIN_SECONDS)


class DataInStore:
    """The rows of data sets in the object store: loaded once by this process, copied once to each node."""

    def __init__(self, ray: Any, data_dirs: DataDirs) -> None:
        self._ray, self._data_dirs = ray, data_dirs
        self._references: dict[tuple[Data, DatasetInfo], Any] = {}

    def reference(self, settings: Data, facts: DatasetInfo) -> Any:
        """Return a reference to the rows.

        Raises:
            DataError: the data are missing or damaged.
            WorkerError: the object store is too small.
        """
        key = settings, facts
        if key not in self._references:
            dataset = access.load_planned(settings, self._data_dirs, facts)
            try:
                self._references[key] = self._ray.put(dataset)
            except self._ray.exceptions.ObjectStoreFullError as error:
                raise WorkerError(
                    f"{facts.name}: {facts.nbytes / 1e6:,.0f} MB do not fit into the object store of Ray: start it "
                    "with a larger --object-store-memory"
                ) from error
        return self._references[key]


def _data_of(kind: str, subjects: Sequence[Any]) -> Collection[tuple[Data, DatasetInfo]]:
    """Return the data of the programs of a task, each once."""
    programs: Iterable[Program] = ()
    if kind in {"train", "prepare"}:
        programs = subjects[:1]
    elif kind == "check":
        programs = subjects[0]
    elif kind == "time":
        programs = [program for pair in subjects[0] for program in (pair.first, pair.second)]
    return dict.fromkeys((program.data, program.facts) for program in programs)
