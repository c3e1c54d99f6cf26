import math

import numpy as np
import pytest

from bnbench.analysis.cells import Cells
from bnbench.analysis.variant_tables import variant_table
from bnbench.analysis.width_bands import WidthBands, width_bands
from support.tables import scores, trials

GRID = (0.01, 0.1, 1.0, 10.0, 100.0)


def bands(*by_seed: tuple[float, ...]) -> WidthBands:
    (cell,) = Cells(trials(*scores("plain", *(dict(zip(GRID, one, strict=True)) for one in by_seed))))
    return width_bands(cell.curve_values, cell.values("seed"))


def test_rates_that_are_equally_good_at_every_seed_are_surely_within() -> None:
    found = bands(*[(0.5, 0.9, 0.9, 0.9, 0.5)] * 3)
    # From 0.1 to 10, and at most from 0.01 to 100.
    assert (found.width, found.low, found.high, found.n) == (2, 2, 4, 3)


def test_noise_widens_the_interval_to_both_sides() -> None:
    noisy = [(0.5, 0.9, 0.9 + d, 0.895 - d, 0.5) for d in (0.02, 0.0, -0.02)]
    found = bands(*noisy)
    # By seed the widths differ, by the means 10 is 0.005 below the best.
    assert found.width == 2
    assert (found.low, found.high) == (0, 4)


def test_a_grid_that_ends_leaves_it_open() -> None:
    assert bands(*[(0.9, 0.9, 0.5, 0.5, 0.5)] * 3) == WidthBands(1, 1, math.inf, 3)


def test_two_seeds_have_no_interval() -> None:
    found = bands(*[(0.5, 0.9, 0.5, 0.5, 0.5)] * 2)
    assert (found.width, found.n) == (0, 2)
    assert math.isnan(found.low)


def test_nothing_that_trains_has_no_width() -> None:
    cells = Cells(trials(*scores("plain", *[{0.1: None, 1.0: None}] * 3)))
    (row,) = variant_table(cells, "plain").to_dict("records")
    assert math.isnan(row["stable_width"])
    assert math.isnan(row["stable_width_low"])


def test_it_holds_the_true_width_of_simulated_sweeps() -> None:
    """The true curve falls by 0.006 a decade squared around 0.1: 0.01 below at 1.29 decades."""
    generator, held = np.random.default_rng(5), 0
    x = np.arange(-3, 1.01, 0.25)
    for _ in range(100):
        seeds = np.repeat(np.arange(5), len(x))
        level = generator.normal(0, 0.007, (5, 1))
        score = (0.97 - 0.006 * (x + 1) ** 2 + level + generator.normal(0, 0.007, (5, len(x)))).ravel()
        found = width_bands(np.array([np.tile(10**x, 5), score, score, 1 - score, score > 0.5]), seeds)
        held += found.low <= 2 * math.sqrt(0.01 / 0.006) <= found.high
    assert held >= 95
    assert found.low == pytest.approx(round(found.low / 0.25) * 0.25)
