"""The search for rows on which the validation accuracy falls. Its counts are not tests."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import falling_accuracy
from benchmarks.falling_accuracy import KINDS, RATE, RUNS, Attempt, Networks, summary


def cross_entropy(networks: Networks, x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    logits = networks.forward(x, training=False)[-1][..., 0]
    return np.asarray((np.logaddexp(0, logits) - y * logits).mean(axis=1))


def test_the_first_step_moves_each_weight_by_the_rate_against_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falling_accuracy, "DROPOUT", (0.0, 0.0))
    generator = np.random.default_rng(0)
    networks = Networks(4, generator)
    # No unit is exactly at the kink of its relu, as it is with a bias of 0.
    networks.weights = [weight + 0.05 * generator.standard_normal(weight.shape) for weight in networks.weights]
    x, y = generator.standard_normal((RUNS, 30, 4)), generator.integers(0, 3, (RUNS, 30))
    slopes = []
    for weight in networks.weights:
        before = weight[:, 0, 0].copy()
        weight[:, 0, 0] = before + 1e-6
        above = cross_entropy(networks, x, y)
        weight[:, 0, 0] = before - 1e-6
        slopes.append((above - cross_entropy(networks, x, y)) / 2e-6)
        weight[:, 0, 0] = before
    first = [weight[:, 0, 0].copy() for weight in networks.weights]
    networks.step(x, y, RATE)
    for slope, before, weight in zip(slopes, first, networks.weights, strict=True):
        clear = np.abs(slope) > 1e-3
        assert clear.sum() > RUNS / 4
        assert (weight[:, 0, 0] - before)[clear] == pytest.approx(-RATE * np.sign(slope[clear]), rel=1e-2)


def test_only_curves_that_are_high_early_and_low_at_the_end_are_counted() -> None:
    accuracy = np.full((60, 4), 0.5)
    accuracy[2, 0], accuracy[-1, 0] = 0.97, 0.12
    accuracy[10, 1], accuracy[-1, 1] = 0.97, 0.12
    accuracy[1, 2] = 0.97
    row = summary(Attempt("sorted", 170, standardized=False), accuracy)
    assert (row["97% then 12%"], row["97% in epoch 2 or 3"], row["12% at the end"]) == (1, 2, 2)
    assert row["median drop"] == pytest.approx((0.47 + 0.85) / 2)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_fifth_is_left_out_of_training(kind: str) -> None:
    attempt = Attempt(kind, 170, standardized=False)
    x, y, validation_x, validation_y = attempt.data()
    assert (x.shape, y.shape, validation_x.shape, validation_y.shape) == ((136, 120), (136,), (34, 120), (34,))
    assert set(np.unique(y)) <= ({0, 1, 2} if "three" in kind else {0, 1})
    standardized = replace(attempt, standardized=True).data()[0]
    assert standardized.mean(axis=0) == pytest.approx(np.zeros(120), abs=1e-4)


def test_sorted_rows_validate_on_one_class() -> None:
    assert Attempt("sorted", 170, standardized=False).data()[3].tolist().count(1) == 33
    assert set(Attempt("three classes, 1 2 0", 170, standardized=False).data()[3]) == {0}
