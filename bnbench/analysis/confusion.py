"""Scores of predicted classes: the confusion matrix, macro F1, top-k accuracy, and the most confused pairs.

A confusion matrix has a row for each class and a column for each predicted class, and counts rows of the data.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Up to this many classes a matrix can be read; of more, only the most confused pairs are shown.
MAX_CLASSES = 30


def count_confusions(targets: NDArray[np.integer], predicted: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Return the confusion matrix, shape (classes, classes), from two class numbers for each row."""
    cells = np.asarray(targets, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def macro_f1(confusions: NDArray[np.int64]) -> float:
    """Return the mean F1 of the classes, as `f1_score(average="macro")` of scikit-learn defines it.

    The F1 of a class is 2 TP / (2 TP + FP + FN). A class that is neither the target nor the prediction of any row has
    none and is left out of the mean; a class that is only one of the two has an F1 of 0.
    """
    right = np.diag(confusions)
    either = confusions.sum(axis=0) + confusions.sum(axis=1)
    seen = either > 0
    return float(np.mean(2 * right[seen] / either[seen])) if seen.any() else float("nan")


def top_k_shares(scores: NDArray[np.floating], targets: NDArray[np.integer], most: int) -> NDArray[np.float64]:
    """Return for k = 1 to `most` the share of rows whose class is among the k with the highest scores, shape (most,).

    Of equal scores the lower class number comes first, as in the accuracy: a network that gives all classes the same
    score knows nothing. In `top_k_categorical_accuracy` of Keras it would be right for every row.

    Args:
        scores: of each class, shape (rows, classes). NaN is below all numbers.
        targets: class numbers, shape (rows,).
        most: the largest k.
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    own = known[np.arange(len(targets)), targets][:, np.newaxis]
    first = (known == own) & (np.arange(known.shape[1]) < np.asarray(targets)[:, np.newaxis])
    ranks = ((known > own) | first).sum(axis=1)
    shares: NDArray[np.float64] = (ranks[:, np.newaxis] < np.arange(1, most + 1)).mean(axis=0)
    return shares


def most_confused(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the pairs of different classes with the most rows of each variant, at most this many; ties in order.

    Args:
        table: with the columns `variant`, `target`, `predicted` and `rows`.
        most: pairs of each variant.
    """
    wrong = table[(table["target"] != table["predicted"]) & (table["rows"] > 0)]
    order = wrong.sort_values("rows", ascending=False, kind="stable")
    # The variants stay in the order of the experiment.
    chosen = order.groupby("variant", sort=False).head(most)
    rank = {name: number for number, name in enumerate(dict.fromkeys(table["variant"]))}
    return chosen.sort_values("variant", key=lambda names: names.map(rank), kind="stable")
