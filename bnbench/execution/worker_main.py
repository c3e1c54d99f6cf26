"""A worker process, `python -m bnbench.execution.worker_main`: reads tasks from stdin, writes results to stdout.

It ends when stdin is closed. So no worker survives its coordinator, however the coordinator ended.
"""

import gc
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any, BinaryIO

from bnbench.errors import BnbenchError
from bnbench.execution.protocols import Trainer
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Epoch, Saving

# Keras and TensorFlow import these if they are installed, which takes 40% of their start. Training needs none of them.
UNUSED = ("matplotlib", "pandas", "scipy", "sklearn")
# Seconds between two reports of an epoch: fast enough for a person who watches, and little work for the pipe.
REPORT_INTERVAL = 0.1


def main() -> None:
    """Run the tasks of the coordinator until it closes stdin."""
    # Ctrl-C reaches all processes of the terminal, and a scheduler may send SIGUSR1 to all processes of a job. The
    # coordinator decides what happens.
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    outbox = os.fdopen(os.dup(1), "wb")
    # Lines that a library prints must not get between the messages.
    os.dup2(2, 1)
    worker = Worker(_read_tasks(sys.stdin.buffer), partial(_write_message, outbox))
    try:
        worker.serve()
    except BnbenchError as error:
        # This concerns all trials, for example missing data.
        worker.send("refused", error)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    # Without `_exit`, Python would wait for the thread that reads stdin.
    os._exit(1)


def _read_tasks(stream: BinaryIO) -> "SimpleQueue[Any]":
    """Return a queue that a thread fills with the tasks from a stream."""
    tasks: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        try:
            while True:
                # The bytes come from the coordinator, which started this process.
                tasks.put(pickle.load(stream))  # noqa: S301
        except EOFError:
            # The coordinator is gone: end even during a trial.
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return tasks


def _write_message(outbox: BinaryIO, kind: str, value: object) -> None:
    pickle.dump((kind, value), outbox)
    outbox.flush()


class Worker:
    """The loop of a worker.

    Args:
        tasks: what the coordinator asks for. The first one makes the trainer.
        send: sends one message, its kind and its value, to the coordinator.
    """

    def __init__(self, tasks: "SimpleQueue[Any]", send: Callable[[str, object], object]) -> None:
        self.tasks, self.send = tasks, send
        self.last_report = 0.0

    def serve(self) -> None:
        """Report that the worker is ready, then check programs, train trials and time steps."""
        make_trainer: Callable[[], Trainer] = self.tasks.get()
        # Garbage collection takes a fifth of the time in which TensorFlow is imported.
        gc.disable()
        with _hidden_modules(UNUSED):
            trainer = make_trainer()
        # Imported modules stay, so later collections can skip them.
        gc.freeze()
        gc.enable()
        self.send("hello", trainer.devices())
        task = self.tasks.get()
        while True:
            kind, subject, *rest = task
            if kind == "train":
                task = self.train(trainer, subject, *rest)
                continue
            if kind == "check":
                self.send("checked", _check_error(trainer, subject))
            elif kind == "prepare":
                trainer.prepare(subject)
                self.send("prepared", None)
            else:
                for times in trainer.time_steps(subject):
                    if times is None:
                        self.send("compiled", None)
                        # The coordinator answers when it does nothing else.
                        self.tasks.get()
                    else:
                        self.send("timed", times)
            task = self.tasks.get()

    def train(self, trainer: Trainer, program: Program, first: Trial, saving: Saving) -> Any:
        """Train trials of a program; return the first task that is not a trial of it."""
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
        """Report an epoch, unless the last report was a moment ago."""
        now = time.monotonic()
        if now - self.last_report > REPORT_INTERVAL:
            self.last_report = now
            self.send("epoch", (trial, epoch))


@contextmanager
def _hidden_modules(names: Iterable[str]) -> Iterator[None]:
    """Make imports of these modules fail inside the block, except for modules that are already imported."""
    hidden = [name for name in names if name not in sys.modules]
    # None in `sys.modules` is the documented way to say that there is no such module.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _check_error(trainer: Trainer, programs: Sequence[Program]) -> Exception | None:
    """Return the error of the first check that fails, if one does.

    An error of another kind than BnbenchError becomes text, as it may not be picklable.
    """
    try:
        for program in programs:
            trainer.check(program)
    except BnbenchError as error:
        return error
    except Exception:
        # A bug in bnbench, not a mistake in the config: the coordinator shows the traceback.
        return RuntimeError(traceback.format_exc())
    return None


if __name__ == "__main__":
    main()
