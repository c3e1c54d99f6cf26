from pathlib import Path

import pytest

from bnbench.report import figures
from bnbench.report.figures import layout
from bnbench.report.figures.gallery import draw_figures, list_figures
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import facts, make_plan
from support.figures import CELLS, MADE_UP_FIGURE, figures_of, note_of, panels_of
from support.kept import Cells, compared, end

X = "nonfinite"
NAMES = ["rates", "curves", "differences", "times", "heat", "effort", "ranges"]
# The report ignores this warning, too: a loss axis without one positive value.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_two_variants_at_two_rates_have_every_figure(tmp_path: Path) -> None:
    found = figures_of(compared(tmp_path, CELLS))
    assert list(found) == NAMES
    assert all(drawn.caption.endswith(".") for drawn in found.values())


def test_each_module_of_a_figure_is_found() -> None:
    files = [path.stem for path in Path(figures.__file__).parent.glob("*.py")]
    listed = [spec.name for spec in list_figures()]
    assert {name.replace("-", "_") for name in listed} <= set(files)
    assert [name for name in listed if name in NAMES] == NAMES
    assert "pre-activations" in listed


def test_one_file_adds_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_counts.py").write_text(MADE_UP_FIGURE)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    drawn = list(draw_figures(compared(tmp_path / "results", CELLS)))
    assert [one.name for one in drawn] == ["rates", "counts", *NAMES[1:]]
    assert drawn[1].caption == "8 trials with accuracy."
    (panel,) = drawn[1].figure.axes
    assert [bar.get_width() for bar in panel.patches] == [4, 4]


@pytest.mark.parametrize(
    ("cells", "left_out"),
    [
        ({"plain": [[0.8], [0.9]]}, ["differences"]),
        ({"plain": [[0.9]], "batchnorm": [[0.9]]}, ["effort"]),
        ({"plain": [[None]], "batchnorm": [[None]]}, NAMES),
        ({"plain": [["failed"]], "batchnorm": [["failed"]]}, NAMES),
        ({"plain": [["failed"], ["failed"]], "batchnorm": [[0.8], [0.9]]}, ["differences", "times"]),
        # Only the untrained model has a score.
        ({"plain": [[X], [X]], "batchnorm": [[X], [X]]}, ["heat", "times"]),
        ({"plain": [[0.9, None]], "batchnorm": [["failed", 0.9]]}, ["differences", "effort"]),
    ],
    ids=["one variant", "one rate", "none ended", "all failed", "no baseline", "first epoch", "no pairs"],
)
def test_a_figure_without_data_is_left_out(tmp_path: Path, cells: Cells, left_out: list[str]) -> None:
    assert list(figures_of(compared(tmp_path, cells))) == [name for name in NAMES if name not in left_out]


def test_each_setting_has_a_panel(tmp_path: Path) -> None:
    found = figures_of(compared(tmp_path, CELLS, CELLS, CELLS))
    assert list(found) == ["axis", "axis-heat", "rates", "curves-1", "curves-2", "curves-3", *NAMES[2:]]
    assert found["curves-2"].caption.endswith("at each learning rate, units 5.")
    for name in ("differences", "times", "effort", "ranges"):
        assert [ax.get_title() for ax in panels_of(found[name].figure)] == ["units 4", "units 5", "units 6"]
    assert [ax.get_title() for ax in panels_of(found["heat"].figure)] == [
        f"{variant}\nunits {units}" for units in (4, 5, 6) for variant in ("plain", "batchnorm")
    ]


def test_of_many_settings_the_most_telling_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "MAX_SETTINGS", 2)
    found = figures_of(compared(tmp_path, CELLS, CELLS, CELLS))
    assert list(found) == ["axis", "axis-heat", "rates", "curves-1", "curves-2", *NAMES[2:]]
    assert len(found["rates"].panels) == 8
    assert [ax.get_title() for ax in panels_of(found["times"].figure)] == ["units 4", "units 5"]
    assert len(panels_of(found["heat"].figure)) == 4
    assert "2 seeds (the most telling 2 of 3 settings)" in note_of(found["times"].figure)


def results_of_numbers(folder: Path, variant: str) -> Results:
    """Return results of a regression whose second variant has this name."""
    plan = make_plan(
        facts(classes=0),
        model__layers=[{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}],
        variants={"plain": {"norm": "none"}, variant: {"norm": {"batch": {"momentum": 0.9}}}},
        train__loss="mean_squared_error",
    )
    with store.open_for_writing(folder) as opened:
        opened.set_plan(plan)
        for trial in plan.trials:
            opened.add(end(trial, 0.8))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return Results(folder)


def test_scores_of_numbers_are_r2_and_names_of_variants_stay(tmp_path: Path) -> None:
    found = figures_of(results_of_numbers(tmp_path, "high-accuracy"))
    assert found["curves"].caption.startswith("Validation R² and training loss")
    assert "validation R² reaches" in note_of(found["times"].figure)
    labels = {name: panels_of(found[name].figure)[0].get_ylabel() for name in ("rates", "curves", "effort")}
    assert labels == {"rates": "validation R²", "curves": "validation R²", "effort": "expected best R²"}
    assert [text.get_text() for text in found["times"].figure.legends[0].get_texts()] == ["plain", "high-accuracy"]
    assert panels_of(found["heat"].figure)[1].get_title() == "high-accuracy"
