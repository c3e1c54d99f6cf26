from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D

from bnbench.report.figures import draw
from bnbench.results.results import Results
from support.stored import MIXED, finished

INF, NAN = np.inf, np.nan
LOOKS = draw.variant_looks(["plain", "batchnorm"])
PLAIN, NORMED = LOOKS["plain"], LOOKS["batchnorm"]


@pytest.fixture
def ax() -> Iterator[Axes]:
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def table(*columns: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


def lines(ax: Axes, look: draw.Look) -> list[Line2D]:
    """What was drawn as a line or marks in the colour of a variant."""
    return [line for line in ax.lines if line.get_color() == look.colour]


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def bars(ax: Axes) -> list[list[tuple[float, float]]]:
    """The ends of the upright bars, variant by variant."""
    return [
        [(float(segment[0, 1]), float(segment[1, 1])) for segment in one.get_segments()]
        for one in ax.collections
        if isinstance(one, LineCollection)
    ]


def test_a_figure_draws_the_numbers_of_the_table(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    draw.score_against_rate(ax, results.summary, results.scored_trials, "validation_score", LOOKS)
    means = [line.get_ydata().tolist() for line in ax.lines if line.get_linestyle() != "None"]
    chance = 1 / 3
    assert means[0] == pytest.approx([0.85, (0.7 + chance) / 2])
    assert means[1] == pytest.approx([0.925, chance])
    crosses = [c for c in ax.collections if list(c.get_sizes()) == [draw.CROSS]]
    assert sum(len(c.get_offsets()) for c in crosses) == 3
    assert all(y == pytest.approx(chance) for c in crosses for _, y in c.get_offsets())
    assert ax.get_xscale() == "log"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "validation accuracy")


def test_a_variant_looks_the_same_everywhere_and_unlike_the_others() -> None:
    looks = draw.variant_looks([f"v{i}" for i in range(8)])
    assert len({to_rgba(look.colour) for look in looks.values()}) == 8
    assert len({look.marker for look in looks.values()}) == 8
    assert draw.variant_looks(["v0", "v1"])["v1"].colour == looks["v1"].colour


def test_a_shift_tells_variants_apart_that_lie_at_the_same_rate() -> None:
    assert (PLAIN.shift, NORMED.shift) == (-draw.DODGE / 2, draw.DODGE / 2)
    assert draw.variant_looks(["plain"])["plain"].shift == 0


def test_shares_have_bars_as_wide_as_their_wilson_interval(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    draw.share_ok_against_rate(ax, results.summary, LOOKS)
    (plain, *_), (normed, *_) = lines(ax, PLAIN), lines(ax, NORMED)
    assert plain.get_ydata().tolist() == [1, 0.5]
    assert normed.get_ydata().tolist() == [1, 0]
    assert plain.get_xdata() == pytest.approx(np.array([0.01, 0.1]) * 10**PLAIN.shift)
    low = 1 / (1 + 1.959964**2 / 2)  # of 2 of 2; and 1 of 2 lies in the middle
    assert bars(ax) == [
        [pytest.approx((low, 1), abs=1e-6), pytest.approx((0.0945, 0.9055), abs=1e-4)],
        [pytest.approx((low, 1), abs=1e-6), pytest.approx((0, 1 - low), abs=1e-6)],
    ]


def test_differences_have_bars_where_there_is_an_interval(ax: Axes) -> None:
    rows = [("batchnorm", 1.0, 0.2, NAN, NAN), ("batchnorm", 0.1, 0.1, -0.05, 0.25)]
    found = table("variant", "learning_rate", "mean", "low", "high", rows=rows)
    draw.difference_against_rate(ax, found, "validation_score", LOOKS)
    zero, (line, *_) = ax.lines[0], lines(ax, NORMED)
    assert zero.get_ydata() == [0, 0]
    assert line.get_ydata().tolist() == [0.1, 0.2]  # by rate
    assert bars(ax) == [[pytest.approx((-0.05, 0.25)), pytest.approx((0.2, 0.2))]]
    assert [ax.yaxis.get_major_formatter()(value) for value in (-0.1, 0, 0.25)] == ["-10", "0", "+25"]  # points
    assert ax.get_ylabel() == "difference in points"


def test_differences_of_a_loss_are_no_points(ax: Axes) -> None:
    found = table("variant", "learning_rate", "mean", "low", "high", rows=[("batchnorm", 1.0, 0.2, 0.1, 0.3)])
    draw.difference_against_rate(ax, found, "test_loss", LOOKS)
    assert ax.get_ylabel() == "difference"


def test_a_target_that_is_never_reached_is_a_cross_above_the_last_epoch(ax: Axes) -> None:
    rows = [("plain", 0.1, 2.0), ("plain", 1.0, INF), ("plain", 0.01, 4.0), ("batchnorm", 0.1, INF)]
    draw.time_against_rate(ax, table("variant", "learning_rate", "epochs_to_target", rows=rows), LOOKS, 10)
    line, crosses = lines(ax, PLAIN)
    assert line.get_ydata()[:2].tolist() == [4, 2]
    assert np.isnan(line.get_ydata()[2])
    assert points(crosses) == [pytest.approx((10**PLAIN.shift, 11.5))]
    assert crosses.get_marker() == "x"
    (_, crosses) = lines(ax, NORMED)
    assert points(crosses) == [pytest.approx((0.1 * 10**NORMED.shift, 11.5))]
    assert ax.get_ylim() == (0, 12.5)
    assert max(ax.get_yticks()) <= 10


def test_one_rate_alone_has_a_decade_around_it(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, [0.9, 0.9, 0.8, 0.8], sweep__learning_rate=[0.01]))
    draw.share_ok_against_rate(ax, results.summary, LOOKS)
    low, high = ax.get_xlim()
    assert (low, high) == (pytest.approx(0.01 / 10**0.5, rel=0.1), pytest.approx(0.01 * 10**0.5, rel=0.1))


def test_a_heat_map_has_a_row_a_rate_and_a_column_an_epoch(ax: Axes) -> None:
    rows = [(1.0, 0, 0.1), (1.0, 1, 0.2), (0.01, 0, 0.3), (0.01, 1, 0.4), (0.1, 0, 0.5), (0.1, 1, NAN)]
    mesh = draw.heat_map(ax, table("learning_rate", "epoch", "validation_score", rows=rows), "validation_score")
    drawn = np.ma.filled(np.ma.asarray(mesh.get_array()), NAN).reshape(3, 2)
    np.testing.assert_array_equal(drawn, [[0.3, 0.4], [0.5, NAN], [0.1, 0.2]])  # the lowest rate at the bottom
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0.01", "0.1", "1"]
    assert ax.get_yticks().tolist() == [0, 1, 2]
    assert not ax.yaxis_inverted()
    assert mesh.get_clim() == (0, 1)
    assert mesh.get_coordinates()[0, :, 0].tolist() == [-0.5, 0.5, 1.5]  # each epoch in the middle of its column


def test_of_many_rates_a_heat_map_names_some(ax: Axes) -> None:
    rows = [(10.0**i, 0, 0.1) for i in range(-8, 9)]
    draw.heat_map(ax, table("learning_rate", "epoch", "validation_score", rows=rows), "validation_score")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "1e-08", "1e-05", "0.01", "10", "10000", "1e+07",
    ]  # fmt: skip


