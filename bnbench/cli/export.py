"""`bnbench export`."""

from pathlib import Path
from typing import Any

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.commands.export import FORMATS
from bnbench.errors import BnbenchError


def _formats(command: Any) -> Any:
    """Add an option for each format."""
    for name, one in reversed(list(FORMATS.items())):
        folder = click.Path(path_type=Path, file_okay=False)
        command = click.option(f"--{name}", metavar="DIR", type=folder, help=one.meaning)(command)
    return command


@click.command()
@options.results_folder
@_formats
def export(folder: Path, **targets: Path | None) -> None:
    """Write the results in the formats of other tools.

    Each option names a format and the folder to write into, which is made if it does not exist. Files that an earlier
    export wrote there are replaced. The names of the written files are printed.

    \b
    bnbench export results/leaf --tensorboard runs    then: tensorboard --logdir runs
    bnbench export results/leaf --parquet tables      all tables, for pandas, Polars, DuckDB or R
    bnbench export results/leaf --latex paper         the tables of the report, for a paper
    """
    from bnbench.commands.export import export_results

    chosen = {name: target for name, target in targets.items() if target is not None}
    if not chosen:
        raise BnbenchError(f"export: name a format and a folder: {', '.join(f'--{name} DIR' for name in FORMATS)}")
    for path in export_results(folder, chosen):
        echo(path)
