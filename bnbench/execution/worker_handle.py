"""One worker process, seen from the coordinator: starts it, sends tasks as pickles, receives messages in a thread."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnbench.planning.trial import Fault

COMMAND = (sys.executable, "-P", "-m", "bnbench.execution.worker_main")
# NumPy starts no further threads in a worker. `InProcessTrainer.train` lets it use one where it has more.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# The error text of a dead worker keeps this many bytes from the end of its stderr.
MAX_STDERR = 4000


class WorkerHandle:
    """A worker process.

    Args:
        receive: called in a separate thread with this object and each message (kind, value); the last message is
            `("dead", None)`.
        environment: variables to set in addition to those of this process.
    """

    def __init__(
        self, receive: Callable[["WorkerHandle", tuple[str, Any]], None], environment: Mapping[str, str]
    ) -> None:
        self._receive = receive
        # No `with` block: `stop` closes the file, since the worker writes to it until then.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        # The worker uses the import path of this process.
        own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **ONE_THREAD}
        variables = {**os.environ, **own, **environment}
        # The command is our own.
        self._process = subprocess.Popen(  # noqa: S603
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, env=variables
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def name(self) -> str:
        """The name of the worker in results."""
        return f"pid {self._process.pid}"

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, task: object) -> None:
        """Send one task. A dead worker raises no error here, because the listener thread reports its death."""
        if self._process.stdin:
            with suppress(OSError):
                pickle.dump(task, self._process.stdin)
                self._process.stdin.flush()

    def _listen(self) -> None:
        if not (stream := self._process.stdout):
            return
        with stream, suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                # The bytes come from a process that we started.
                self._receive(self, pickle.load(stream))  # noqa: S301
        self._receive(self, ("dead", None))

    def cause_of_death(self) -> "Fault":
        """Return how a dead worker ended, and the end of what it wrote to stderr."""
        from bnbench.planning.trial import Fault

        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            how += "; the system does that when memory runs out"
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - MAX_STDERR))
        return Fault(f"worker {self.name} {how}", self._stderr.read().decode(errors="replace").strip())

    def kill(self) -> None:
        """Kill the worker, even in the middle of a write: a model gets its final file name only when it is complete."""
        self._process.kill()

    def stop(self) -> None:
        """Kill the worker and close its pipes and files."""
        self.kill()
        self._process.wait()
        self._listener.join()
        if self._process.stdin:
            # Closing flushes the buffer, which fails because the process is gone.
            with suppress(OSError):
                self._process.stdin.close()
        self._stderr.close()
