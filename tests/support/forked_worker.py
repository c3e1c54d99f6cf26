"""Worker processes that start in milliseconds: forked from their coordinator, which has not imported TensorFlow."""

import os
import signal
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import IO

from bnbench.execution import worker_main

# No process of the tests opens more files.
MAX_FILES = 1024


class ForkedWorker:
    """A worker process with what `WorkerHandle` needs of `subprocess.Popen`.

    It has its own pipes and no other file of its coordinator, so it notices that the coordinator is gone.
    """

    def __init__(self, command: Sequence[str], *, stderr: IO[bytes], env: Mapping[str, str], **_: object) -> None:
        (tasks, to_worker), (from_worker, messages) = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            # The coordinator has threads, but each of them only waits for messages.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if not self.pid:
            _serve((tasks, messages, stderr.fileno()), env)
        os.close(tasks)
        os.close(messages)
        self.stdin, self.stdout = os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb")
        self._code: int | None = None

    def wait(self) -> int:
        """Return the exit code, or minus the number of the signal that ended the worker."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """Send SIGKILL, unless the worker has ended."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


def _serve(files: Sequence[int], environment: Mapping[str, str]) -> None:
    """Be a worker with these files as stdin, stdout and stderr. Does not return."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.closerange(3, MAX_FILES)
        os.environ.update(environment)
        sys.stdin = os.fdopen(0)
        worker_main.main()
    finally:
        os._exit(1)
