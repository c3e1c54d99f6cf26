"""One worker process, seen from the coordinator: started by its command, spoken to in pickles, heard by a thread."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from bnbench.planning.trial import Fault

COMMAND = (sys.executable, "-P", "-m", "bnbench.execution.worker_main")
STDERR_LISTED = 4000  # of the last bytes that a dead worker wrote there


class WorkerHandle:
    """A worker process.

    Args:
        hear: called with this object and each message (kind, value), in a thread of its own; the last is
            `("dead", None)`.
        environment: variables to set beside this process' own.
    """

    def __init__(self, hear: Callable[["WorkerHandle", tuple[str, Any]], None], environment: Mapping[str, str]) -> None:
        self._hear = hear
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop
        # It finds modules where this process does.
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
        self._process = subprocess.Popen(  # noqa: S603  our own command
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr, env=variables
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def name(self) -> str:
        """As results name it."""
        return f"pid {self._process.pid}"

    def send(self, task: object) -> None:
        """One task. A worker that is dead has no use for it; its listener tells."""
        if self._process.stdin:
            with suppress(OSError):
                pickle.dump(task, self._process.stdin)
                self._process.stdin.flush()

    def _listen(self) -> None:
        if not (stream := self._process.stdout):
            return
        with stream, suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._hear(self, pickle.load(stream))  # noqa: S301  a process of our own
        self._hear(self, ("dead", None))

    def last_words(self) -> Fault:
        """How a dead worker ended, and what it wrote to stderr."""
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        if code == -signal.SIGKILL:
            how += "; the system does that when memory runs out"
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - STDERR_LISTED))
        return Fault(f"worker {self.name} {how}", self._stderr.read().decode(errors="replace").strip())

    def kill(self) -> None:
        """End it at once, whatever it does: all that it writes it writes whole or not at all."""
        self._process.kill()

    def stop(self) -> None:
        """End it at once and let go of all that belongs to it."""
        self.kill()
        self._process.wait()
        self._listener.join()
        if self._process.stdin:
            with suppress(OSError):  # what was still to be sent
                self._process.stdin.close()
        self._stderr.close()
