from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from bnbench.report.figures import layout
from bnbench.report.figures.style import variant_looks
from bnbench.results.results import Results
from support.figures import CELLS, figures_of, panels_of
from support.kept import compared
from support.stored import MIXED, finished

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_a_long_note_is_wrapped_to_the_width_of_its_figure() -> None:
    figure = Figure(figsize=(2, 2))
    words = ["word"] * 30
    layout.add_note([figure.subplots()], " ".join(words))
    lines = figure.texts[0].get_text().split("\n")
    assert " ".join(lines).split() == words
    assert len(lines) > 1
    assert max(map(len, lines)) <= layout.LETTERS_PER_INCH * 2


def test_every_note_fits_into_its_figure(tmp_path: Path) -> None:
    for drawn in figures_of(Results(finished(tmp_path, MIXED))).values():
        (note,) = drawn.figure.texts
        assert max(map(len, note.get_text().split("\n"))) <= layout.LETTERS_PER_INCH * drawn.figure.get_figwidth()


def test_the_legend_names_the_variants(tmp_path: Path) -> None:
    found = figures_of(compared(tmp_path, CELLS))

    def legend(name: str) -> list[str]:
        return [text.get_text() for text in found[name].figure.legends[0].get_texts()]

    assert legend("times") == legend("effort") == legend("ranges") == legend("curves") == ["plain", "batchnorm"]
    assert legend("differences") == ["batchnorm"]


@pytest.mark.parametrize(("length", "shown"), [(30, "v" * 30), (31, "v" * 29 + "…")])
def test_a_long_name_is_shortened_in_the_legend(length: int, shown: str) -> None:
    (handle,) = layout.variant_handles(variant_looks(["v" * length]), markers=True)
    assert handle.get_label() == shown


def test_two_settings_whose_trials_are_the_same_are_both_drawn(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "model__params": {"units": 6, "m": 0.9},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": "$m"}}}},
        "sweep__grid": {"model.params.m": [0.9, 0.99]},
    }
    results = compared(tmp_path, CELLS, CELLS, **changes)
    # The trials of plain are the same at both momenta.
    assert results.trials["trial"].nunique() == 12
    assert [ax.get_title() for ax in panels_of(figures_of(results)["heat"].figure)] == [
        "plain\nm 0.9", "batchnorm\nm 0.9", "plain\nm 0.99", "batchnorm\nm 0.99",
    ]  # fmt: skip
