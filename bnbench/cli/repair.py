"""`bnbench repair`."""

from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


@click.command()
@options.results_folder
def repair(folder: Path) -> None:
    """Save the intact trials of a damaged database.

    Every intact trial of trials.db is written to a new trials.db. The damaged file is renamed to trials.damaged.db and
    never deleted. `bnbench run` trains the trials that are lost.

    \b
    bnbench repair results/leaf                     saves what is intact
    bnbench run results/leaf/config.yaml            trains the rest
    """
    from bnbench.cli.format import format_repaired
    from bnbench.store.repair import repair_database

    echo(format_repaired(repair_database(folder), folder))
