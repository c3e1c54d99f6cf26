"""Claims about rates: edges, best rates and widths, from all seeds together."""

import math

import numpy as np
import pytest

from bnbench.results import claims
from support.judged import NORMED, PLAIN, judge
from support.tables import NONFINITE, scores

INF = math.inf


FINE = [round(10 ** (i / 10), 3) for i in range(-10, 11)]


def test_an_edge_has_a_level_and_a_number_of_seeds() -> None:
    row = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 2})
    assert row["verdict"] == "supported"
    assert 1e-6 < row["p"] < 0.05
    # Seeds that fail at 0.3, 0.4 and 0.5, and at ten times as high rates.
    plain = scores("plain", *({rate: 0.9 if rate < top else None for rate in FINE} for top in (0.3, 0.4, 0.5)))
    normed = scores("batchnorm", *({rate: 0.9 if rate < top else None for rate in FINE} for top in (3, 4, 5)))
    near = judge(plain + normed, metric="edge", ratio={"at_least": 7})
    assert near["verdict"] == "inconclusive"
    assert near["p"] > 0.05
    assert 10 < near["seeds_needed"] < 100
    # More seeds do not help on a grid that is too coarse, nor where no rate was too high.
    coarse = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 7})
    assert (coarse["verdict_text"], claims.MORE_RATES in coarse["reason"]) == ("open", True)
    assert claims.MORE_RATES not in near["reason"]
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: 0.9} for _ in range(3)))
    assert judge(PLAIN + normed, metric="edge", ratio={"at_least": 50})["verdict_text"] == "open"


def test_an_edge_has_an_interval_from_all_seeds() -> None:
    row = judge(PLAIN + NORMED, metric="edge", of="plain", value={"at_least": 0.05})
    # All seeds train at 0.1 and fail at 1.
    assert 0.05 < row["low"] < 0.2 < row["estimate"] < 0.5 < row["high"] < 2
    assert (row["n"], row["verdict"]) == (3, "supported")
    assert "a training trains if its score is at least halfway from chance to the best mean" in row["reason"]


def test_a_ratio_is_a_geometric_mean() -> None:
    plain = scores("plain", *({0.1: 0.5} for _ in range(3)))
    normed = scores("batchnorm", {0.1: 0.5}, {0.1: 0.6}, {0.1: 0.72})
    row = judge(plain + normed, metric="validation_score", ratio={"at_most": 100})
    # 1, 1.2, 1.44
    assert row["estimate"] == pytest.approx(1.2)
    factor = math.exp(4.302653 * math.log(1.2) / math.sqrt(3))
    assert (row["low"], row["high"]) == pytest.approx((1.2 / factor, 1.2 * factor), rel=1e-5)


def test_edges_are_compared_by_their_ratio() -> None:
    row = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 2})
    assert row["estimate"] == pytest.approx(10, rel=0.01)
    assert 2 < row["low"] < 5 < 20 < row["high"] < 50
    assert (row["n"], row["verdict"], row["metric"]) == (3, "supported", "edge")
    # What the metric was called before; there, `ok` was what counted.
    former = judge(PLAIN + NORMED, metric="max_stable_rate", ratio={"at_least": 2})
    assert former["metric"] == "edge"
    assert "a training trains if its outcome is ok" in former["reason"]


def test_more_seeds_and_a_finer_grid_give_a_narrower_interval() -> None:
    def width(seeds: int, step: float) -> float:
        grid = [round(float(10**x), 6) for x in np.arange(-2, 1.01, step)]
        tops = {"plain": 0.1, "batchnorm": 1.0}
        rows = [
            row
            for name, top in tops.items()
            for row in scores(name, *({rate: 0.9 if rate <= top * 1.01 else None for rate in grid},) * seeds)
        ]
        row = judge(rows, metric="edge", ratio={"at_least": 2})
        return math.log10(row["high"] / row["low"])

    assert width(3, 1.0) > width(6, 1.0) > width(6, 0.25)


