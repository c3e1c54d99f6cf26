"""Starts worker processes. The first one may start before it is known what it will train."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from queue import SimpleQueue
from typing import Any

from bnbench.execution.transport import Handle
from bnbench.execution.worker_handle import WorkerHandle
from bnbench.planning.devices import SAME_NUMBERS, VISIBLE


class WorkerStarter:
    """Starts workers, and has the messages of all of them.

    Args:
        make_trainer: called in each worker for its `Trainer`; must be picklable.
        environment: gives environment variables for the workers; entered before the first worker starts.
        cards: the numbers of the graphics cards that the workers share: each sees the one that the fewest others see.
    """

    def __init__(
        self,
        make_trainer: Callable[[], object],
        environment: AbstractContextManager[Mapping[str, str]] | None = None,
        cards: Sequence[int] = (),
    ) -> None:
        self.inbox: SimpleQueue[tuple[Handle, tuple[str, Any]]] = SimpleQueue()
        self._make_trainer = make_trainer
        self._environment = environment or nullcontext({})
        self._variables: Mapping[str, str] | None = None
        self._stack = ExitStack()
        self._ahead: list[WorkerHandle] = []
        self._cards: dict[int, list[WorkerHandle]] = {card: [] for card in cards}

    def start_ahead(self) -> None:
        """Start a worker that a later call of `start` returns."""
        self._ahead.append(self._start())

    def start(self) -> WorkerHandle:
        """Return a worker that was started ahead, or start one. It reports when it is ready."""
        return self._ahead.pop() if self._ahead else self._start()

    def _start(self) -> WorkerHandle:
        if self._variables is None:
            self._variables = self._stack.enter_context(self._environment)
        for number, workers in self._cards.items():
            self._cards[number] = [worker for worker in workers if worker.is_alive]
        card = min(self._cards, key=lambda one: len(self._cards[one]), default=None)
        own = {} if card is None else {VISIBLE: str(card), **SAME_NUMBERS}
        worker = WorkerHandle(lambda *message: self.inbox.put(message), {**self._variables, **own})
        if card is not None:
            self._cards[card].append(worker)
        worker.send(self._make_trainer)
        return worker

    def close(self) -> None:
        """Kill the workers that nobody has taken, and leave the environment."""
        while self._ahead:
            self._ahead.pop().stop()
        self._stack.close()
