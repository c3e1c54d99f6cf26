"""`bnbench data`: list, download and verify data sets."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bnbench.cli import options
from bnbench.cli.completion import complete_dataset
from bnbench.cli.output import echo

if TYPE_CHECKING:
    from bnbench.data.types import DataDirs, DatasetInfo

names_argument = click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_dataset)


@click.group()
def data() -> None:
    """List, download and verify data sets.

    \b
    bnbench data list                 what is here, and what is not
    bnbench data fetch leaf letter    downloads what is missing
    bnbench data verify leaf          reads it again and checks every file
    """


@data.command("list")
@options.data_dirs
@options.as_json
def list_data(data_dirs: "DataDirs", as_json: bool) -> None:
    """Show where each data set is, or that it is missing.

    \b
    bnbench data list           a line for each data set
    bnbench data list --json    for scripts
    """
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
    """Download data sets into the cache.

    \b
    bnbench data fetch leaf letter    two data sets by name
    """
    from bnbench.data import access

    for name in names:
        echo(f"{name}: {access.fetch_dataset(name, data_dirs)}")


@data.command("verify")
@names_argument
@options.data_dirs
def verify_data(names: Sequence[str], data_dirs: "DataDirs") -> None:
    """Read data again and check every file.

    NAME is a data set, or an experiment file with its own data.

    \b
    bnbench data verify leaf          a data set by name
    bnbench data verify wine.yaml     the data of an experiment file
    """
    from bnbench.commands.verify import verify_named

    for name in names:
        echo(f"{name}: {_summarize(verify_named(name, data_dirs))}")


def _summarize(info: "DatasetInfo") -> str:
    labels = f"{len(info.classes)} classes" if info.classes else "one number per row"
    groups = f"{sum(count for _, _, count in info.group_rows)} groups" if info.group_rows is not None else ""
    dropped = f"rows left out because a value is missing: {info.dropped_rows:,}" if info.dropped_rows else ""
    parts = (f"{info.rows} rows", labels, groups, dropped, info.form, f"fingerprint {info.fingerprint[:16]}")
    return ", ".join(filter(None, parts))
