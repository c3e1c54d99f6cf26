"""`bnbench data`: list, fetch and verify data sets."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli.options import places
from bnbench.cli.output import echo


@click.group()
def data() -> None:
    """List, fetch and verify data sets."""


@data.command("list")
@places
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_data(data_dir: Path | None, offline: bool, as_json: bool) -> None:
    """Show each data set: where it lies, or where it comes from."""
    from dataclasses import asdict

    from bnbench.cli.format import format_columns
    from bnbench.data import access as sets
    from bnbench.data.types import DataDirs

    found = sets.list_datasets(DataDirs.from_environment(data_dir, offline))
    if as_json:
        echo(json.dumps([asdict(one) for one in found], indent=1, default=str))
    else:
        echo(format_columns(("name", "state", "where", "what"), [(f.name, f.state, f.where, f.title) for f in found]))


@data.command("fetch")
@click.argument("names", nargs=-1, required=True)
@places
def fetch_data(names: Sequence[str], data_dir: Path | None, offline: bool) -> None:
    """Download data sets into the cache."""
    from bnbench.data import access as sets
    from bnbench.data.types import DataDirs

    where = DataDirs.from_environment(data_dir, offline)
    for name in names:
        echo(f"{name}: {sets.fetch_dataset(name, where)}")


@data.command("verify")
@click.argument("names", nargs=-1, required=True)
@places
def verify_data(names: Sequence[str], data_dir: Path | None, offline: bool) -> None:
    """Read data sets anew and check every file."""
    from bnbench.data import access as sets
    from bnbench.data.types import DataDirs

    where = DataDirs.from_environment(data_dir, offline)
    for name in names:
        facts = sets.verify_dataset(name, where)
        what = f"{len(facts.classes)} classes" if facts.classes else "a number a row"
        found = f"{facts.rows} rows, {what}, {facts.form}"
        echo(f"{name}: {found}, fingerprint {facts.fingerprint[:16]}")
