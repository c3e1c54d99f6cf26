"""Runs a corpus of broken files in a process of its own, because its memory is measured."""

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from support.paths import ROOT

# Thousands of folders are made and removed. On a disk that would take most of the time.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()  # noqa: S108  only for temporary folders


def run_corpus(name: str, *words: str, timeout: float | None = None) -> tuple[dict[str, Any], str]:
    """Return the counts that `python -m support.NAME` prints, and what it writes to stderr.

    Raises:
        RuntimeError: the process failed; the text is what it wrote to stderr.
    """
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-m", f"support.{name}", *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": paths, "TMPDIR": MEMORY},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout), done.stderr
