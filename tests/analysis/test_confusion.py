import math

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, f1_score, top_k_accuracy_score

from bnbench.analysis.confusion import count_confusions, macro_f1, most_confused, top_k_shares


def test_rows_are_classes_and_columns_are_predictions() -> None:
    counts = count_confusions(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 1]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]


@pytest.mark.parametrize(
    ("targets", "predicted", "f1"),
    [
        # F1 of 2/3 and of 4/5.
        ([0, 0, 1, 1], [0, 1, 1, 1], (2 / 3 + 4 / 5) / 2),
        # Class 2 is a target and is never predicted: F1 of 0.
        ([0, 1, 2], [0, 1, 1], (1 + 2 / 3 + 0) / 3),
        # Class 2 is predicted and is no target: F1 of 0.
        ([0, 1, 1], [0, 1, 2], (1 + 2 / 3 + 0) / 3),
        # Class 2 is neither: it does not count.
        ([0, 1], [0, 1], 1.0),
    ],
)
def test_macro_f1_is_that_of_scikit_learn_with_absent_classes(
    targets: list[int], predicted: list[int], f1: float
) -> None:
    found = macro_f1(count_confusions(np.array(targets), np.array(predicted), 3))
    assert found == pytest.approx(f1)
    assert found == pytest.approx(f1_score(targets, predicted, average="macro", zero_division=0))


def test_random_predictions_have_the_scores_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    targets, scores = generator.integers(0, 6, 50), generator.normal(size=(50, 7))
    predicted = scores.argmax(axis=1)
    counts = count_confusions(targets, predicted, 7)
    assert counts.tolist() == confusion_matrix(targets, predicted, labels=range(7)).tolist()
    assert macro_f1(counts) == pytest.approx(f1_score(targets, predicted, average="macro", zero_division=0))
    shares = top_k_shares(scores, targets, 6)
    assert shares[0] == np.mean(predicted == targets)
    for k in range(1, 7):
        assert shares[k - 1] == pytest.approx(top_k_accuracy_score(targets, scores, k=k, labels=range(7)))


def test_without_rows_there_is_no_f1() -> None:
    assert math.isnan(macro_f1(np.zeros((3, 3), np.int64)))


def test_equal_scores_know_nothing() -> None:
    targets = np.array([0, 1, 2, 3])
    assert top_k_shares(np.zeros((4, 4)), targets, 3).tolist() == [0.25, 0.5, 0.75]
    assert top_k_shares(np.full((4, 4), np.nan), targets, 3).tolist() == [0.25, 0.5, 0.75]
    # A number is above NaN.
    assert top_k_shares(np.array([[np.nan, 1.0, 0.0]]), np.array([2]), 2).tolist() == [0, 1]


def test_the_most_confused_pairs_come_first_and_variants_keep_their_order() -> None:
    pairs = [("b", "x", "x", 9), ("b", "x", "y", 1), ("b", "y", "x", 3), ("b", "y", "y", 5), ("a", "x", "y", 4)]
    table = pd.DataFrame(pairs, columns=["variant", "target", "predicted", "rows"])
    assert most_confused(table, 1)[["variant", "target", "rows"]].values.tolist() == [["b", "y", 3], ["a", "x", 4]]
    assert most_confused(table, 5)["rows"].tolist() == [3, 1, 4]
