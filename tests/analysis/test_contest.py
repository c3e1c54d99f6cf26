import pandas as pd
import pytest

from bnbench.analysis.contest import band_of, contest_range
from bnbench.analysis.intervals import t_interval

SCORE = "validation_score"


def summary(*rows: tuple[str, float, int]) -> pd.DataFrame:
    """Rows of a variant, its mean and how many trials are ok."""
    return pd.DataFrame(rows, columns=["variant", f"{SCORE}_mean", "n_ok"])


def test_variants_near_the_best_score_compete() -> None:
    low, high = contest_range(summary(("a", 0.96, 3), ("a", 0.1, 3), ("b", 0.98, 3), ("b", 0.94, 3)), SCORE) or (0, 0)
    # The means from 0.94 to 0.98, with a margin.
    assert (low, high) == pytest.approx((0.94 - 0.12 * 0.04, 0.98 + 0.12 * 0.04))


def test_equal_scores_get_an_axis_with_a_length() -> None:
    low, high = contest_range(summary(("a", 0.9, 3), ("b", 0.9, 3)), SCORE) or (0, 0)
    assert (low + high) / 2 == pytest.approx(0.9)
    assert high - low > 0.02


@pytest.mark.parametrize(
    "rows",
    [
        (("a", 0.98, 3), ("a", 0.97, 3)),
        (("a", 0.98, 3), ("b", 0.9, 3)),
        (("a", 0.2, 0), ("b", 0.2, 0)),
    ],
    ids=["one variant", "far apart", "none trains"],
)
def test_without_a_contest_there_is_no_range(rows: tuple[tuple[str, float, int], ...]) -> None:
    assert contest_range(summary(*rows), SCORE) is None


def test_a_band_is_the_range_or_the_interval_of_the_mean() -> None:
    values = [0.8, 0.9, 1.0]
    row = {f"{SCORE}_mean": [0.9, 0.9], f"{SCORE}_sd": [0.1, 0.1], "n": [3, 2]}
    table = pd.DataFrame(row | {f"{SCORE}_min": [0.8, 0.8], f"{SCORE}_max": [1.0, 1.0]})
    low, high = band_of(table, SCORE, "range")
    assert (low[0], high[0]) == (0.8, 1.0)
    low, high = band_of(table, SCORE, "ci")
    wanted = t_interval(values)
    assert (low[0], high[0]) == pytest.approx((wanted.low, wanted.high))
    # Two trials have no interval.
    assert pd.isna(low[1])
