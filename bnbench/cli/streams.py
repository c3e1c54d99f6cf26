"""Standard streams that may be closed, full, or a pipe that nobody reads: no command fails because of them.

A closed stream becomes `/dev/null`. What stderr does not take is lost, and so is what is written to a pipe after its
reader has gone (`bnbench show results/leaf | head`): the exit code stays that of the command. A full disk behind stdout
is an error, because results would be missing.
"""

import errno
import io
import os
import sys
from typing import TextIO

from bnbench.errors import OutputError

# On Linux, macOS and in POSIX.
STDIN, STDOUT, STDERR = 0, 1, 2


class _StandardFile(io.FileIO):
    """A standard stream. After its first error it takes everything and writes nothing."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._failed = False

    def write(self, data: object) -> int:
        """Write bytes.

        Raises:
            OutputError: stdout cannot be written, and its reader has not just gone.
        """
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        if self._failed:
            return size
        try:
            return super().write(data) or 0  # type: ignore[arg-type]
        except OSError as error:
            self._failed = True
            if self.fileno() == STDOUT and error.errno != errno.EPIPE:
                raise OutputError(f"standard output: {error.strerror}") from None
            return size


def protect_streams() -> None:
    """Replace closed standard streams, and let the others fail as this module describes."""
    missing = [descriptor for descriptor in (STDIN, STDOUT, STDERR) if not _is_open(descriptor)]
    # Before any other file is opened: it would get the number of the closed stream, and messages could destroy it.
    for _ in missing:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if STDIN in missing:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)  # noqa: SIM115  open for as long as the process
    sys.stdout = _protected(sys.stdout, sys.__stdout__, STDOUT)
    sys.stderr = _protected(sys.stderr, sys.__stderr__, STDERR)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _protected(stream: TextIO | None, original: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream that writes to the same place; a stream that tests or callers have put there stays."""
    if stream is not None and stream is not original:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_StandardFile(descriptor)),
        encoding=stream.encoding if stream else "utf-8",
        # A character that the encoding lacks is shown as its number.
        errors="backslashreplace" if stream is None or stream.errors == "strict" else stream.errors,
        line_buffering=True,
    )
