"""What a shell completes besides files: keys of experiments, columns, and names of experiments and data sets.

Nothing here may fail or take long: a mistake in a file just completes less.
"""

import csv
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import click

from bnbench.errors import BnbenchError


def complete_setting(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the KEY of KEY=VALUE: the keys of every experiment, and those of the given file."""
    from bnbench.config.schema import Experiment
    from bnbench.config.yaml_loader import read_yaml

    keys = dict.fromkeys(_model_keys(Experiment, ""))
    for file in _arguments(context, "config") + _arguments(context, "files"):
        with suppress(BnbenchError):
            keys |= dict.fromkeys(_file_keys(read_yaml(Path(file)), ""))
    return [f"{key}=" for key in keys if key.startswith(incomplete)]


def _arguments(context: click.Context, name: str) -> tuple[str | Path, ...]:
    """Return the values of an argument.

    Click stops parsing at the option whose value is being completed; what stood before it is then in `args`.
    """
    given = context.params.get(name)
    if not given:
        return tuple(context.args)
    return given if isinstance(given, tuple) else (given,)


def _model_keys(model: Any, prefix: str) -> Iterator[str]:
    """Yield the dotted keys of a record, those of the records in it included."""
    from bnbench.config.overrides import NAMED_KEYS

    for name, field in model.model_fields.items():
        inner = [one for one in (field.annotation, *get_args(field.annotation)) if hasattr(one, "model_fields")]
        if not inner or name in NAMED_KEYS:
            yield f"{prefix}{name}"
        if inner:
            yield from _model_keys(inner[0], f"{prefix}{name}.")


def _file_keys(values: Mapping[str, object], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _file_keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def complete_condition(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the COLUMN of COLUMN=VALUE."""
    return [f"{name}=" for name in _columns(context) if name.startswith(incomplete)]


def complete_column(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a column."""
    return [name for name in _columns(context) if name.startswith(incomplete)]


def _columns(context: click.Context) -> list[str]:
    """Return the columns of trials.csv in the given results folder; without one, those of every experiment."""
    from bnbench.analysis.columns import TABLES

    for folder in _arguments(context, "folder"):
        with suppress(OSError, ValueError), (Path(folder) / "trials.csv").open(encoding="utf-8", newline="") as file:
            return next(csv.reader(file), [])
    return [column.name for column in TABLES["trials"] if column.public]


def complete_score(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a score or a loss."""
    from bnbench.analysis.columns import MEASURES

    return [name for name in MEASURES if name.startswith(incomplete)]


def complete_experiment(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of an experiment in the folder of experiment files."""
    from bnbench.commands.experiment_files import list_experiments

    with suppress(BnbenchError):
        return [name for name in list_experiments(context.params["configs"]) if name.startswith(incomplete)]
    return []


def complete_dataset(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Complete the name of a data set."""
    from bnbench.data.access import dataset_names

    return [name for name in dataset_names() if name.startswith(incomplete)]
