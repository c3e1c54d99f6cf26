"""Ctrl-C, SIGTERM and a second run: nothing that is finished is lost, and the exit code says what happened."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from bnbench.cli.main import COMMANDS, main
from support import forked
from support.commands import call, command, until
from support.forked import Forked, wait_for
from support.quick import write_no_report
from support.trainers import Steady

# A process that a shell starts in the background ignores SIGINT, and so do the processes that these tests start.
HEARS_CTRL_C = [
    sys.executable,
    "-c",
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])",
]


@pytest.fixture(autouse=True)
def _hears_ctrl_c() -> Iterator[None]:
    """Let this process hear SIGINT, even if the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def begin(folder: Path, *words: str) -> Forked:
    """Start a run whose workers train nothing, so that they need no TensorFlow. Its stderr goes to the file `log`."""
    return Forked(partial(forked.command, Steady, ("png",), ["run", "small.yaml", *words]), folder, folder / "log")


def ended(folder: Path, trials: int) -> bool:
    """Return whether a run with -v has ended this number of trials."""
    log = folder / "log"
    return log.exists() and f"] {trials} of " in log.read_text(encoding="utf-8")


def test_ctrl_c_stores_finished_trials_and_says_how_to_continue(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*HEARS_CTRL_C, *command("run", "small.yaml", "-o", "sweep.seeds=200", "-j", "1", "-v")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        until(process, 3)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "bnbench run small.yaml -o sweep.seeds=200 -j 1 -v" in stderr
    assert "Traceback" not in stderr
    assert len(pd.read_csv("results/small/trials.csv")) >= 3
    write_no_report(monkeypatch)
    assert call("run", "small.yaml", "-o", "sweep.seeds=1").stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGUSR1, 138)])
def test_other_signals_store_finished_trials_too(place: Path, number: signal.Signals, code: int) -> None:
    process = begin(place, "-o", "sweep.seeds=200", "-j", "1", "-v")
    wait_for(lambda: ended(place, 3))
    os.kill(process.pid, number)
    assert process.wait(60) == code
    stderr = (place / "log").read_text(encoding="utf-8")
    assert "bnbench run small.yaml -o sweep.seeds=200 -j 1 -v" in stderr
    assert "Traceback" not in stderr
    assert len(pd.read_csv("results/small/trials.csv")) >= 3


def test_a_run_ends_before_its_slurm_job(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time() + 60 + 4)))
    assert begin(place, "-o", "sweep.seeds=1000", "-j", "1").wait(120) == 138
    stderr = (place / "log").read_text(encoding="utf-8")
    assert re.search(r"the SLURM job ends in \d+ s: stopping", stderr)
    assert "Finished trials are stored" in stderr
    assert len(pd.read_csv("results/small/trials.csv")) >= 3


@pytest.mark.parametrize("end", ["", "soon", "1e400", "99999999999999"])
def test_a_job_without_an_end_runs_on(place: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    monkeypatch.setenv("SLURM_JOB_END_TIME", end)
    write_no_report(monkeypatch)
    assert call("run", "small.yaml", "-o", "sweep.seeds=1").stdout


@pytest.mark.parametrize("phase", ["loading", "checking", "compiling", "writing"])
def test_sigterm_ends_every_phase_of_a_run_with_its_exit_code(
    place: Path, phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With the cache of other tests, nothing would be left to check.
    monkeypatch.setenv("BNBENCH_CACHE", str(place / "cache"))
    words = command("run", "small.yaml", "-j", "1")
    # Slurm and systemd send the signal to all processes of a job.
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stderr
        while f"] {phase} " not in (line := process.stderr.readline()):
            assert line
        os.killpg(process.pid, signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Interrupted. Finished trials are stored" in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_of_any_command_is_no_error(place: Path, number: signal.Signals, code: int) -> None:
    words = [*HEARS_CTRL_C, *command("plan", "small.yaml", "--json", "-o", "sweep.seeds=1000")]
    words += ["-o", "sweep.grid={train.epochs: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        # The pipe is full long before the last trial, so the command is still printing.
        process.stdout.readline()
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (code, "\nInterrupted.\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_each_command_has_the_exit_code_of_the_signal(
    name: str, number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    interrupted = click.Command(name, callback=lambda: signal.raise_signal(number))
    monkeypatch.setattr(main, "get_command", lambda ctx, found: interrupted)
    done = CliRunner().invoke(main, [name])
    assert (done.exit_code, done.stderr) == (code, "\nInterrupted.\n")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_whose_exception_is_lost_still_decides_the_exit_code(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile:
        def __del__(self) -> None:
            signal.raise_signal(number)

    lost: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)
    monkeypatch.setattr(
        main, "get_command", lambda ctx, found: click.Command("list", callback=lambda: Fragile() and None)
    )
    done = CliRunner().invoke(main, ["list"])
    assert (len(lost), done.exit_code, done.stderr) == (1, code, "\nInterrupted.\n")


def test_a_second_run_on_the_same_results_is_an_error(place: Path) -> None:
    process = begin(place, "-o", "sweep.seeds=500", "-j", "1", "-v")
    wait_for(lambda: ended(place, 1))
    refused = call("run", "small.yaml", code=2)
    process.kill()
    assert f"results/small: in use by process {process.pid} on" in refused.stderr
