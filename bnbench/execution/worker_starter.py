"""Starts worker processes. The first one may start before it is known what it will train."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from queue import SimpleQueue
from typing import Any

from bnbench.execution.worker_handle import WorkerHandle


class WorkerStarter:
    """Starts workers, and has the messages of all of them.

    Args:
        make_trainer: called in each worker for its `Trainer`; must be picklable.
        environment: gives environment variables for the workers; entered before the first worker starts.
    """

    def __init__(
        self,
        make_trainer: Callable[[], object],
        environment: AbstractContextManager[Mapping[str, str]] | None = None,
    ) -> None:
        self.inbox: SimpleQueue[tuple[WorkerHandle, tuple[str, Any]]] = SimpleQueue()
        self._make_trainer = make_trainer
        self._environment = environment or nullcontext({})
        self._variables: Mapping[str, str] | None = None
        self._stack = ExitStack()
        self._ahead: list[WorkerHandle] = []

    def start_ahead(self) -> None:
        """Start a worker that a later call of `start` returns."""
        self._ahead.append(self._start())

    def start(self) -> WorkerHandle:
        """Return a worker that was started ahead, or start one. It reports when it is ready."""
        return self._ahead.pop() if self._ahead else self._start()

    def _start(self) -> WorkerHandle:
        if self._variables is None:
            self._variables = self._stack.enter_context(self._environment)
        worker = WorkerHandle(lambda *message: self.inbox.put(message), self._variables)
        worker.send(self._make_trainer)
        return worker

    def close(self) -> None:
        """Kill the workers that nobody has taken, and leave the environment."""
        while self._ahead:
            self._ahead.pop().stop()
        self._stack.close()
