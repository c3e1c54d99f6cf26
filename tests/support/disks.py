"""Small disks that fill up or become read-only, for tests that may mount: as root, or in a user namespace."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def alone() -> list[str]:
    """Return the words before a command that let it mount unseen by others; skip the test if nothing can be mounted."""
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
    """Open a shell in a folder. Its mounts are its own and end with it."""
    with subprocess.Popen(
        [*alone(), "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, bufsize=1
    ) as process:
        yield Shell(process)
        assert process.stdin
        process.stdin.close()


class Shell:
    """A shell that runs one line at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        # This process sees the mounts, because `unshare` becomes the shell.
        self.pid = process.pid
        self.begin(f'bnbench() {{ {sys.executable} -m bnbench "$@"; }}')

    def begin(self, line: str) -> None:
        """Start a line, and do not wait for its end."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")

    def run(self, line: str) -> tuple[int, str]:
        """Run a line; return its exit code, and what it wrote to stdout and stderr."""
        assert self._process.stdout
        self.begin(f"{{ {line}; }} 2>&1; code=$?; echo; echo end $code")
        output: list[str] = []
        while not (read := self._process.stdout.readline()).startswith("end "):
            assert read, output
            output.append(read)
        return int(read.split()[1]), "".join(output)
