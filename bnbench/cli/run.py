"""`bnbench run`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.errors import TrialsFailedError, shorten_name

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest
    from bnbench.execution.progress import ProgressWatcher

# The maximum number of characters of the reason why a trial failed.
MAX_REASON = 500


@click.command()
@options.experiment
@options.jobs
@options.trial_timeout
@options.training
def run(
    request: "ExperimentRequest",
    jobs: int | None,
    trial_timeout: float | None,
    make_watcher: Callable[[], "ProgressWatcher"],
) -> None:
    """Train the trials that are missing and write the report.

    CONFIG is an experiment file. Tables, figures and the report are written to the results folder of the experiment.
    Trials that the folder contains are not trained again.
    """
    from bnbench.cli.format import format_answer
    from bnbench.commands.run import run_experiment

    results = run_experiment(request, make_watcher(), jobs, trial_timeout)
    echo(format_answer(results))
    for trial, reason in results.faults:
        echo(f"failed: {trial}: {shorten_name(reason.splitlines()[0], MAX_REASON)}", err=True)
    if results.faults:
        raise TrialsFailedError(f"{len(results.faults)} trial(s) failed; the same command tries them again")
