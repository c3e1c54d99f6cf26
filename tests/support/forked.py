"""Processes of bnbench that start in milliseconds: forked from a server that has imported it, but not TensorFlow."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from bnbench.cli import format as cli_format
from bnbench.cli.main import main
from bnbench.commands import run
from bnbench.commands.write_report import RunReport
from bnbench.errors import ResultsError
from bnbench.execution import environment, executors, progress, sweep, worker_handle
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import Executor, ExecutorRequest, Trainer
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.resources import WorkerCount
from bnbench.report import write
from bnbench.store import repair, store
from support import damage
from support.forked_worker import ForkedWorker

CONTEXT = multiprocessing.get_context("forkserver")
# The commands would import these while they run.
PRELOADED = (environment, progress, run, sweep, cli_format)


class Forked:
    """A running process, with the methods of `subprocess.Popen` that the tests need.

    Args:
        function: the function that it runs; it must be importable from a module that does not import TensorFlow.
        folder: the folder in which it runs.
        stderr: the file to which stderr is appended.
        stdout: the file to which stdout is appended.
        mounts_of: the id of a process whose mounts it sees; 0: its own.
    """

    def __init__(
        self,
        function: Callable[[], object],
        folder: Path,
        stderr: Path,
        stdout: Path = Path(os.devnull),
        mounts_of: int = 0,
    ) -> None:
        start_server()
        self._process = CONTEXT.Process(
            target=_run, args=(function, folder, stderr, stdout, mounts_of, dict(os.environ)), daemon=True
        )
        self._process.start()
        self.pid = self._process.pid or 0

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, or None if it still runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Send it SIGKILL."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@cache
def start_server() -> None:
    """Start the server with this module and all its imports, unless it runs already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        # A process with threads should not fork.
        patch.setenv("OPENBLAS_NUM_THREADS", "1")
        CONTEXT.set_forkserver_preload([__name__])
        process = CONTEXT.Process(
            target=int
            # The server imports before its first fork, so later time measurements do not include the imports.
        )
        process.start()
        process.join()


def _run(
    function: Callable[[], object],
    folder: Path,
    stderr: Path,
    stdout: Path,
    mounts_of: int,
    environment: Mapping[str, str],
) -> None:
    if "tensorflow" in sys.modules:
        raise RuntimeError("TensorFlow must not be forked")
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((stdout, 1), (stderr, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
    if mounts_of:
        _enter(mounts_of)
    os.chdir(folder)
    function()


def _enter(process: int) -> None:
    """Enter the mounts of another process. Its user namespace comes first, because it gives the right to enter."""
    libc = ctypes.CDLL(None, use_errno=True)
    for name in ("user", "mnt"):
        theirs, ours = f"/proc/{process}/ns/{name}", f"/proc/self/ns/{name}"
        if Path(theirs).readlink() != Path(ours).readlink():
            opened = os.open(theirs, os.O_RDONLY)
            if libc.setns(opened, 0):
                raise OSError(ctypes.get_errno(), f"cannot enter {theirs}")


def command(make: Callable[[], Trainer], kinds: Sequence[str], words: Sequence[str]) -> None:
    """Run the command `bnbench` with workers that are forked and train as `make()` does.

    Args:
        kinds: the kinds of file of each figure; empty: no report is written.
    """

    @contextmanager
    def open_pool(request: ExecutorRequest) -> Iterator[Executor]:
        with ProcessPool(WorkerCount(request.jobs or 1), WorkerStarter(make)) as pool:
            yield pool

    # The process ends with the command, so nothing is undone. A name that is not there is an error.
    patch = pytest.MonkeyPatch()
    # A run says with which command it goes on.
    patch.setattr(sys, "argv", ["bnbench", *words])
    patch.setitem(executors.EXECUTORS, "process-pool", open_pool)
    # A worker ahead would load TensorFlow.
    patch.setattr(run, "start_ahead", lambda request, training: nullcontext())
    patch.setattr(worker_handle, "subprocess", SimpleNamespace(Popen=ForkedWorker, PIPE=subprocess.PIPE))
    patch.setattr(write, "write_report", partial(_report, write.write_report, kinds))
    if not kinds:
        patch.setattr(RunReport, "draw_more", lambda self, folder: False)
    main(words, prog_name="bnbench")


def _report(write_kinds: Callable[..., object], kinds: Sequence[str], folder: Path, *_: object) -> None:
    if kinds:
        write_kinds(folder, kinds)


def write_trials(folder: Path) -> None:
    """Store all trials of `damage` twice."""
    for _ in range(2):
        with store.open_for_writing(folder) as opened:
            for number in range(24):
                opened.add(damage.ended(damage.experiment(), number))


def write_report(folder: Path) -> None:
    """Write the report of a folder."""
    write.write_report(folder, ("png",))


def try_repairs(folder: Path) -> None:
    """Try 20 times to repair a folder; while another process uses it, nothing is done."""
    for _ in range(20):
        try:
            repair.repair_database(folder)
        except ResultsError as error:
            if "in use by process" not in str(error):
                raise


def claim_and_die(folder: Path) -> None:
    """Lock a folder and be killed."""
    with store.open_for_writing(folder):
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true, for at most a minute."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
