"""`bnbench edge`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.run import run_one

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.execution.progress import ProgressWatcher


@click.command()
@options.experiment
@click.option(
    "--within",
    type=float,
    metavar="DECADES",
    help="Half of the width of the 95% interval of the ratio of two edges. [default: 0.1, a factor of 1.26]",
)
@click.option("--at-most", type=int, metavar="N", help="Trainings of one variant at most. [default: 60]")
@click.option("--extend", is_flag=True, help="Follow an edge outside the range of rates, by two decades at most.")
@click.option(
    "--trains",
    type=click.Choice(["half", "ok"]),
    help="What counts as a training that trains: a score halfway from chance to the best mean, or better than chance. "
    "[default: half]",
)
@options.workers
@options.training
def edge(
    request: "ExperimentRequest",
    within: float | None,
    at_most: int | None,
    extend: bool,
    trains: str | None,
    training: "TrainingOptions",
    make_watcher: Callable[[], "ProgressWatcher"],
) -> None:
    """Find the highest learning rate at which each variant trains.

    Each training has a seed of its own, at the rate that says most about the edge, until the ratio of the edges is
    known well enough. Trials that the results folder has are used, too. The experiment file needs no `sweep.adaptive`.

    \b
    bnbench edge leaf.yaml                          the edges, and their ratio to a factor of 1.26
    bnbench edge leaf.yaml --within 0.2             to a factor of 1.6, with half of the trainings
    bnbench edge leaf.yaml --extend                 also outside the range of sweep.learning_rate
    """
    from bnbench.commands.experiment import with_edge_search

    asked = {"within": within, "at_most": at_most, "extend": extend or None, "trains": trains}
    settings = {key: value for key, value in asked.items() if value is not None}
    run_one(with_edge_search(request, settings), make_watcher, training)
