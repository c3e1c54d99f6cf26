"""Nodes of a Ray cluster on this machine, started by Ray's own command line."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from support.paths import ROOT

# Ray waits 15 s for its agents to write their ports, and gives up if the machine is busy.
TRIES = 2
START_SECONDS = 120.0
HOST = "127.0.0.1"
# With its defaults, the head notices a node that was killed after a minute.
QUICK = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


class RayNodes:
    """A cluster: a head, and further nodes that come and go. The block ends all of them.

    Args:
        cpus: the cores that each node claims to have.
    """

    def __init__(self, cpus: int = 1) -> None:
        self.cpus, self.port = cpus, _free_port()
        self.address = f"{HOST}:{self.port}"
        self._nodes: list[subprocess.Popen[bytes]] = []
        # The path of a socket has at most 107 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True)

    def __enter__(self) -> "RayNodes":
        self.add(head=True)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._nodes:
            _kill_group(process)
        self._folder.cleanup()

    def add(self, head: bool = False) -> int:
        """Start a node, and return the id of its process group once it has joined.

        Raises:
            RuntimeError: Ray's command failed twice.
        """
        for _ in range(TRIES):
            process, log = self._start(head)
            if self._joined(process):
                self._nodes.append(process)
                return process.pid
            _kill_group(process)
        raise RuntimeError(f"Ray cannot be started:\n{log.read_text(errors='replace')[-3000:]}")

    def kill(self, group: int) -> None:
        """Kill a node with all of its processes, as a power failure does."""
        (process,) = [one for one in self._nodes if one.pid == group]
        _kill_group(process)
        self._nodes.remove(process)

    def _start(self, head: bool) -> tuple["subprocess.Popen[bytes]", Path]:
        where = ["--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self._folder.name}"]
        words = [
            "start",
            *(where if head else [f"--address={self.address}"]),
            f"--node-ip-address={HOST}",
            f"--num-cpus={self.cpus}",
            f"--memory={8 * 10**9}",
            f"--object-store-memory={10**8}",
            "--disable-usage-stats",
            "--block",
            *(f"--{name}-port={_free_port()}" for name in ("node-manager", "object-manager", "metrics-export")),
            *(f"--{name}-port={_free_port()}" for name in ("dashboard-agent-listen", "runtime-env-agent")),
        ]
        log = Path(self._folder.name) / f"start-{time.monotonic_ns()}.log"
        path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
        environment = {**os.environ, **QUICK, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}
        with log.open("wb") as file:
            command = [str(Path(sys.executable).parent / "ray"), *words]
            process = subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)
        return process, log

    def _joined(self, process: "subprocess.Popen[bytes]") -> bool:
        """Wait until the head knows one more node."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if self._count_alive() > len(self._nodes):
                return True
            time.sleep(0.2)
        return False

    def _count_alive(self) -> int:
        """Return how many nodes the head knows to be alive; 0 if it does not answer."""
        # This process may not join the cluster only to count.
        from ray._raylet import GcsClient

        if not _answers(self.port):
            return 0
        found = GcsClient(address=self.address).get_all_node_info()
        # 0 is ALIVE.
        return sum(1 for node in found.values() if node.state == 0)


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    # Ray moves some of its processes into groups of their own.
    children: list[psutil.Process] = []
    with suppress(psutil.Error):
        children = psutil.Process(process.pid).children(recursive=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for child in children:
        with suppress(psutil.Error):
            child.kill()
    process.wait()


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind((HOST, 0))
        return int(opened.getsockname()[1])


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False
