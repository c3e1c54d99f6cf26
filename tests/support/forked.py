"""Processes of bnbench that start in milliseconds: forked from a server that has imported it, but not TensorFlow."""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path

import pytest

from bnbench.cli import format as cli_format
from bnbench.cli.main import main
from bnbench.commands import run
from bnbench.errors import ResultsError
from bnbench.execution import environment, executors, progress, sweep
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import Executor, ExecutorRequest, Trainer
from bnbench.planning.resources import WorkerCount
from bnbench.report import write
from bnbench.store import repair, store
from support import damage

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = (environment, progress, sweep, cli_format)  # what the commands would import as they run


class Forked:
    """A running process, with the methods of `subprocess.Popen` that the tests need.

    Args:
        function: what it runs; importable, from a module that imports no TensorFlow.
        folder: where it runs.
        told: the file to which stderr is appended.
        out: the file to which stdout is appended.
        beside: the id of a process whose mounts it sees.
    """

    def __init__(
        self, function: Callable[[], object], folder: Path, told: Path, out: Path = Path(os.devnull), beside: int = 0
    ) -> None:
        start_server()
        self._process = CONTEXT.Process(
            target=_run, args=(function, folder, told, out, beside, dict(os.environ)), daemon=True
        )
        self._process.start()
        self.pid = self._process.pid or 0

    def wait(self, timeout: float | None = None) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("forked", timeout or 0)
        return self._process.exitcode

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        return self._process.exitcode

    def kill(self) -> None:
        """SIGKILL."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


@cache
def start_server() -> None:
    """Start the server, if it does not run yet, with this module and all that it imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("OPENBLAS_NUM_THREADS", "1")  # a process with threads should not fork
        CONTEXT.set_forkserver_preload([__name__])
        process = CONTEXT.Process(
            target=int
        )  # the server imports before it forks: whoever measures times need not wait
        process.start()
        process.join()


def _run(
    function: Callable[[], object], folder: Path, told: Path, out: Path, beside: int, environment: Mapping[str, str]
) -> None:
    if "tensorflow" in sys.modules:
        raise RuntimeError("TensorFlow must not be forked")
    os.environ.clear()
    os.environ.update(environment)
    for path, number in ((out, 1), (told, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
    if beside:
        _enter(beside)
    os.chdir(folder)
    function()


def _enter(process: int) -> None:
    """See the mounts of another process; its user namespace comes first, as it gives the right to do so."""
    libc = ctypes.CDLL(None, use_errno=True)
    for name in ("user", "mnt"):
        theirs, ours = f"/proc/{process}/ns/{name}", f"/proc/self/ns/{name}"
        if Path(theirs).readlink() != Path(ours).readlink():
            opened = os.open(theirs, os.O_RDONLY)
            if libc.setns(opened, 0):
                raise OSError(ctypes.get_errno(), f"cannot enter {theirs}")


def command(make: Callable[[], Trainer], kinds: Sequence[str], words: Sequence[str]) -> None:
    """The command `bnbench`, with real workers that train as `make()` does.

    Args:
        kinds: of file, that figures are written as; none: no report is written.
    """

    @contextmanager
    def open_pool(request: ExecutorRequest) -> Iterator[Executor]:
        with ProcessPool(WorkerCount(request.jobs or 1), make) as pool:
            yield pool

    executors.EXECUTORS["process-pool"] = open_pool
    run._write_report = partial(_report, kinds)
    main(words, prog_name="bnbench")


def _report(kinds: Sequence[str], folder: Path) -> None:
    if kinds:
        write.write_report(folder, kinds)


def write_trials(folder: Path) -> None:
    """Keep all trials of `damage` twice."""
    for _ in range(2):
        with store.open_for_writing(folder) as opened:
            for number in range(24):
                opened.add(damage.ended(damage.experiment(), number))


def write_report(folder: Path) -> None:
    """Write its report."""
    write.write_report(folder, ("png",))


def try_repairs(folder: Path) -> None:
    """Repair it 20 times, where nobody else is at work in it."""
    for _ in range(20):
        try:
            repair.repair_database(folder)
        except ResultsError as error:
            if "in use by process" not in str(error):
                raise


def claim_and_die(folder: Path) -> None:
    """Be killed while the folder is claimed."""
    with store.open_for_writing(folder):
        os.kill(os.getpid(), signal.SIGKILL)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so, for at most a minute."""
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
