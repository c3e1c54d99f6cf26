"""`bnbench list`."""

import json
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo


# The command has the name of its function, which is that of a builtin.
@click.command()
@click.argument("directory", metavar="[DIRECTORY]", type=click.Path(path_type=Path), default="results")
@options.as_json
def list(directory: Path, as_json: bool) -> None:  # noqa: A001
    """List the results folders.

    DIRECTORY contains the results folders; default: results. Each line has the name, the trials that have ended, those
    that failed or are outside the present plan, when the last one was stored, and the variant and learning rate with
    the highest mean validation score of the last report.

    \b
    bnbench list                    the folders in results/
    bnbench list other --json       those in another directory, for scripts
    """
    from dataclasses import asdict

    from bnbench.cli.format import format_listing
    from bnbench.commands.list_results import list_folders

    folders = list_folders(directory)
    if as_json:
        echo(json.dumps([asdict(one) for one in folders], indent=1))
    else:
        echo(format_listing(folders) if folders else f"{directory}: no results folders")
