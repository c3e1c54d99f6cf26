from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import curves
from support.figures import CELLS, LOOKS, PLAIN, figures_of, lines_of, note_of, panels_of, points_of, table
from support.kept import compared

NAN = np.nan
HISTORY = ("variant", "trial", "epoch", "step", "train_loss", "diverged_at_step")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_table_has_the_epochs_of_each_shown_trial(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[0.8, 0.9], ["nonfinite", "failed"]]})
    shown = curves.select_trials(curves.curves_table(results))
    assert (shown.rates, shown.all_rates, shown.all_seeds) == ([0.01, 0.1], 2, 2)
    history = curves.history_of(shown.trials, results.epochs)
    # The diverged trial has the untrained model only, the failed one has no epoch.
    assert sorted(zip(history["learning_rate"], history["epoch"], strict=True)) == [
        (0.01, 0), (0.01, 0), (0.01, 1), (0.01, 1), (0.1, 0),
    ]  # fmt: skip
    assert history["diverged_at_step"].dropna().tolist() == [2]


def test_each_rate_has_two_panels(tmp_path: Path) -> None:
    panels = figures_of(compared(tmp_path, CELLS))["curves"].panels
    assert [ax.get_title() for ax in panels] == ["rate 0.01", "rate 0.1", "", ""]
    # Two seeds of two variants.
    assert [len(ax.lines) for ax in panels] == [4, 4, 4, 4]
    assert [ax.get_ylabel() for ax in panels] == ["validation accuracy", "", "train loss", ""]


def test_many_rates_are_drawn_in_blocks(tmp_path: Path) -> None:
    rates = [10.0**i for i in range(-5, 2)]
    results = compared(tmp_path, {"plain": [[0.9]] * 7}, sweep__learning_rate=rates)
    panels = panels_of(figures_of(results)["curves"].figure)
    # Two blocks of two rows; the panels that stay empty are removed.
    assert len(panels) == 14
    assert [ax.get_title() for ax in panels if ax.get_title()] == [f"rate {rate:g}" for rate in rates]


def test_of_too_many_rates_or_seeds_some_are_drawn_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "MAX_RATES", 2)
    monkeypatch.setattr(curves, "MAX_SEEDS", 1)
    figure = figures_of(compared(tmp_path, {"plain": [[0.9, 0.8]] * 4}))["curves"].figure
    assert [ax.get_title() for ax in panels_of(figure)][:2] == ["rate 0.01", "rate 1"]
    assert [len(ax.lines) for ax in panels_of(figure)] == [1] * 4
    assert "2 of 4 rates, 1 of 2 seeds" in note_of(figure)


def test_a_curve_is_a_line_with_a_cross_where_it_diverged(ax: Axes) -> None:
    rows = [("plain", "a", 0, 0, NAN, 15), ("plain", "a", 1, 10, 2.0, 15), ("plain", "a", 2, 20, 8.0, 15)]
    curves.draw_score_by_epoch(ax, table(*HISTORY, rows=rows), "train_loss", LOOKS)
    line, cross = lines_of(ax, PLAIN)
    # The untrained model has no training loss.
    # What came after the divergence is not drawn.
    assert points_of(line) == [(1, 2)]
    # At the last loss before the divergence.
    assert points_of(cross) == [(1.5, 2)]


def test_a_divergence_before_the_first_loss_is_a_cross_at_the_upper_edge(ax: Axes) -> None:
    curves.draw_score_by_epoch(ax, table(*HISTORY, rows=[("plain", "a", 0, 0, NAN, 2)]), "train_loss", LOOKS)
    (_, cross) = lines_of(ax, PLAIN)
    assert points_of(cross) == [(0, 0.95)]
    assert cross.get_transform() == ax.get_xaxis_transform()
