"""`bnbench reproduce`."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnbench.cli import options
from bnbench.cli.completion import complete_experiment
from bnbench.cli.on_finish import find_ending
from bnbench.cli.output import echo
from bnbench.cli.times import parse_time
from bnbench.errors import ConfigError, ExperimentsFailedError

if TYPE_CHECKING:
    from bnbench.execution.progress import ProgressWatcher


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=complete_experiment)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Run all experiments. If X has a short form (X-short), run only that: X takes hours and must be named.",
)
@click.option(
    "--budget",
    callback=parse_time,
    metavar="TIME",
    help="Start no experiment after this time, and none that would probably take longer. Examples: 90s, 30m, 1h30m.",
)
@click.option(
    "--smoke",
    is_flag=True,
    help="Cut each experiment to a few seconds. The results folders are NAME-smoke, and no page is written. --all "
    "leaves out the short forms, because their programs are those of the full experiments.",
)
@click.option(
    "--configs",
    type=click.Path(path_type=Path, file_okay=False),
    default="configs",
    show_default=True,
    help="The folder of experiment files. It is searched at any depth.",
)
@options.results_dir
@options.data_dirs
@options.jobs
@options.training
def reproduce(
    names: Sequence[str],
    everything: bool,
    budget: float | None,
    make_watcher: Callable[[], "ProgressWatcher"],
    **settings: Any,
) -> None:
    """Run several experiments and write one page about them.

    The page is results/README.md: what was claimed and what was measured. The cheapest experiment runs first.
    Experiments that are complete are skipped. An experiment that fails does not stop the others; the exit code is then
    1. A refuted claim is a result: the exit code is 0.

    \b
    bnbench reproduce quickstart leaf        two experiments by name
    bnbench reproduce --all --budget 2h      what two hours suffice for; the same command continues
    bnbench reproduce --all --smoke          all of them, cut to seconds
    """
    from bnbench.commands.experiment_files import list_experiments
    from bnbench.commands.reproduce import ReproduceRequest, reproduce_experiments

    find_ending().results = settings["results_dir"]
    if bool(names) == everything:
        known = ", ".join(list_experiments(settings["configs"]))
        raise ConfigError("reproduce", f"give either names or --all; the experiments are {known}")
    # The other options are fields of the request.
    request = ReproduceRequest(tuple(names), budget=math.inf if budget is None else budget, **settings)
    outcome = reproduce_experiments(request, make_watcher, echo)
    if outcome.left:
        echo(f"not run, because the time is over: {', '.join(map(str, outcome.left))}; the same command continues:")
        echo(f"  {options.this_command()}")
    if outcome.failed:
        failures = [f"{name}: {reason}" for name, reason in outcome.failed.items()]
        raise ExperimentsFailedError("\n  ".join([f"{len(failures)} experiment(s) failed:", *failures]))
