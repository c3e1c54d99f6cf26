"""A worker process, `python -m bnbench.execution.worker_main`: tasks come in on stdin, results go out on stdout.

It ends when stdin does: a coordinator that is gone, however it went, leaves no worker behind.
"""

import gc
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, BinaryIO

from bnbench.errors import BnbenchError
from bnbench.execution.protocols import Trainer
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Epoch, Saving

UNUSED = ("matplotlib", "pandas", "sklearn")  # Keras imports them where it finds them: a third of its start
EPOCHS_APART = 0.1  # seconds between two reports of an epoch: enough for an eye, nothing for a pipe


def main() -> None:
    """Do what the coordinator says until it says no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the coordinator decides
    outbox = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the messages
    worker = Worker(_inbox(sys.stdin.buffer), outbox)
    try:
        worker.serve()
    except BnbenchError as error:  # data that are gone, say: no trial's fault
        worker.send("refused", error)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(1)  # Python itself cannot end while a thread waits for stdin


def _inbox(stream: BinaryIO) -> "SimpleQueue[Any]":
    tasks: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        try:
            while True:
                tasks.put(pickle.load(stream))  # noqa: S301  from the process that started this one
        except EOFError:
            os._exit(0)  # even in the middle of a trial
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return tasks


class Worker:
    """The loop of a worker process."""

    def __init__(self, tasks: "SimpleQueue[Any]", outbox: BinaryIO) -> None:
        self.tasks, self.outbox = tasks, outbox
        self.told = 0.0

    def send(self, kind: str, value: object) -> None:
        """One message to the coordinator."""
        pickle.dump((kind, value), self.outbox)
        self.outbox.flush()

    def serve(self) -> None:
        """Say hello, then check programs and train trials as they come."""
        make: Callable[[], Trainer] = self.tasks.get()
        gc.disable()  # a fifth of the time that importing TensorFlow takes
        with _not_found(UNUSED):
            trainer = make()
        gc.freeze()  # what has been imported stays: later collections need not look at it
        gc.enable()
        self.send("hello", trainer.devices())
        task = self.tasks.get()
        while True:
            kind, program, *rest = task
            if kind == "check":
                self.send("checked", _error_of(trainer, program))
                task = self.tasks.get()
            else:
                trial, saving = rest
                task = self.train(trainer, program, trial, saving)

    def train(self, trainer: Trainer, program: Program, first: Trial, saving: Saving) -> Any:
        """Train trials of a program; comes back with the first task that is something else."""
        other: list[Any] = []

        def trials() -> Iterator[Trial]:
            yield first
            while True:
                task = self.tasks.get()
                if task[0] != "trial":
                    other.append(task)
                    return
                yield task[1]

        for result in trainer.train(program, trials(), saving, self.epoch):
            self.send("result", result)
        return other[0]

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Report an epoch, if the last report was some time ago."""
        now = time.monotonic()
        if now - self.told > EPOCHS_APART:
            self.told = now
            self.send("epoch", (trial, epoch))


@contextmanager
def _not_found(names: Iterable[str]) -> Iterator[None]:
    """Have an import of any of these fail for a while, unless it was imported before."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None: documented as "no such module"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _error_of(trainer: Trainer, program: Program) -> Exception | None:
    """What a check raises; an error that is no BnbenchError may not survive pickling and goes as text."""
    try:
        trainer.check(program)
    except BnbenchError as error:
        return error
    except Exception:  # a bug of ours, not the config's: the coordinator shows it whole
        return RuntimeError(traceback.format_exc())
    return None


if __name__ == "__main__":
    main()
