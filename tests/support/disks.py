"""Small disks that fill up or cannot be written, for tests that can mount: as root, or in a namespace of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def alone() -> list[str]:
    """What to put before a command so that it may mount without others seeing it; skips where nothing may."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        try:
            done = subprocess.run([*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
        except FileNotFoundError:
            break
        if done.returncode == 0:
            return words
    pytest.skip("nothing can be mounted here: neither as root nor in a user namespace (unshare -rm)")


@contextmanager
def shell(folder: Path) -> Iterator["Shell"]:
    """A shell with mounts of its own, in a folder; they go when it does."""
    with subprocess.Popen(
        [*alone(), "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, bufsize=1
    ) as process:
        yield Shell(process)
        assert process.stdin
        process.stdin.close()


class Shell:
    """Runs lines, one at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid  # of who sees the mounts: `unshare` becomes the shell
        self.begin(f'bnbench() {{ {sys.executable} -m bnbench "$@"; }}')

    def begin(self, line: str) -> None:
        """Have a line run, without waiting for its end."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")

    def run(self, line: str) -> tuple[int, str]:
        """The exit code of a line, and what it wrote to stdout and stderr."""
        assert self._process.stdout
        self.begin(f"{{ {line}; }} 2>&1; code=$?; echo; echo end $code")
        told: list[str] = []
        while not (read := self._process.stdout.readline()).startswith("end "):
            assert read, told
            told.append(read)
        return int(read.split()[1]), "".join(told)
