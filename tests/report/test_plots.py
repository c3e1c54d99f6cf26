import inspect
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from matplotlib import colors, pyplot
from matplotlib.axes import Axes

import bnbench
from bnbench.errors import ResultsError
from bnbench.report import figures
from bnbench.report.figures.gallery import list_figures
from bnbench.report.figures.style import COLORS
from bnbench.results.results import Results
from support.figures import CELLS, MADE_UP_FIGURE
from support.kept import compared


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Each test begins without figures, and draws no windows."""
    matplotlib.use("agg")
    with pyplot.rc_context():
        pyplot.close("all")
        yield
        pyplot.close("all")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("results")
    compared(folder, CELLS)
    return bnbench.open(folder)


@pytest.fixture(scope="module")
def with_axes(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results with three values of a further axis."""
    folder = tmp_path_factory.mktemp("axes")
    compared(folder, CELLS, CELLS, CELLS)
    return bnbench.open(folder)


def test_every_figure_of_the_gallery_is_a_method(results: Results) -> None:
    names = {spec.name.replace("-", "_") for spec in list_figures()}
    assert set(dir(results.plot)) == names
    assert "rates" in names
    assert "pre_activations" in names
    for name in names:
        method = getattr(results.plot, name)
        assert method.__name__ == name
        assert "Draw the figure" in inspect.getdoc(method)
        assert list(inspect.signature(method).parameters) == ["ax"]
    assert repr(results.plot).startswith("Plots(axis, axis_heat, rates, credit, edge, curves, ")


def test_one_panel_is_an_axes_and_several_are_an_array(results: Results) -> None:
    differences, rates, heat = results.plot.differences(), results.plot.rates(), results.plot.heat()
    assert isinstance(differences, Axes)
    assert differences.get_ylabel() == "difference in points"
    assert rates.shape == (4,)
    labels = [" ".join(ax.get_ylabel().split()) for ax in rates]
    assert labels == ["validation accuracy", "the same, closer", "validation loss", "seeds that train"]
    # The color bar is not among the panels.
    assert [ax.get_title() for ax in heat] == ["plain", "batchnorm"]
    # A notebook shows the figures that pyplot knows.
    assert pyplot.get_fignums() == [1, 2, 3]
    assert pyplot.figure(2) is rates[0].figure
    # The note with n and the spread is there.
    assert "mean over 2 seeds" in rates[0].figure.texts[0].get_text()


def test_a_figure_with_a_file_for_each_setting_is_drawn_for_each(with_axes: Results) -> None:
    panels = with_axes.plot.curves()
    assert panels.shape == (3 * 4,)
    assert len({ax.figure for ax in panels}) == 3
    assert [ax.get_title() for ax in with_axes.plot.effort()] == ["units 4", "units 5", "units 6"]


def test_the_style_of_the_user_stays_and_is_not_used(results: Results) -> None:
    pyplot.style.use("dark_background")
    matplotlib.rcParams.update({"figure.dpi": 50, "font.size": 20, "grid.color": "red"})
    before = dict(matplotlib.rcParams)
    ax = results.plot.differences()
    assert dict(matplotlib.rcParams) == before
    assert ax.figure.dpi == 50
    assert colors.to_hex(ax.figure.get_facecolor()) == "#ffffff"
    # Matplotlib makes most ticks when it draws.
    ax.figure.draw_without_rendering()
    labels = [label for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()]
    assert {colors.to_hex(label.get_color()) for label in labels} == {"#000000"}
    assert {label.get_fontsize() for label in labels} == {8.0}
    assert not ax.spines["top"].get_visible()


def test_some_figures_can_be_drawn_into_axes_of_the_user(results: Results) -> None:
    pyplot.style.use("dark_background")
    figure, (left, right) = pyplot.subplots(1, 2)
    assert results.plot.differences(ax=left) is left
    assert results.plot.effort(ax=right) is right
    assert pyplot.get_fignums() == [1]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["plain", "batchnorm"]
    assert {line.get_color() for line in right.lines} == set(COLORS[:2])
    assert colors.to_hex(right.get_legend().get_texts()[0].get_color()) == "#ffffff"
    assert figure.texts == []


@pytest.mark.parametrize("name", ["rates", "curves", "heat"])
def test_figures_of_several_panels_take_no_axes(results: Results, name: str) -> None:
    _, ax = pyplot.subplots()
    with pytest.raises(ResultsError, match=f"the figure '{name}' cannot be drawn into `ax`: it has several panels"):
        getattr(results.plot, name)(ax=ax)
    assert not ax.has_data()


def test_with_further_axes_a_figure_takes_no_axes(with_axes: Results) -> None:
    _, ax = pyplot.subplots()
    with pytest.raises(ResultsError, match="a panel for each of the 3 settings of the further axes; leave `ax` out"):
        with_axes.plot.effort(ax=ax)


def test_a_figure_without_data_says_so(results: Results, tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="the figure 'pre-activations' has nothing to show"):
        results.plot.pre_activations()
    compared(tmp_path, {"plain": [[None]], "batchnorm": [[None]]})
    with pytest.raises(ResultsError, match="the figure 'rates' has nothing to show"):
        bnbench.open(tmp_path).plot.rates()


def test_an_unknown_figure_is_named_with_the_nearest_one(results: Results) -> None:
    expected = r"'curve' \(did you mean 'curves'\?\); there are axis, axis_heat, rates, credit, edge, curves, diff"
    with pytest.raises(AttributeError, match=expected):
        _ = results.plot.curve
    assert not hasattr(results.plot, "_repr_html_")


def test_a_new_file_of_a_figure_is_a_new_method(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made_up_counts.py").write_text(MADE_UP_FIGURE)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    ax = results.plot.counts()
    assert [bar.get_width() for bar in ax.patches] == [4, 4]
    assert pyplot.get_fignums() == [1]
    assert "counts" in dir(results.plot)


def test_results_opened_inside_the_package_draw_nothing(results: Results) -> None:
    inside = Results(results.folder)
    with pytest.raises(ResultsError, match=r"open the results with bnbench\.open"):
        _ = inside.plot
    assert inside._repr_html_() is None
