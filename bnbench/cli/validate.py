"""`bnbench validate`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from bnbench.cli import options
from bnbench.cli.output import echo
from bnbench.errors import ConfigError


@click.command()
@click.argument("files", metavar="CONFIG...", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.overrides
@options.as_json
def validate(files: Sequence[Path], overrides: Sequence[str], as_json: bool) -> None:
    """Check experiment files without data and without Keras.

    Every mistake is printed with its file, line and column, and the exit code is then 2. Reads no data and no results,
    and takes a second, so it can run while you write, before a commit, or where the data are missing.

    \b
    bnbench validate leaf.yaml                       one file
    bnbench validate configs/*.yaml                  several
    bnbench validate leaf.yaml -o train.epochs=5     as a run with this option would see it
    """
    from dataclasses import asdict

    from bnbench.cli.format import format_checked
    from bnbench.commands.validate import validate_file
    from bnbench.config.overrides import parse_overrides

    changes = parse_overrides(overrides)
    checked = [validate_file(file, changes) for file in files]
    if as_json:
        echo(json.dumps([asdict(one) for one in checked], indent=1))
    elif any(not one.mistakes for one in checked):
        echo(format_checked(checked))
    mistakes = [line for one in checked for line in one.mistakes]
    if mistakes:
        raise ConfigError("", "\n".join(mistakes))
