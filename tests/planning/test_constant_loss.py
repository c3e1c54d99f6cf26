import math
from typing import Any

import pytest

from bnbench.config.schema import Named
from bnbench.model.layers import Layer
from bnbench.planning.constant_loss import constant_loss

EQUAL = [0.25] * 4
SPARSE = "sparse_categorical_crossentropy"


def lowest(name: str, shares: list[float], *layers: Layer, **arguments: Any) -> float | None:
    return constant_loss(Named(name=name, **arguments), layers, shares)


def test_the_loss_of_equal_classes_is_the_logarithm_of_their_number() -> None:
    assert lowest(SPARSE, EQUAL) == pytest.approx(math.log(4))
    assert lowest("categorical_crossentropy", EQUAL, from_logits=False) == pytest.approx(math.log(4))


def test_classes_of_different_sizes_have_a_lower_entropy() -> None:
    # One class has half of the rows: 1/2 ln 2 + 2 x 1/4 ln 4
    assert lowest(SPARSE, [0.5, 0.25, 0.25]) == pytest.approx(1.5 * math.log(2))
    # A class without a training row
    assert lowest(SPARSE, [0.5, 0.5, 0.0]) == pytest.approx(math.log(2))


def test_smoothed_labels_have_the_entropy_of_the_smoothed_shares() -> None:
    assert lowest("categorical_crossentropy", [1.0, 0.0], label_smoothing=0.5) == pytest.approx(
        -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    )
    assert lowest("categorical_crossentropy", EQUAL, label_smoothing=0.1) == pytest.approx(math.log(4))


def test_a_binary_cross_entropy_is_a_mean_over_the_outputs() -> None:
    assert lowest("binary_crossentropy", [0.5, 0.5]) == pytest.approx(math.log(2))
    one_of_four = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert lowest("BinaryCrossentropy", EQUAL) == pytest.approx(one_of_four)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mean_squared_error", {}),
        ("categorical_focal_crossentropy", {}),
        (SPARSE, {"ignore_class": 0}),
        ("categorical_crossentropy", {"label_smoothing": "much"}),
    ],
    ids=str,
)
def test_other_losses_have_none(name: str, arguments: dict[str, Any]) -> None:
    assert lowest(name, EQUAL, **arguments) is None


def test_a_penalty_is_part_of_the_loss() -> None:
    l2 = {"class_name": "L2", "config": {"l2": 0.01}}
    assert lowest(SPARSE, EQUAL, Layer("a", "Dense", {"kernel_regularizer": l2})) is None
    assert lowest(SPARSE, EQUAL, Layer("a", "ActivityRegularization", {"l2": 0.01})) is None
    inner = {"class_name": "LSTM", "config": {"units": 3, "recurrent_regularizer": l2}}
    assert lowest(SPARSE, EQUAL, Layer("a", "Bidirectional", {"layer": inner})) is None
    assert lowest(SPARSE, EQUAL, Layer("a", "Dense", {"kernel_regularizer": None})) == pytest.approx(math.log(4))
