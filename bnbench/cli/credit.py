"""`bnbench credit`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.cli.run import train_one

if TYPE_CHECKING:
    from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
    from bnbench.execution.progress import ProgressWatcher


@click.command()
@options.experiment
@click.option("--variant", metavar="NAME", help="The variant whose norm slots they are. [default: the first one]")
@click.option(
    "--orders",
    type=int,
    metavar="N",
    help="How many orders are sampled if there are more than five slots or ingredients. [default: 10]",
)
@options.edge_search
@options.as_json
@options.workers
@options.training
def credit(
    request: "ExperimentRequest",
    variant: str | None,
    orders: int | None,
    search: Mapping[str, object],
    as_json: bool,
    training: "TrainingOptions",
    make_watcher: Callable[[], "ProgressWatcher"],
) -> None:
    """Find which norm slot or ingredient allows higher learning rates.

    The edge is searched for with every subset of the norm slots filled, and each slot gets its Shapley value: what it
    adds, averaged over all orders of adding them. Beyond five slots, orders are sampled. An experiment file with
    `credit` may name ingredients or groups of slots instead. Without it, the results folder is NAME-credit.

    \b
    bnbench credit quickstart.yaml                   each norm slot of the first variant with a norm
    bnbench credit quickstart.yaml --within 0.2      with fewer trainings
    bnbench credit quickstart.yaml -o 'credit.slots={first: [1], others: [2, 3]}'
    """
    import json

    from bnbench.cli.format_credit import format_credit
    from bnbench.commands.credit import credit_values
    from bnbench.commands.experiment import with_credit

    asked = {"variant": variant, "orders": orders}
    kept = {key: value for key, value in asked.items() if value is not None}

    train_one(
        with_credit(request, kept, search),
        make_watcher,
        training,
        lambda results: echo(
            json.dumps(credit_values(results), indent=1, default=str) if as_json else format_credit(results)
        ),
    )
