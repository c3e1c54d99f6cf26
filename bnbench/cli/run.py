"""`bnbench run`."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.interrupts import HOW_TO_CONTINUE
from bnbench.cli.on_finish import find_ending
from bnbench.cli.output import echo
from bnbench.errors import ConfigError, ExperimentsFailedError, TrialsFailedError

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.execution.progress import ProgressWatcher
    from bnbench.results.results import Results

log = logging.getLogger(__name__)


@click.command()
@options.experiments
@click.option(
    "--until",
    type=click.Choice(["decided"]),
    help="After the sweep, train further seeds at the best rates until the claims are decided, 30 at most. Without "
    "claims, until it is known which variant is better.",
)
@options.workers
@options.training
def run(
    requests: "Sequence[ExperimentRequest]",
    until: str | None,
    training: "TrainingOptions",
    make_watcher: Callable[[], "ProgressWatcher"],
) -> None:
    """Train the trials that are missing and write the report.

    CONFIG is an experiment file. Tables, figures and the report are written to the results folder of the experiment.
    Trials that the folder contains are not trained again.

    With --also, the plan keeps what the results folder has recorded, and config.yaml there has the whole sweep. Without
    it, the file alone decides: trials outside its plan stay stored, and every report counts them.

    Several experiments run one after another. One that fails does not stop the others; the exit code is then 1.

    With --budget, all variants and rates of a seed are trained before the next seed begins, and no seed begins that
    would not end in time. Several experiments share the time. Claims on missing trials stay open; the exit code is 0.

    \b
    bnbench run leaf.yaml                                  trains what is missing
    bnbench run leaf.yaml --also learning_rate=0.3         one more rate for every variant and seed
    bnbench run leaf.yaml --also seeds=2                   two further seeds
    bnbench run leaf.yaml letter.yaml -o train.epochs=5    two experiments, each with one key changed
    bnbench run leaf.yaml --budget 30m                     what half an hour is enough for
    bnbench run leaf.yaml --until decided                  further seeds until the claims are decided
    bnbench run leaf.yaml --part 1/3                       a third of the seeds, for bnbench merge
    bnbench run leaf.yaml --on-finish "sh notify.sh"       another command after the end
    """
    from bnbench.cli.format_budget import describe_end

    if until:
        from bnbench.commands.experiment import until_decided

        requests = [until_decided(request) for request in requests]
    if training.budget:
        log.warning("%s", describe_end(training.budget))
    if len(requests) > 1:
        _run_several(requests, make_watcher, training)
    else:
        run_one(requests[0], make_watcher, training)


def run_one(
    request: "ExperimentRequest", make_watcher: Callable[[], "ProgressWatcher"], training: "TrainingOptions"
) -> None:
    """Run one experiment and print its answer.

    Raises:
        TrialsFailedError: some trials failed.
    """
    from bnbench.cli.format import format_answer

    train_one(request, make_watcher, training, lambda results: echo(format_answer(results)))


def train_one(
    request: "ExperimentRequest",
    make_watcher: Callable[[], "ProgressWatcher"],
    training: "TrainingOptions",
    show: "Callable[[Results], object]",
) -> None:
    """Run one experiment and show its results.

    Args:
        request: the experiment.
        make_watcher: makes the progress display.
        training: who trains it.
        show: prints the results.

    Raises:
        TrialsFailedError: some trials failed.
    """
    from bnbench.cli.format_faults import format_faults
    from bnbench.commands.experiment import results_folder
    from bnbench.commands.run import run_experiment

    find_ending().results = results_folder(request)
    again = _same_command(request)
    click.get_current_context().meta[HOW_TO_CONTINUE] = (
        f"Finished trials are stored; {again} continues:\n  {options.this_command()}"
    )
    results = run_experiment(request, make_watcher(), training)
    show(results)
    for line in format_faults(results.faults):
        echo(line, err=True)
    _say_what_is_left(training, again)
    if results.faults:
        raise TrialsFailedError(f"{len(results.faults)} trial(s) failed; {again} tries them again")


def _say_what_is_left(training: "TrainingOptions", again: str) -> None:
    """Say how many trials the budget has left out, and what continues."""
    from bnbench.cli.format_budget import format_left

    if training.budget and training.budget.not_started:
        echo(f"\n{format_left(training.budget, again)}\n  {options.this_command()}")


def _same_command(request: "ExperimentRequest") -> str:
    """Return what continues a run. The same number of further seeds would add other ones."""
    from bnbench.commands.experiment import further_seeds

    seeds = further_seeds(request)
    return f"the same command with --also 'seeds={seeds}'" if seeds else "the same command"


def _run_several(
    requests: "Sequence[ExperimentRequest]", make_watcher: Callable[[], "ProgressWatcher"], training: "TrainingOptions"
) -> None:
    from bnbench.commands.experiment import counts_seeds
    from bnbench.commands.run_several import run_experiments

    find_ending().results = requests[0].results_dir
    if counts_seeds(requests[0]):
        raise ConfigError(
            "--also seeds",
            "with several experiments, the same command could not continue after an interrupt: name the seeds, as in "
            "--also 'seeds=[5, 6]'",
        )
    failed = run_experiments(requests, make_watcher, echo, training)
    _say_what_is_left(training, "the same command")
    if failed:
        failures = [f"{name}: {reason}" for name, reason in failed.items()]
        raise ExperimentsFailedError("\n  ".join([f"{len(failures)} experiment(s) failed:", *failures]))
