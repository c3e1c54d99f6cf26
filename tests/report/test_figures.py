from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnbench.report.figures import panels
from bnbench.report.figures.panels import DrawnFigure
from bnbench.results.results import Results
from support.kept import Cells, compared
from support.stored import MIXED, change, finished

X = "nonfinite"
CELLS: Cells = {"plain": [[0.8, 0.9], [0.9, 0.9]], "batchnorm": [[0.8, 0.8], [0.9, 0.95]]}
ALL = ["rates", "curves", "differences", "times", "heat", "effort", "ranges"]
# What `report` ignores: a loss axis without one positive value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def drawn(results: Results) -> dict[str, DrawnFigure]:
    return {one.name: one for one in panels.draw_figures(results)}


def figure(results: Results, name: str) -> Figure:
    """One figure; those after it are not drawn."""
    return next(one.figure for one in panels.draw_figures(results) if one.name == name)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DrawnFigure]:
    """The figures of CELLS; tests only look at them."""
    return drawn(compared(tmp_path_factory.mktemp("two"), CELLS))


def panels_of(of: Figure) -> list[Axes]:
    """The axes but for a colour bar."""
    return [
        ax
        for ax in of.axes
        if not (ax.get_ylabel() == "validation accuracy" and ax.yaxis.get_label_position() == "right")
    ]


def note(of: Figure) -> str:
    """What stands below the panels."""
    (text,) = of.texts
    return text.get_text()


def test_two_variants_at_two_rates_have_every_figure(two: dict[str, DrawnFigure]) -> None:
    assert list(two) == ALL
    assert all(one.caption.endswith(".") for one in two.values())


@pytest.mark.parametrize(
    ("cells", "left_out"),
    [
        ({"plain": [[0.8], [0.9]]}, ["differences"]),
        ({"plain": [[0.9]], "batchnorm": [[0.9]]}, ["effort"]),
        ({"plain": [[None]], "batchnorm": [[None]]}, ALL),
        ({"plain": [["failed"]], "batchnorm": [["failed"]]}, ALL),
        ({"plain": [["failed"], ["failed"]], "batchnorm": [[0.8], [0.9]]}, ["differences", "times"]),
        ({"plain": [[X], [X]], "batchnorm": [[X], [X]]}, ["heat", "times"]),  # the untrained model is all there is
        ({"plain": [[0.9, None]], "batchnorm": [["failed", 0.9]]}, ["differences", "effort"]),
    ],
    ids=["one variant", "one rate", "none ended", "all failed", "no baseline", "first epoch", "no pairs"],
)
def test_a_figure_of_nothing_is_left_out(tmp_path: Path, cells: Cells, left_out: list[str]) -> None:
    assert list(drawn(compared(tmp_path, cells))) == [name for name in ALL if name not in left_out]


def test_rates_have_a_row_of_three_panels_a_value_of_the_axes(tmp_path: Path, two: dict[str, DrawnFigure]) -> None:
    assert len(panels_of(two["rates"].figure)) == 3
    found = panels_of(figure(compared(tmp_path, CELLS, CELLS), "rates"))
    assert [ax.get_title("left") for ax in found] == ["units 4", "", "", "units 5", "", ""]


def test_each_value_of_the_axes_has_its_panel(tmp_path: Path) -> None:
    found = drawn(compared(tmp_path, CELLS, CELLS, CELLS))
    assert list(found) == ["rates", "curves-1", "curves-2", "curves-3", *ALL[2:]]
    assert found["curves-2"].caption.endswith("at each learning rate, units 5.")
    for name in ("differences", "times", "effort", "ranges"):
        assert [ax.get_title() for ax in panels_of(found[name].figure)] == ["units 4", "units 5", "units 6"]
    assert [ax.get_title() for ax in panels_of(found["heat"].figure)] == [
        f"{variant}\nunits {units}" for units in (4, 5, 6) for variant in ("plain", "batchnorm")
    ]


