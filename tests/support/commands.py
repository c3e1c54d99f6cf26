"""Calls commands in this process, or starts them in one of their own."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bnbench.cli.main import main
from support.paths import ROOT


def set_environment(patch: pytest.MonkeyPatch, cache: Path) -> None:
    patch.setenv("BNBENCH_CACHE", str(cache))
    patch.setenv("PYTHONPATH", str(ROOT))
    patch.delenv("BNBENCH_DATA", raising=False)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bnbench", *words]


def call(*words: str, code: int = 0) -> Result:
    """Call a command in this process. A command that trains also trains in this process."""
    jobs = ["--jobs", "0"] if words[0] == "run" else []
    done = CliRunner().invoke(main, [*words, *jobs], prog_name="bnbench", catch_exceptions=False)
    assert done.exit_code == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def until(process: subprocess.Popen[str], trials: int) -> None:
    """Read the progress of a run with -v until this number of trials have ended."""
    assert process.stderr is not None
    for number in range(trials + 1):
        while f" {number} of " not in (line := process.stderr.readline()):
            assert line