def test_the_expected_best_is_drawn_as_it_is(ax: Axes) -> None:
    rows = [("plain", 1, 0.5), ("plain", 2, 0.75), ("batchnorm", 1, 0.8), ("batchnorm", 2, 0.9)]
    draw.tuning_effort(ax, table("variant", "tried", "expected_score", rows=rows), LOOKS, "accuracy")
    assert [points(line) for line in ax.lines] == [[(1, 0.5), (2, 0.75)], [(1, 0.8), (2, 0.9)]]


STABLE = ("variant", "stable_from", "stable_to", "best_rate")


def marks(ax: Axes, look: draw.Look) -> list[tuple[Any, float]]:
    """The marks of a variant with their rates."""
    return [(line.get_marker(), float(line.get_xdata()[0])) for line in lines(ax, look)]


def test_a_range_that_ends_with_the_grid_has_an_arrow(ax: Axes) -> None:
    rows = [("plain", 0.01, 0.1, 0.1), ("batchnorm", 0.1, 10.0, 1.0)]
    draw.stable_ranges(ax, table(*STABLE, rows=rows), [0.01, 0.1, 1.0, 10.0], LOOKS)
    assert marks(ax, PLAIN) == [("<", 0.01), ("|", 0.1), (PLAIN.marker, 0.1)]
    assert marks(ax, NORMED) == [("|", 0.1), (">", 10), (NORMED.marker, 1)]
    drawn = [one.get_segments()[0][:, 0].tolist() for one in ax.collections]
    assert drawn == [[0.01, 0.1], [0.1, 10]]
    assert [text.get_text() for text in ax.texts] == ["plain", "batchnorm"]
    low, high = ax.get_ylim()
    assert low > high  # the first variant above


def test_a_range_of_one_rate_is_a_bar_of_no_length(ax: Axes) -> None:
    draw.stable_ranges(ax, table(*STABLE, rows=[("plain", 0.1, 0.1, 0.1)]), [0.1], LOOKS)
    assert marks(ax, PLAIN) == [("<", 0.1), (">", 0.1), (PLAIN.marker, 0.1)]


def test_what_is_not_stable_at_its_best_rate_has_a_cross_there(ax: Axes) -> None:
    draw.stable_ranges(ax, table(*STABLE, rows=[("plain", NAN, NAN, 0.1)]), [0.01, 0.1], LOOKS)
    assert marks(ax, PLAIN) == [("x", 0.1)]
    assert not ax.collections


HISTORY = ("variant", "trial", "epoch", "step", "train_loss", "diverged_at_step")


def test_a_course_is_a_line_with_a_cross_where_it_diverged(ax: Axes) -> None:
    rows = [("plain", "a", 0, 0, NAN, 15), ("plain", "a", 1, 10, 2.0, 15), ("plain", "a", 2, 20, 8.0, 15)]
    draw.score_against_epoch(ax, table(*HISTORY, rows=rows), "train_loss", LOOKS)
    line, cross = lines(ax, PLAIN)
    assert points(line) == [(1, 2), (2, 8)]  # the untrained model has no training loss
    assert points(cross) == [(1.5, 2)]  # on the last figure before it


def test_what_diverged_before_its_first_figure_has_a_cross_at_the_upper_edge(ax: Axes) -> None:
    draw.score_against_epoch(ax, table(*HISTORY, rows=[("plain", "a", 0, 0, NAN, 2)]), "train_loss", LOOKS)
    (_, cross) = lines(ax, PLAIN)
    assert points(cross) == [(0, 0.95)]
    assert cross.get_transform() == ax.get_xaxis_transform()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "0.01"), (1e-4, "0.0001"), (1000.0, "1000"), (1e-5, "10⁻⁵"), (1e6, "10⁶"), (0.0, "0")],
)
def test_ticks_are_short(value: float, text: str) -> None:
    assert draw._plain(value) == text


def test_rates_have_three_digits() -> None:
    assert [draw.rate_label(rate) for rate in (0.00316227766, 1000.0, 0.1)] == ["0.00316", "1000", "0.1"]
