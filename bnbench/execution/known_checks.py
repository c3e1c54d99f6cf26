"""Which programs Keras has accepted in earlier runs, so that a run need not check them again.

The cache has a file for each state of this package and of the libraries; a line of it is a hash of a program.
"""

import hashlib
import logging
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from bnbench.planning.check_key import check_key
from bnbench.planning.plan import Program

ROOMS = Path(__file__).parent.parent
PACKAGES = ("bnbench", "keras", "tensorflow", "numpy")
# A file that is longer, in bytes, is begun anew: 30,000 programs.
MAX_BYTES = 1_000_000
log = logging.getLogger(__name__)


class KnownChecks:
    """The programs that have been accepted.

    Args:
        cache_dir: the cache of this package. If it cannot be read or written, every program is checked.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._file = cache_dir / "checked" / _environment()
        self._known: set[str] = set()
        with suppress(OSError, ValueError):
            self._known.update(self._file.read_text(encoding="ascii").split())

    def unknown(self, programs: Iterable[Program]) -> list[Program]:
        """Return the programs that no earlier run has checked."""
        return [program for program in programs if _digest(program) not in self._known]

    def add(self, programs: Sequence[Program]) -> None:
        """Record that Keras accepts programs."""
        new = [digest for program in programs if (digest := _digest(program)) not in self._known]
        if not new:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            mode = "a" if self._file.exists() and self._file.stat().st_size < MAX_BYTES else "w"
            # Several runs may append at the same time: a line that they mix up matches no program.
            with self._file.open(mode, encoding="ascii") as file:
                file.write("".join(f"{digest}\n" for digest in new))
        except OSError as error:
            log.info("%s: checked programs are not remembered: %s", self._file, error)


def _digest(program: Program) -> str:
    # A card refuses operations that a processor does.
    return hashlib.sha256(f"{program.device} {check_key(program)}".encode()).hexdigest()[:32]


def _environment() -> str:
    """Return a hash of what the result of a check depends on, apart from the program: this code and the libraries."""
    # In a checkout, the code changes without a new version.
    files = [(path, path.stat()) for room in ("model", "training") for path in sorted((ROOMS / room).rglob("*.py"))]
    texts = [f"{path.name} {found.st_size} {found.st_mtime_ns}" for path, found in files]
    texts += [f"{name} {version(name)}" for name in PACKAGES]
    return hashlib.sha256("\n".join([sys.version, *texts]).encode()).hexdigest()[:16]