@pytest.mark.parametrize(
    ("plain_top", "normed_top", "low", "high"),
    [(None, 0.95, True, False), (0.85, None, False, True), (0.85, 0.95, False, False)],
)
def test_an_edge_that_no_training_bounds_leaves_the_interval_open(
    plain_top: float | None, normed_top: float | None, low: bool, high: bool
) -> None:
    plain = scores("plain", *({0.1: 0.9, 1.0: plain_top} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: normed_top} for _ in range(3)))
    row = judge(plain + normed, metric="edge", ratio={"at_least": 0.001})
    assert ((row["low"] > 0), (row["high"] < INF)) == (low, high)
    assert "open where no training bounds it" in row["reason"]


def test_a_best_rate_may_lie_beyond_either_edge() -> None:
    plain = scores("plain", *({0.1: 0.9, 1.0: 0.8, 10.0: 0.7} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.8, 1.0: 0.9, 10.0: 0.7} for _ in range(3)))
    row = judge(plain + normed, metric="best_rate", ratio={"at_least": 0.5})
    assert (row["low"], row["high"]) == (
        pytest.approx(0.1),
        INF,
        # Either may be a step off, and that of plain may be below the grid.
    )
    assert row["verdict"] == "inconclusive"


def test_a_width_has_two_ends() -> None:
    grid = (0.01, 0.1, 1.0, 10.0, 100.0)
    plain = scores("plain", *(dict(zip(grid, (0.5, 0.9, 0.5, 0.5, 0.5), strict=True)) for _ in range(3)))
    normed = scores("batchnorm", *(dict(zip(grid, (0.5, 0.9, 0.9, 0.9, 0.5), strict=True)) for _ in range(3)))
    row = judge(plain + normed, metric="stable_width", difference={"at_least": -1})
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((2, 0, 4))
    assert row["verdict"] == "supported"


def test_a_grid_of_one_rate_gives_an_open_interval() -> None:
    rows = [row for row in PLAIN + NORMED if row["learning_rate"] == 0.1]
    row = judge(rows, metric="edge", ratio={"at_least": 0.5})
    assert row["verdict"] == "inconclusive"
    assert (row["low"], row["high"]) == (0, INF)
    row = judge(rows, metric="best_rate", ratio={"at_least": 0.5})
    assert (row["low"], row["high"]) == (0, INF)
    assert "a grid of one rate says nothing about rates" in row["reason"]


def test_a_seed_that_trains_nowhere_counts() -> None:
    plain = [row | (NONFINITE if row["seed"] == 1 else {}) for row in PLAIN]
    row = judge(plain + NORMED, metric="edge", ratio={"at_least": 1})
    whole = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 1})
    # The edge of plain is lower, and less sure.
    assert row["n"] == 3
    assert row["estimate"] > whole["estimate"]
    assert row["high"] / row["low"] > 1.3 * whole["high"] / whole["low"]


def test_a_variant_that_trains_nowhere_has_an_edge_below_all_rates() -> None:
    plain = [row | NONFINITE for row in PLAIN]
    row = judge(plain + NORMED, metric="edge", ratio={"at_least": 1})
    assert (row["high"], row["verdict"]) == (INF, "supported")
    assert judge(plain + NORMED, metric="edge", of="plain", value={"at_most": 1})["low"] == 0


def test_an_edge_is_higher_if_it_trains_where_the_other_fails() -> None:
    row = judge(PLAIN + NORMED, metric="edge", probability={"at_least": 0.29})
    assert (row["estimate"], row["high"], row["verdict"]) == (1, 1, "supported")
    row = judge(PLAIN + [row | {"variant": "batchnorm"} for row in PLAIN], metric="edge", probability={"at_least": 0.5})
    assert (row["estimate"], row["low"], row["high"], row["verdict"]) == (0, 0, 1, "inconclusive")
    assert "the grid does not tell 3 of 3 pairs apart" in row["reason"]
    plain = scores("plain", *({0.1: 0.9, 1.0: None, 10.0: None} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: 0.9, 10.0: 0.9} for _ in range(3)))
    row = judge(plain + normed, metric="edge", probability={"at_least": 0.29})
    assert (row["estimate"], row["high"], row["verdict"]) == (1, 1, "supported")


def test_a_metric_over_rates_needs_every_rate() -> None:
    rows = [row for row in PLAIN + NORMED if (row["variant"], row["seed"], row["learning_rate"]) != ("plain", 2, 0.01)]
    row = judge(rows, metric="score_regret", difference={"at_most": 0})
    assert row["n"] == 2
    assert "1 of 3 seeds left out" in row["reason"]
