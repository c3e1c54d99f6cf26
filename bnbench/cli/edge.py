"""`bnbench edge`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.run import run_one

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.execution.progress import ProgressWatcher


@click.command()
@options.experiment
@options.edge_search
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
    search: Mapping[str, object],
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

    settings = {**search, "trains": trains} if trains else search
    run_one(with_edge_search(request, settings), make_watcher, training)