def test_of_many_values_of_the_axes_the_first_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "MAX_PLACES", 2)
    found = drawn(compared(tmp_path, CELLS, CELLS, CELLS))
    assert list(found) == ["rates", "curves-1", "curves-2", *ALL[2:]]
    assert len(panels_of(found["rates"].figure)) == 6
    assert [ax.get_title() for ax in panels_of(found["times"].figure)] == ["units 4", "units 5"]
    assert len(panels_of(found["heat"].figure)) == 4


def test_where_the_baseline_trains_at_no_rate_there_is_no_target_and_no_panel(tmp_path: Path) -> None:
    found = figure(compared(tmp_path, CELLS, {"plain": [[0.5] * 2] * 2, "batchnorm": [[0.9] * 2] * 2}), "times")
    assert [ax.get_title() for ax in panels_of(found)] == ["units 4"]
    assert "without a panel: plain trains at no rate" in found.texts[-1].get_text().replace("\n", " ")


def test_curves_have_two_panels_a_rate(two: dict[str, DrawnFigure]) -> None:
    found = panels_of(two["curves"].figure)
    assert [ax.get_title() for ax in found] == ["rate 0.01", "rate 0.1", "", ""]
    assert [len(ax.lines) for ax in found] == [4, 4, 4, 4]  # two seeds of two variants


def test_pre_activations_have_a_panel_a_variant_at_its_best_rate(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS, CELLS)
    change(tmp_path, "UPDATE trials SET pre_activations = '[[-1, 0, 1], [-2, 0, 3]]'")
    assert list(drawn(results)) == ["rates", "curves-1", "curves-2", *ALL[2:]]  # as it was when it was opened
    found = figure(Results(tmp_path), "pre-activations")
    assert [ax.get_title() for ax in panels_of(found)] == [
        f"{variant}, rate 0.1\nunits {units}" for units in (4, 5) for variant in ("plain", "batchnorm")
    ]
    assert [line.get_ydata().tolist() for ax in panels_of(found) for line in ax.lines] == [[0, 0]] * 4
    assert len({ax.get_ylim() for ax in panels_of(found)}) == 1
    assert note(found).replace("\n", " ").endswith("seed 0, each variant at its own best rate")


def test_of_many_variants_some_pre_activations_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "COLUMNS", 1)
    compared(tmp_path, CELLS)
    change(tmp_path, "UPDATE trials SET pre_activations = '[[-1, 0, 1], [-2, 0, 3]]'")
    found = figure(Results(tmp_path), "pre-activations")
    assert len(panels_of(found)) == 1
    assert note(found).replace("\n", " ").endswith("; 1 of 2 variants")


def test_curves_of_many_rates_are_parted_into_blocks(tmp_path: Path) -> None:
    rates = [10.0**i for i in range(-5, 2)]
    found = compared(tmp_path, {"plain": [[0.9]] * 7}, sweep__learning_rate=rates)
    axes = panels_of(figure(found, "curves"))
    assert len(axes) == 14  # of four columns in four rows, two are empty
    assert [ax.get_title() for ax in axes if ax.get_title()] == [
        f"rate {rate:g}" for rate in rates
    ]  # fmt: skip


def test_of_too_many_rates_or_seeds_some_are_drawn_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panels, "MAX_RATES", 2)
    monkeypatch.setattr(panels, "MAX_SEEDS", 1)
    cells = {"plain": [[0.9, 0.8]] * 4}
    curves = figure(compared(tmp_path, cells), "curves")
    assert [ax.get_title() for ax in panels_of(curves)][:2] == ["rate 0.01", "rate 1"]
    assert [len(ax.lines) for ax in panels_of(curves)] == [1] * 4
    assert note(curves) == "a line a trial; 2 of 4 rates, 1 of 2 seeds"


