from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from bnbench.cli import options

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.data.types import DataDirs


@click.command()
@options.experiment
def planned(request: "ExperimentRequest") -> None:
    """Print the request that the options make."""
    click.echo(request)


@click.command()
@options.workers
def trained(training: "TrainingOptions") -> None:
    """Print who trains."""
    click.echo(training)


@click.command()
@options.data_dirs
def data(data_dirs: "DataDirs") -> None:
    """Print where the data are."""
    click.echo(f"{data_dirs.data_dir} {data_dirs.offline}")


@click.command()
@options.results_dir
def reproduced(results_dir: Path) -> None:
    """Print the directory of the results folders."""
    click.echo(results_dir)


def call(command: click.Command, *words: str) -> Result:
    return CliRunner().invoke(command, words, catch_exceptions=False)


def test_the_experiment_options_make_one_request() -> None:
    done = call(planned, "a.yaml", "-o", "train.epochs=5", "-o", "name=b", "--smoke", "--results-dir", "there")
    assert "config=PosixPath('a.yaml')" in done.stdout
    assert "overrides={'train.epochs': 5, 'name': 'b'}" in done.stdout
    assert "results_dir=PosixPath('there'), smoke=True" in done.stdout


def test_a_cluster_does_not_train_in_this_process() -> None:
    done = call(trained, "--executor", "ray", "--jobs", "0")
    assert done.exit_code == 2
    assert "--jobs 0 trains in this process, but --executor ray on a cluster" in done.stderr
    assert "executor='ray'" in call(trained, "--executor", "ray", "--jobs", "3").stdout
    assert "jobs=0" in call(trained, "--jobs", "0").stdout


def test_the_data_options_make_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BNBENCH_DATA", raising=False)
    assert call(data).stdout == "None False\n"
    assert call(data, "--data-dir", "here", "--offline").stdout == "here True\n"
    monkeypatch.setenv("BNBENCH_DATA", "there")
    assert call(data).stdout == "there False\n"


def test_the_old_name_of_results_dir_works_with_a_note() -> None:
    done = call(reproduced, "--results", "old")
    assert done.stdout == "old\n"
    assert "--results is now called --results-dir" in done.stderr


def test_the_new_name_of_results_dir_needs_no_note() -> None:
    for words, directory in (([], "results"), (["--results-dir", "new"], "new")):
        done = call(reproduced, *words)
        assert (done.stdout, done.stderr) == (f"{directory}\n", "")


def test_the_new_name_wins_over_the_old_one() -> None:
    for words in (["--results", "old", "--results-dir", "new"], ["--results-dir", "new", "--results", "old"]):
        assert call(reproduced, *words).stdout == "new\n"


def test_the_help_names_only_the_new_option() -> None:
    shown = call(reproduced, "--help").stdout
    assert "--results-dir" in shown
    assert "--results " not in shown
