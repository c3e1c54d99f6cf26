"""`bnbench reproduce`: many experiments and one page of what they found."""

import math
from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.errors import ConfigError, ExperimentsFailedError


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="All of them, but where there is a short form (X-short) only that: X itself takes hours and must be named.",
)
@click.option(
    "--budget",
    callback=options.seconds,
    metavar="TIME",
    help="Begin no experiment after so long, nor one that would probably take longer: 90s, 30m, 2h, 1h30m.",
)
@click.option(
    "--smoke",
    is_flag=True,
    help="Cut each to seconds; results go to NAME-smoke and on no page. Short forms are left out by --all: their "
    "programs are those of the full ones.",
)
@click.option(
    "--configs",
    type=click.Path(path_type=Path, file_okay=False),
    default="configs",
    show_default=True,
    help="Folder of the experiment files, searched to any depth.",
)
@options.results
@options.places
@options.jobs
@options.noise
def reproduce(
    names: Sequence[str],
    everything: bool,
    budget: float | None,
    smoke: bool,
    configs: Path,
    results: Path,
    data_dir: Path | None,
    offline: bool,
    jobs: int | None,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run experiments by name, the cheapest first, and write results/README.md: what was claimed, what is found.

    What is done is skipped. An experiment that fails does not stop the others; the exit code is then 1. A claim that is
    refuted is a finding: the exit code is 0.
    """
    from bnbench.commands import reproduce as reproducing
    from bnbench.data.types import DataDirs
    from bnbench.execution.progress import make_watcher

    if bool(names) == everything:
        known = ", ".join(reproducing.list_experiments(configs))
        raise ConfigError("reproduce", f"wanted either names or --all; there are {known}")
    places = DataDirs.from_environment(data_dir, offline)
    asked = reproducing.ReproduceRequest(configs, results, places, smoke, math.inf if budget is None else budget, jobs)
    with options.training(quiet, verbose):
        ending = reproducing.reproduce(names, asked, lambda: make_watcher(quiet), echo)
    if ending.left:
        echo(f"left for want of time: {', '.join(map(str, ending.left))}; the same command goes on from there:")
        echo(f"  {options.this_command()}")
    if ending.failed:
        told = [f"{name}: {reason}" for name, reason in ending.failed.items()]
        raise ExperimentsFailedError("\n  ".join([f"{len(told)} experiment(s) failed:", *told]))
