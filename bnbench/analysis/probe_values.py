"""What a probe measured in many trials -> medians over seeds, the rates that a figure shows, the depth of layers."""

import re
from collections.abc import Collection, Sequence
from math import log10

import pandas as pd

# What `over_seeds` returns for each group. Unknown values (NaN) are not counted, infinite ones are.
SPREAD = ["median", "lowest", "highest", "n"]
# The parts of the edge that a figure shows: well below, at, and well above the highest rate that trains.
PARTS_OF_EDGE = (1 / 3, 1.0, 3.0)


def over_seeds(values: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the median, the lowest and the highest value of each group, and how many it has, in columns SPREAD.

    Args:
        values: rows with a column `value`, one row a seed.
        keys: the columns that a group has in common; groups come in the order in which they first occur.
    """
    groups = values[values["value"].notna()].groupby(list(keys), sort=False, dropna=False)["value"]
    return groups.agg(["median", "min", "max", "count"]).set_axis(SPREAD, axis=1).reset_index()


def of_all_seeds(table: pd.DataFrame, line: Sequence[str]) -> pd.DataFrame:
    """Return the rows of `over_seeds` that have as many seeds as any row of the same line.

    A trial that diverges ends early. The median of the others would be that of the trials that went well.
    """
    most = table.groupby(list(line), sort=False, dropna=False)["n"].transform("max")
    return table[table["n"] == most].reset_index(drop=True)


def rates_around_edge(rates: Collection[float], edge: float) -> list[float]:
    """Return the rates nearest to a third of the edge, the edge and three times the edge, ascending, each once.

    Args:
        rates: those that were tried.
        edge: the highest rate that trains.
    """
    low, middle, high = PARTS_OF_EDGE
    at = nearest_rate(rates, middle * edge)
    below, above = [rate for rate in rates if rate < at], [rate for rate in rates if rate > at]
    found = [nearest_rate(below, low * edge)] if below else []
    return [*found, at, *([nearest_rate(above, high * edge)] if above else [])]


def nearest_rate(rates: Collection[float], wanted: float) -> float:
    """Return the rate with the smallest distance on a logarithmic scale; of two, the lower one."""
    return min(sorted(rates), key=lambda rate: abs(log10(rate / wanted)))


def layer_depths(trained: Collection[str], order: Sequence[str]) -> dict[str, int]:
    """Return for each layer how many of the layers with a kernel there are up to it, so 1 for the first.

    The activation behind a layer so has the depth of that layer.

    Args:
        trained: the names of the layers with a kernel.
        order: the names of all layers, in the order of the model.
    """
    depths, count = {}, 0
    for name in order:
        count += name in trained
        depths[name] = max(count, 1)
    return depths


def natural_order(names: Collection[str]) -> list[str]:
    """Return names in the order of the numbers in them: dense_2 before dense_10."""
    return sorted(names, key=lambda name: [(int(part), "") if part.isdigit() else (-1, part)
                                           for part in re.split(r"(\d+)", name)])  # fmt: skip
