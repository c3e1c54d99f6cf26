"""The ranges of the arguments of Keras classes: looks them up and checks a value. The tables are in `range_tables`."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from types import MappingProxyType
from typing import Any

from bnbench.model.range_tables import layers, training, weights
from bnbench.model.range_tables.row import Row
from bnbench.model.values import describe_problem, with_floats

# Family -> rows; the first row that names a class and an argument counts.
TABLES: Mapping[str, tuple[Row, ...]] = MappingProxyType(
    {
        "layers": layers.ROWS,
        "optimizers": training.OPTIMIZERS,
        "schedules": training.SCHEDULES,
        "losses": training.LOSSES,
        "callbacks": training.CALLBACKS,
        "initializers": weights.INITIALIZERS,
        "regularizers": weights.REGULARIZERS,
        "constraints": weights.CONSTRAINTS,
    }
)


@cache
def find_range(family: str, class_name: str, argument: str) -> Row | None:
    """Return the range of an argument, or None if the table does not have it."""
    for row in TABLES[family]:
        if argument in row.arguments.split() and any(fnmatchcase(class_name, one) for one in row.classes.split()):
            return row
    return None


def range_problem(row: Row, class_name: str, value: object) -> str | None:
    """Return what is wrong with the value of an argument, with the reason of a range narrower than Keras'."""
    problem = describe_problem(row.values, value, rank_of(class_name))
    return f"{problem}: {row.reason}" if problem and row.reason else problem


def rank_of(class_name: str) -> int:
    """Return the axes that a class has in its name, as 2 for Conv2DTranspose; 0 without one."""
    found = re.search(r"(\d)D", class_name)
    return int(found[1]) if found else 0


def floats_as_meant(family: str, class_name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments that have been checked, with whole numbers as floats wherever a float is meant."""
    rows = {name: find_range(family, class_name, name) for name in arguments}
    rank = rank_of(class_name)
    return {
        name: with_floats(row.values, value, rank) if (row := rows[name]) else value
        for name, value in arguments.items()
    }
