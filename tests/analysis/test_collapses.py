"""Which trainings count as collapsed: those below a wide gap."""

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

LEVEL, CHANCE = 0.5, 0.1


def collapsed(
    *values: float, diverged: tuple[int, ...] = (), rows: float = math.nan, chance: float = CHANCE
) -> list[int]:
    array = np.array(values)
    return np.flatnonzero(find_collapses(array, np.isin(np.arange(len(array)), diverged), LEVEL, chance, rows)).tolist()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.9, 0.91, 0.1], [2]),
        # A wide gap is one of more than 0.2, half the distance from chance to the level.
        ([0.52, 0.4, 0.33], []),
        ([0.52, 0.4, 0.33, 0.12], [3]),
        ([0.52, 0.5, 0.29, 0.28], [2, 3]),
        # Of two wide gaps the higher one counts: a worse seed makes no other seed healthy.
        ([0.8, 0.8, 0.8, 0.45, 0.05], [3, 4]),
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
def test_a_wide_gap_tells_the_collapsed_from_the_others(values: list[float], found: list[int]) -> None:
    assert collapsed(*values) == found


def test_a_diverged_training_has_collapsed_wherever_its_score_lies() -> None:
    assert collapsed(0.51, 0.5, 0.49, 0.48, 0.49, diverged=(4,)) == [4]
    assert collapsed(0.51, 0.5, 0.1, 0.49, 0.5, diverged=(3,)) == [2, 3]
    assert collapsed(0.9, 0.1, diverged=(1,)) == [1]
    # Even where the best mean is below chance, so that chance is above the level.
    assert collapsed(0.55, 0.03, 0.03, diverged=(0,), chance=0.55) == [0, 1, 2]


def test_a_gap_that_luck_makes_is_none() -> None:
    # Three standard errors of a difference near 40%, of 100 rows: 0.208.
    assert collapsed(0.51, 0.5, 0.3, 0.29, chance=0.3, rows=100) == []
    assert collapsed(0.51, 0.5, 0.3, 0.29, chance=0.3, rows=1000) == [2, 3]


@pytest.mark.parametrize(("n", "sd"), [(3, 0.0), (5, 0.0), (3, 0.01), (5, 0.01)])
def test_equal_networks_at_the_level_hardly_ever_collapse(n: int, sd: float) -> None:
    generator, rows = np.random.default_rng(n), 1000
    chances = np.clip(generator.normal(LEVEL, sd, (300, n)), 0, 1)
    scores = generator.binomial(rows, chances) / rows
    both = scores[(scores >= LEVEL).any(axis=1) & (scores < LEVEL).any(axis=1)]
    assert len(both) > 200
    assert sum(bool(collapsed(*one, rows=rows)) for one in both) == 0


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
    assert not row["mixed"]
    assert (row["low"], row["high"]) == pytest.approx((differences.mean() - half, differences.mean() + half))


@pytest.mark.parametrize("last", [0.02, None])
def test_one_seed_far_below_has_a_betting_interval(last: float | None) -> None:
    row, differences = compared(last), np.array([*NOISY, 0.1 if last is None else last]) - 0.21
    assert row["mixed"]
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
