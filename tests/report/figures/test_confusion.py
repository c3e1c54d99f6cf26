from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import confusion
from support.confused import confused
from support.figures import figures_of, note_of


def test_each_variant_has_a_panel_with_the_rows_of_each_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = figures_of(confused(tmp_path, monkeypatch))["confusion"]
    panels = drawn.figure.axes
    assert [ax.get_title() for ax in panels] == ["plain, rate 0.1, seed 1", "batchnorm, rate 0.1, seed 0"]
    assert [text.get_text() for text in panels[0].texts] == ["20", "11", "30", "40"]
    assert panels[0].images[0].get_array().tolist()[0] == pytest.approx([20 / 31, 11 / 31, 0])
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["0", "1", "2"]


def test_too_many_classes_have_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion, "MAX_CLASSES", 2)
    assert "confusion" not in figures_of(confused(tmp_path, monkeypatch))


def test_of_many_variants_some_are_drawn_and_the_note_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confusion, "MAX_PANELS", 1)
    figure = figures_of(confused(tmp_path, monkeypatch))["confusion"].figure
    assert len(figure.axes) == 1
    assert note_of(figure).endswith("1 of 2 variants.")


def test_many_classes_have_no_digits(ax: Axes) -> None:
    names = [f"class number {i}" for i in range(13)]
    rows = [(one, other, int(one == other), float(one == other)) for one in names for other in names]
    confusion.draw_matrix(ax, pd.DataFrame(rows, columns=["target", "predicted", "rows", "share"]))
    assert not ax.texts
    assert ax.get_xticklabels()[10].get_text() == "class number 10"[:13] + "…"
