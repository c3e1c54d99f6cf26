"""Rows of the table `measurements` -> what a probe measured, as a table with a row for each value."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bnbench.store import integrity
from bnbench.store.rows import Row

if TYPE_CHECKING:
    import pandas as pd


def series_table(series: Iterable[Row], name: str | None) -> "pd.DataFrame":
    """Return what a probe measured.

    Args:
        series: rows of `measurements`, as `Store.series` returns them.
        name: the name that the probe gives to the values. None means all names, and a column `name` after `trial`.

    Returns:
        One row for each value: `trial`, `layer` (empty for the whole model), `position` (an epoch, unless the probe
            says otherwise), `value` and `unit`. No rows if no trial has such a measurement.
    """
    import numpy as np
    import pandas as pd

    chosen = [row for row in series if name in (None, row["name"])]
    values = [integrity.series_values(row) for row in chosen]
    lengths = [len(part) for _, part in values]
    keys = ["trial", *(["name"] if name is None else []), "layer"]
    repeated = {
        column: np.repeat(np.array([row[column] for row in chosen], object), lengths) for column in (*keys, "unit")
    }
    # Without rows pandas cannot infer the type, so it is set.
    table = pd.DataFrame(repeated).astype(str)
    table.insert(len(keys), "position", np.concatenate([np.empty(0), *(positions for positions, _ in values)]))
    table.insert(len(keys) + 1, "value", np.concatenate([np.empty(0), *(part for _, part in values)]))
    return table
