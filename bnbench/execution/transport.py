"""What a worker pool needs of the place where its workers run: this machine, or a cluster."""

from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Protocol

from bnbench.planning.trial import Fault


class Handle(Protocol):
    """A worker, seen from the coordinator."""

    @property
    def name(self) -> str:
        """The name of the worker in messages."""

    def send(self, task: object) -> None:
        """Send one task. Nothing is raised if the worker is dead."""

    def kill(self) -> None:
        """End the worker at once, whatever it does."""

    def stop(self) -> None:
        """End the worker and free what belongs to it. No message comes after this."""

    def cause_of_death(self) -> Fault:
        """Return why a dead worker has ended."""


class Starter(Protocol):
    """Starts workers, and has the messages of all of them.

    A message is a kind and a value; the last one of each worker is `("dead", None)`.
    """

    inbox: "SimpleQueue[tuple[Handle, tuple[str, Any]]]"

    def start(self) -> Handle:
        """Start a worker. It reports when it is ready."""

    def close(self) -> None:
        """End the workers that nobody has taken, and free what belongs to all of them."""


Receive = Callable[[Handle, tuple[str, Any]], None]
