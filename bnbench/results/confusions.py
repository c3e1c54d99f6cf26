"""The confusion matrix of one trial of each variant, on the test rows.

The trial is the one that a user would keep: at the best rate of the variant, the seed with the highest validation
score; with further axes, at the values with the highest mean validation score. The validation rows choose the trial,
and the matrix is that of the test rows, so choosing the best seed does not make it look better.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.columns import CONFUSIONS, column_names

MEASUREMENT = "test_confusion"


def chosen_trials(variants: pd.DataFrame, trials: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Return one row of the table of trials for each variant: the trial that a user would keep.

    Args:
        variants: `Results.variants`.
        trials: the trials that have a confusion matrix, with all columns.
        axes: the further axes.
    """
    if trials.empty:
        return trials
    cell = ["variant", *axes]
    best = trials.merge(variants[[*cell, "best_rate", "validation_score_mean"]], on=cell)
    best = best[best["learning_rate"] == best["best_rate"]]
    by_score = best.sort_values(["validation_score_mean", "validation_score"], ascending=False, kind="stable")
    chosen = by_score.drop_duplicates("variant").set_index("variant", drop=False)
    return chosen.loc[[name for name in dict.fromkeys(variants["variant"]) if name in chosen.index]]


def confusion_table(
    chosen: pd.DataFrame,
    counts: pd.DataFrame,
    axes: Sequence[str],
    names_of: Callable[[Mapping[Any, Any], int], Sequence[str]],
) -> pd.DataFrame:
    """Return a row for each variant, class and predicted class, with the columns of CONFUSIONS and the axes.

    Args:
        chosen: as `chosen_trials` returns them, with the number of `classes`.
        counts: the measurements: `trial`, `position` (class times number of classes plus predicted class) and `value`.
        axes: the further axes.
        names_of: (a trial, number of classes) -> the names of the classes.
    """
    first, *others = column_names(CONFUSIONS)
    parts = [
        _matrix(row, counts[counts["trial"] == row["trial"]], names_of(row, int(row["classes"])))
        for row in chosen.to_dict("records")
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[first, *axes, *others])
    return table[[first, *axes, *others]]


def _matrix(trial: Mapping[Any, Any], counts: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    classes = len(names)
    matrix = np.zeros(classes**2, np.int64)
    positions, values = counts["position"].to_numpy(np.int64), counts["value"].to_numpy()
    inside = (positions >= 0) & (positions < len(matrix))
    matrix[positions[inside]] = values[inside]
    totals = matrix.reshape(classes, classes).sum(axis=1).repeat(classes)
    with np.errstate(invalid="ignore"):
        shares = matrix / totals
    pairs = [(target, predicted) for target in names for predicted in names]
    table = pd.DataFrame(pairs, columns=["target", "predicted"]).assign(rows=matrix, share=shares)
    return table.assign(**{str(name): value for name, value in trial.items() if name not in table})


def class_names(config_classes: Sequence[str] | None, environment: Mapping[str, Any], data: str) -> Iterator[str]:
    """Yield the names of the classes of a data set, if the config or the environment of the run has them."""
    entry = environment.get("data")
    known = entry.get(data) if isinstance(entry, Mapping) else None
    listed = known.get("classes") if isinstance(known, Mapping) else None
    yield from map(str, config_classes or (listed if isinstance(listed, list) else ()))
