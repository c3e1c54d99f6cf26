"""Counts for tests with broken input: time, memory, what is written, what is not refused."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# An input that takes more seconds counts as hanging.
HUNG = 10.0


@dataclass
class Counts:
    """What bnbench did with broken inputs."""

    inputs: int = 0
    problems: list[str] = field(default_factory=list)
    bytes_written: int = 0
    # The seconds of processor time, and the name of the input.
    slowest: tuple[float, str] = (0.0, "")

    def numbers(self) -> dict[str, int]:
        """Return the counts for a table. The memory is that of this process, which reads all inputs in turn."""
        return {
            "inputs": self.inputs,
            "not refused as they should be": len(self.problems),
            "bytes written outside": self.bytes_written,
            "slowest, milliseconds": round(1000 * self.slowest[0]),
            "peak memory, MB": peak_bytes() // 2**20,
        }


def peak_bytes() -> int:
    """Return the peak memory of this process; `ru_maxrss` would include that of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


class HungError(BaseException):
    """An input takes too long; no `except Exception` of the code under test hides it."""


@contextmanager
def timed(name: str, counts: Counts) -> Iterator[None]:
    """Note the time of an input.

    Raises:
        HungError: it takes more than HUNG seconds.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HUNG)
    began = time.process_time()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        counts.slowest = max(counts.slowest, (time.process_time() - began, name))


def listed(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return everything below a folder, with size and time."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {path: (state.st_size, state.st_mtime_ns) for path, state in found.items()}


def note_written(name: str, before: dict[Path, tuple[int, int]], folder: Path, counts: Counts) -> None:
    """Note as a problem each file below a folder that is new, changed or gone."""
    after = listed(folder)
    changed = [path for path in {*before, *after} if before.get(path) != after.get(path) and not path.is_dir()]
    if changed:
        counts.bytes_written += sum(after.get(path, (0, 0))[0] for path in changed)
        counts.problems.append(f"{name}: wrote {', '.join(map(str, changed))}")
