"""Which trainings count as collapsed: those of the lower of two groups far apart."""

import math

import numpy as np
import pytest

from bnbench.analysis.betting import betting_interval
from bnbench.analysis.cells import Cells, rows_judged
from bnbench.analysis.collapses import find_collapses
from bnbench.analysis.paired import at_equal_rate
from bnbench.config.expectations import Claim
from bnbench.planning.adaptive.record import Judging
from bnbench.planning.seed_claims import SeedClaim
from bnbench.results.looks import _collapses
from support.tables import FAILED, scores, trials

LEVEL = 0.5


def collapsed(*values: float, diverged: tuple[int, ...] = (), luck: float = math.nan) -> list[int]:
    array, lucky = np.array(values), np.full(len(values), luck)
    found = find_collapses(array, array >= LEVEL, np.isin(np.arange(len(array)), diverged), lucky)
    return np.flatnonzero(found).tolist()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.9, 0.91, 0.1], [2]),
        # The widest gap is 0.15 between means that are 0.37 apart, then 0.25 between means that are 0.4 apart.
        ([0.8, 0.65, 0.55, 0.4, 0.3, 0.2], []),
        ([0.8, 0.65, 0.6, 0.35, 0.3, 0.2], [3, 4, 5]),
        ([0.49, 0.51, 0.48, 0.505, 0.5, 0.495], []),
        # The level lies among those that are close together, and one seed is far below them.
        ([0.49, 0.51, 0.48, 0.505, 0.1, 0.495], [4]),
        # A gap above the level is none of a collapse.
        ([0.49, 0.51, 0.48, 0.9, 0.89, 0.495], []),
        ([0.1, 0.2, 0.3], [0, 1, 2]),
        ([0.5, 0.5, 0.5], []),
        ([0.9, 0.8], []),
        ([0.2], [0]),
        ([], []),
    ],
)
def test_a_gap_tells_the_collapsed_from_the_others(values: list[float], found: list[int]) -> None:
    assert collapsed(*values) == found


def test_a_diverged_training_has_collapsed_wherever_its_score_lies() -> None:
    assert collapsed(0.51, 0.5, 0.49, 0.48, 0.49, diverged=(4,)) == [4]
    assert collapsed(0.51, 0.5, 0.1, 0.49, 0.5, diverged=(3,)) == [2, 3]
    assert collapsed(0.9, 0.1, diverged=(1,)) == [1]


def test_a_gap_that_luck_makes_is_none() -> None:
    assert collapsed(0.52, 0.51, 0.49, 0.45, luck=0.03) == [3]
    assert collapsed(0.52, 0.51, 0.49, 0.45, luck=0.05) == []
    assert collapsed(0.52, 0.51, 0.49, 0.45, luck=0.07, diverged=(2,)) == [2]


# Guessing reaches 0.1, so halfway to the best mean, 0.21 of batchnorm, is 0.155.
NOISY = (0.16, 0.154, 0.152, 0.157, 0.15, 0.158, 0.153)


def compared(last: float | None) -> dict[str, object]:
    """Compare plain, whose scores are around the level, with batchnorm."""
    rows = scores("plain", *({0.1: value} for value in (*NOISY, last))) + scores("batchnorm", *[{0.1: 0.21}] * 8)
    (row,) = at_equal_rate(Cells(trials(*rows)), "batchnorm", "validation_score").to_dict("records")
    return row


def test_seeds_close_together_on_both_sides_of_the_level_have_a_t_interval() -> None:
    row, differences = compared(0.155), np.array([*NOISY, 0.155]) - 0.21
    half = 2.364624 * differences.std(ddof=1) / np.sqrt(8)
    assert row["n_collapsed"] == 0
    assert (row["low"], row["high"]) == pytest.approx((differences.mean() - half, differences.mean() + half))


@pytest.mark.parametrize("last", [0.02, None])
def test_one_seed_far_below_has_a_betting_interval(last: float | None) -> None:
    row, differences = compared(last), np.array([*NOISY, 0.1 if last is None else last]) - 0.21
    assert row["n_collapsed"] == 1
    assert (row["low"], row["high"]) == pytest.approx(betting_interval(differences, -1, 1))


def test_looks_at_a_claim_tell_collapses_by_the_same_gap() -> None:
    claim = Claim(text="better", metric="test_score", of="batchnorm", difference={"at_least": 0.0}, at=0.1)
    judging = Judging(most=12, seeds=list(range(8)), rates={"plain": [0.1], "batchnorm": [0.1]})

    def look(last: float | None, **changes: object) -> bool:
        rows = scores("plain", *({0.1: value} for value in (*NOISY, last)))
        rows[7] |= changes
        rows += scores("batchnorm", *[{0.1: 0.21}] * 8)
        return _collapses(SeedClaim("0", claim, "plain"), trials(*rows), judging, 0.155)

    assert [look(0.155), look(0.02), look(None)] == [False, True, True]
    # A trial that failed has no score, and its pair is left out.
    assert not look(0.02, **FAILED)


def test_the_judged_trials_say_which_collapsed() -> None:
    rows = scores("plain", {0.1: 0.9}, {0.1: 0.88}, {0.1: 0.1}) + scores("batchnorm", *[{0.1: 0.9}] * 3)
    assert rows_judged(Cells(trials(*rows)))["collapsed"].tolist() == [False, False, True, False, False, False]