def test_a_long_note_is_wrapped_to_the_width_of_its_figure() -> None:
    small = Figure(figsize=(2, 2))
    words = ["word"] * 30
    panels._note(small, " ".join(words))
    lines = note(small).split("\n")
    assert " ".join(lines).split() == words
    assert len(lines) > 1
    assert max(map(len, lines)) <= panels.LETTERS * 2


def test_every_note_keeps_within_its_figure(tmp_path: Path) -> None:
    for one in drawn(Results(finished(tmp_path, MIXED))).values():
        assert max(map(len, note(one.figure).split("\n"))) <= panels.LETTERS * one.figure.get_figwidth()


def test_the_note_says_over_how_many_seeds(tmp_path: Path, two: dict[str, DrawnFigure]) -> None:
    assert "mean over 2 seeds" in note(two["rates"].figure).replace("\n", " ")
    one = note(figure(compared(tmp_path, {"plain": [[0.9]]}), "rates"))
    assert "one seed: no spread is known" in one.replace("\n", " ")


@pytest.mark.parametrize(
    ("seeds", "told"), [(1, "mean over 1 seed; too few for an interval"), (3, "mean over 3 seeds; bar: 95% t interval")]
)
def test_the_note_tells_of_intervals_where_there_are_some(tmp_path: Path, seeds: int, told: str) -> None:
    cells = {"plain": [[0.8, 0.7, 0.75][:seeds]], "batchnorm": [[0.9, 0.85, 0.8][:seeds]]}
    assert told in note(figure(compared(tmp_path, cells), "differences")).replace("\n", " ")


def test_a_cut_loss_axis_is_told(tmp_path: Path) -> None:
    cells: Cells = {"plain": [[0.8, 0.9], [0.9, 0.9]]}
    results = compared(tmp_path, cells)
    results.summary["validation_loss_mean"] *= 1000
    cut = figure(results, "rates")
    assert "loss axes end at 10 x the initial loss" in note(cut).replace("\n", " ")
    assert panels_of(cut)[1].get_ylim()[1] == pytest.approx(11)  # of 1.1
    whole = note(figure(compared(tmp_path / "whole", cells), "rates"))
    assert "loss axes end" not in whole.replace("\n", " ")


def test_chance_is_a_dotted_line(two: dict[str, DrawnFigure]) -> None:
    accuracy = panels_of(two["rates"].figure)[0]
    (chance,) = [line for line in accuracy.lines if line.get_linestyle() == ":"]
    assert chance.get_ydata() == pytest.approx([1 / 3, 1 / 3])


def test_the_legend_names_the_variants(two: dict[str, DrawnFigure]) -> None:
    def legend(name: str) -> list[str]:
        return [text.get_text() for text in two[name].figure.legends[0].get_texts()]

    assert legend("times") == legend("effort") == legend("ranges") == ["plain", "batchnorm"]
    assert legend("differences") == ["batchnorm"]
    assert legend("curves") == ["plain", "batchnorm", "diverged here"]


def test_times_say_which_target_and_what_a_cross_means(two: dict[str, DrawnFigure]) -> None:
    found = two["times"]
    assert found.caption == "Epochs until validation accuracy reaches 0.9, against the learning rate."
    told = note(found.figure).replace("\n", " ")
    assert told.startswith("median over 2 seeds of the epoch")
    assert told.endswith("cross: half of them or more never do")


def test_two_values_of_an_axis_that_train_the_same_are_both_drawn(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "model__params": {"units": 6, "m": 0.9},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": "$m"}}}},
        "sweep__grid": {"model.params.m": [0.9, 0.99]},
    }
    results = compared(tmp_path, CELLS, CELLS, **changes)
    assert results.trials["trial"].nunique() == 12  # plain's are the same at both
    assert [ax.get_title() for ax in panels_of(figure(results, "heat"))] == [
        "plain\nm 0.9", "batchnorm\nm 0.9", "plain\nm 0.99", "batchnorm\nm 0.99",
    ]  # fmt: skip
