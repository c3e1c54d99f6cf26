"""The command that runs after the end: when, with which variables, and what is refused before the training."""

import json
import os
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from bnbench.cli import options
from bnbench.cli.main import main
from bnbench.cli.on_finish import find_ending
from bnbench.errors import TrialsFailedError

RECORD = (
    "import json, os; json.dump([os.environ[k] for k in ('BNBENCH_RESULTS', 'BNBENCH_EXIT_STATUS')], open('{}', 'w'))"
)


def on_finish(file: Path) -> str:
    """Return a command that writes the two variables to a file."""
    script = file.with_suffix(".py")
    script.write_text(RECORD.format(file), encoding="utf-8")
    return f"{sys.executable} {script}"


def run(monkeypatch: pytest.MonkeyPatch, command: str, end: object = None) -> Result:
    """Call a command `run` that knows its results folder and ends with an exception, or well."""

    @click.command()
    @options.training
    def run(make_watcher: object) -> None:
        find_ending().results = Path("results/leaf")
        if isinstance(end, BaseException):
            raise end

    monkeypatch.setattr(main, "get_command", lambda ctx, found: run)
    return CliRunner().invoke(main, ["run", "--on-finish", command])


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (None, 0),
        (TrialsFailedError("1 trial failed"), 1),
        (KeyboardInterrupt(), 130),
        (SystemExit(3), 3),
        (OSError(), 2),
    ],
    ids=["well", "failed", "ctrl-c", "exit", "disk"],
)
def test_it_gets_the_results_folder_and_the_exit_status(
    end: object, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(monkeypatch, on_finish(tmp_path / "out.json"), end)
    assert done.exit_code == status
    assert json.loads((tmp_path / "out.json").read_text()) == [str(tmp_path / "results/leaf"), str(status)]


def test_its_failure_is_said_and_changes_no_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, "false")
    assert (done.exit_code, done.stderr) == (0, "bnbench: --on-finish: false: ended with exit status 1\n")


def test_an_error_before_the_training_runs_it_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run", "none.yaml", "--on-finish", on_finish(tmp_path / "out.json")])
    assert done.exit_code == 2
    assert json.loads((tmp_path / "out.json").read_text()) == ["", "2"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("no-such-program x", "there is no program 'no-such-program'"),
        ("echo done > log", "'>' is for a shell"),
        ("echo $BNBENCH_RESULTS", "'$BNBENCH_RESULTS' is for a shell"),
        ("", "no command"),
        ("echo 'x", "No closing quotation"),
    ],
)
def test_a_command_that_would_surprise_is_refused_at_once(command: str, problem: str) -> None:
    done = CliRunner().invoke(main, ["run", "none.yaml", "--on-finish", command])
    assert done.exit_code == 2
    assert problem in done.stderr
    assert "none.yaml: no such file" not in done.stderr


def test_a_shell_may_be_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(monkeypatch, """sh -c 'echo "$BNBENCH_EXIT_STATUS" > status'""")
    assert (done.exit_code, Path("status").read_text()) == (0, "0\n")
    assert "BNBENCH_RESULTS" not in os.environ
