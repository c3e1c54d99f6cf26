"""`bnbench data`: list, download and verify data sets."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.output import echo

if TYPE_CHECKING:
    from bnbench.data.types import DataDirs

names_argument = click.argument("names", metavar="NAME...", nargs=-1, required=True)


@click.group()
def data() -> None:
    """List, download and verify data sets."""


@data.command("list")
@options.data_dirs
@options.as_json
def list_data(data_dirs: "DataDirs", as_json: bool) -> None:
    """Show where each data set is, or that it is missing."""
    from dataclasses import asdict

    from bnbench.cli.format import format_columns
    from bnbench.data import access

    datasets = access.list_datasets(data_dirs)
    if as_json:
        echo(json.dumps([asdict(one) for one in datasets], indent=1, default=str))
    else:
        rows = [(one.name, one.state, one.where, one.title) for one in datasets]
        echo(format_columns(("name", "state", "where", "what"), rows))


@data.command("fetch")
@names_argument
@options.data_dirs
def fetch_data(names: Sequence[str], data_dirs: "DataDirs") -> None:
    """Download data sets into the cache."""
    from bnbench.data import access

    for name in names:
        echo(f"{name}: {access.fetch_dataset(name, data_dirs)}")


@data.command("verify")
@names_argument
@options.data_dirs
def verify_data(names: Sequence[str], data_dirs: "DataDirs") -> None:
    """Read data sets again and check every file."""
    from bnbench.data import access

    for name in names:
        info = access.verify_dataset(name, data_dirs)
        labels = f"{len(info.classes)} classes" if info.classes else "one number per row"
        echo(f"{name}: {info.rows} rows, {labels}, {info.form}, fingerprint {info.fingerprint[:16]}")
