"""`bnbench run`."""

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


@click.command()
@options.experiments
@options.workers
@options.training
def run(
    requests: "Sequence[ExperimentRequest]",
    training: "TrainingOptions",
    make_watcher: Callable[[], "ProgressWatcher"],
) -> None:
    """Train the trials that are missing and write the report.

    CONFIG is an experiment file. Tables, figures and the report are written to the results folder of the experiment.
    Trials that the folder contains are not trained again.

    With --also, the plan keeps what the results folder has recorded, and config.yaml there has the whole sweep. Without
    it, the file alone decides: trials outside its plan stay stored, and every report counts them.

    Several experiments run one after another. One that fails does not stop the others; the exit code is then 1.

    \b
    bnbench run leaf.yaml                                  trains what is missing
    bnbench run leaf.yaml --also learning_rate=0.3         one more rate for every variant and seed
    bnbench run leaf.yaml --also seeds=2                   two further seeds
    bnbench run leaf.yaml letter.yaml -o train.epochs=5    two experiments, each with one key changed
    bnbench run leaf.yaml --part 1/3                       a third of the seeds, for bnbench merge
    bnbench run leaf.yaml --on-finish "sh notify.sh"       another command after the end
    """
    if len(requests) > 1:
        _run_several(requests, make_watcher, training)
    else:
        _run_one(requests[0], make_watcher, training)


def _run_one(
    request: "ExperimentRequest", make_watcher: Callable[[], "ProgressWatcher"], training: "TrainingOptions"
) -> None:
    from bnbench.cli.format import format_answer
    from bnbench.cli.format_faults import format_faults
    from bnbench.commands.experiment import results_folder
    from bnbench.commands.run import run_experiment

    find_ending().results = results_folder(request)
    again = _same_command(request)
    click.get_current_context().meta[HOW_TO_CONTINUE] = (
        f"Finished trials are stored; {again} continues:\n  {options.this_command()}"
    )
    results = run_experiment(request, make_watcher(), training)
    echo(format_answer(results))
    for line in format_faults(results.faults):
        echo(line, err=True)
    if results.faults:
        raise TrialsFailedError(f"{len(results.faults)} trial(s) failed; {again} tries them again")


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
    if failed:
        failures = [f"{name}: {reason}" for name, reason in failed.items()]
        raise ExperimentsFailedError("\n  ".join([f"{len(failures)} experiment(s) failed:", *failures]))
