from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnbench.analysis.source_curves import SourceCurves
from bnbench.config.source_figures import FIGURE_KINDS
from bnbench.planning.trial import Series
from bnbench.report.figures import sources
from bnbench.report.figures.sources import panels, predictions, score_against_rate
from bnbench.report.figures.sources.gallery import draw_source_figures, list_kinds
from bnbench.report.figures.sources.spec import DrawnSourceFigure
from bnbench.report.figures.style import COLORS
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import facts, make_plan
from support.figures import BATCHNORM, LOOKS, PLAIN, lines_of, note_of, points_of, table
from support.kept import compared
from support.stored import end, finished

NAN = np.nan
# For each of two rates, two seeds of plain; then the same of batchnorm. None diverged in its first epoch.
ENDED: list[float | None] = [0.8, 0.9, 0.7, None, 0.9, 0.95, None, None]
BLACK = panels.TRAINING_COLOR


def item(kind: str, **keys: Any) -> dict[str, Any]:
    extra = {"score-against-rate": {"metric": "test_loss"}}.get(kind, {})
    return {"source": "source 001", "description": "curves", "figure": kind} | extra | keys


def draw(folder: Path, *items: dict[str, Any], ended: list[float | None] = ENDED, **changes: Any) -> list[Any]:
    """Return the figures of made-up trials of three epochs, at the rates 0.01 and 0.1."""
    results = Results(finished(folder, ended, source_figures=list(items), **changes))
    return list(draw_source_figures(results))


def panels_of(drawn: DrawnSourceFigure) -> list[Axes]:
    return figure_of(drawn).axes


def figure_of(drawn: DrawnSourceFigure) -> Figure:
    assert drawn.figure is not None
    return drawn.figure


def legend_of(drawn: DrawnSourceFigure) -> list[str]:
    return [text.get_text() for text in figure_of(drawn).legends[0].get_texts()]


def thick(ax: Axes, color: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_color() == color and line.get_linewidth() == panels.THICK]


def thin(ax: Axes, color: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_color() == color and line.get_linewidth() == panels.THIN]


def crosses(ax: Axes) -> list[Line2D]:
    return [line for line in ax.lines if line.get_marker() == "x"]


def test_each_kind_of_a_config_has_a_module() -> None:
    assert set(list_kinds()) == set(FIGURE_KINDS)
    files = {path.stem.replace("_", "-") for path in Path(sources.__file__).parent.glob("*.py")}
    assert set(FIGURE_KINDS) <= files


def test_all_curves_are_four_lines_in_one_panel_on_linear_axes(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("all-curves", variants=["plain"], at=0.01))
    (ax,) = panels_of(drawn)
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("epoch", "loss, accuracy", "plain")
    # Training is black, validation has the color of the variant; scores have markers.
    assert [len(thick(ax, color)) for color in (BLACK, PLAIN.color)] == [2, 2]
    assert [len(thin(ax, color)) for color in (BLACK, PLAIN.color)] == [4, 4]
    loss, accuracy = thick(ax, BLACK)
    assert points_of(loss) == [(1, 1), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert (loss.get_marker(), accuracy.get_marker()) == ("", "o")
    # The mean of 0.8 and 0.9 in the last epoch.
    assert points_of(thick(ax, PLAIN.color)[1])[-1] == (3, pytest.approx(0.85))
    assert legend_of(drawn) == ["training loss", "training accuracy", "validation loss", "validation accuracy"]
    assert note_of(figure_of(drawn)) == "Rate 0.01. Thick: mean over the seeds (n = 2). Thin: each seed."
    assert drawn.caption == (
        "Ours: training and validation loss and accuracy of plain against the epoch, rate 0.01, n = 2."
    )
    assert (drawn.name, drawn.missing) == ("source-1", ())


def test_several_variants_have_a_panel_each_and_their_own_best_rates(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("all-curves"))
    assert [ax.get_title() for ax in panels_of(drawn)] == ["plain", "batchnorm"]
    assert [len(thick(ax, look.color)) for ax, look in zip(panels_of(drawn), LOOKS.values(), strict=True)] == [2, 2]
    assert legend_of(drawn)[2:] == [
        "validation loss, plain", "validation accuracy, plain",
        "validation loss, batchnorm", "validation accuracy, batchnorm",
    ]  # fmt: skip
    assert "Each variant at its own best rate: plain at 0.01, batchnorm at 0.01." in note_of(figure_of(drawn))


def test_loss_and_accuracy_have_a_panel_each(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("loss-and-accuracy", at=0.01))
    assert [ax.get_ylabel() for ax in panels_of(drawn)] == ["loss", "accuracy"] * 2
    assert [ax.get_title() for ax in panels_of(drawn)] == ["plain", "plain", "batchnorm", "batchnorm"]
    assert legend_of(drawn) == ["training", "validation, plain", "validation, batchnorm"]
    loss, accuracy = panels_of(drawn)[2:]
    assert [len(thick(loss, color)) for color in (BLACK, BATCHNORM.color, PLAIN.color)] == [1, 1, 0]
    assert points_of(thick(loss, BATCHNORM.color)[0])[0] == (1, pytest.approx(1.1))
    assert points_of(thick(accuracy, BLACK)[0])[0] == (1, 0.5)


def test_training_losses_are_together_in_the_looks_of_the_variants(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("training-loss", at=0.01))
    (ax,) = panels_of(drawn)
    assert legend_of(drawn) == ["plain", "batchnorm"]
    assert [len(thick(ax, look.color)) for look in LOOKS.values()] == [1, 1]
    assert [thick(ax, look.color)[0].get_linestyle() for look in LOOKS.values()] == ["-", "--"]
    assert ax.get_ylabel() == "training loss"


def test_accuracies_of_the_variants_are_four_curves_in_one_panel(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("accuracy-by-variant", at=0.01))
    (ax,) = panels_of(drawn)
    assert legend_of(drawn) == ["plain", "batchnorm", "training", "validation"]
    for look in LOOKS.values():
        training, validation = thick(ax, look.color)
        assert (training.get_linestyle(), validation.get_linestyle()) == ("--", "-")
        assert training.get_marker() == validation.get_marker() == look.marker
    assert ax.get_yscale() == "linear"


def test_a_diverged_trial_is_a_cross_and_counted(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("training-loss", at=0.1))
    (ax,) = panels_of(drawn)
    # One of plain, both of batchnorm: all in the first epoch.
    assert [cross.get_color() for cross in crosses(ax)] == [PLAIN.color, BATCHNORM.color, BATCHNORM.color]
    assert {tuple(points_of(cross)) for cross in crosses(ax)} == {((0.0, 0.95),)}
    # No mean of the seed that went well.
    assert [len(line.get_xdata()) for line in thick(ax, PLAIN.color)] == [0]
    assert len(thin(ax, PLAIN.color)[0].get_xdata()) == 3
    note = note_of(figure_of(drawn))
    assert "Cross: 3 of 4 trials diverged; such a curve ends there. A mean ends with the first of its curves." in note


def test_a_cross_is_at_the_end_of_its_curve(ax: Axes) -> None:
    columns = ("trial", "x", "train_loss")
    lines = table(*columns, rows=[("a", 1.0, 2.0), ("a", 2.0, 4.0)])
    curves = SourceCurves(lines, table(*columns, rows=[("a", 2.5, 4.0)]), table("x", "train_loss", rows=[]))
    panels.draw_mean_and_seeds(ax, curves, "train_loss", panels.LineLook(PLAIN.color))
    (cross,) = crosses(ax)
    assert points_of(cross) == [(2.5, 4)]
    assert points_of(lines_of(ax, PLAIN)[0]) == [(1, 2), (2, 4)]
    # A linear axis ends at three times the initial loss, and the cross stays in sight.
    assert panels.limit_linear_losses([ax], initial_loss=1.0)
    assert ax.get_ylim() == (pytest.approx(-0.12), 3)
    assert points_of(cross) == [(2.5, pytest.approx(2.88))]
    assert not panels.limit_linear_losses([ax], initial_loss=2.0)


def test_with_the_whole_training_part_in_a_batch_the_axis_counts_steps(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("training-loss", at=0.01), train__batch_size="full")
    (ax,) = panels_of(drawn)
    assert ax.get_xlabel() == "step"
    assert points_of(thick(ax, PLAIN.color)[0]) == [(6, 1), (12, 0.5), (18, pytest.approx(1 / 3))]
    assert "against the step" in drawn.caption


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("training-loss", at=0.01), ended=[0.8, 0.9, 0.8, 0.9], sweep__seeds=1)
    assert note_of(figure_of(drawn)) == "Rate 0.01. One seed, so no spread is known."
    assert drawn.caption.endswith("n = 1.")


def test_a_metric_is_drawn_against_a_logarithmic_rate(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("score-against-rate", metric="test_score"))
    (ax,) = panels_of(drawn)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "test accuracy")
    (mean,) = thick(ax, PLAIN.color)
    # The diverged trial counts at chance, a third.
    assert mean.get_ydata() == pytest.approx([0.85, (0.7 + 1 / 3) / 2])
    assert [list(line.get_ydata()) for line in thin(ax, PLAIN.color)] == [[0.8, 0.7], [0.9, pytest.approx(1 / 3)]]
    note = note_of(figure_of(drawn))
    assert "(n = 2). Thin: each seed. Cross: a diverged trial (3 of 8), which counts as chance." in note
    assert drawn.caption == "Ours: test accuracy of plain, batchnorm against the learning rate, n = 2."


def test_a_mean_of_diverged_trials_alone_has_no_marker(tmp_path: Path) -> None:
    (drawn,) = draw(tmp_path, item("score-against-rate"))
    (ax,) = panels_of(drawn)
    marked = {
        look.color: [line for line in lines_of(ax, look) if line.get_marker() == look.marker]
        for look in (PLAIN, BATCHNORM)
    }
    assert [[len(line.get_xdata()) for line in marked[look.color]] for look in (PLAIN, BATCHNORM)] == [[2], [1]]
    assert "which counts as the initial loss" in note_of(figure_of(drawn))


def test_a_setting_has_a_panel_unless_the_entry_names_it(tmp_path: Path) -> None:
    both, one = item("training-loss", at=0.01), item("training-loss", at=0.01, where={"model.params.units": 6})
    all_of, of_six = draw(tmp_path, both, one, ended=[0.8] * 16, sweep__grid={"model.params.units": [4, 6]})
    assert [ax.get_title() for ax in panels_of(all_of)] == ["units 4", "units 6"]
    assert [ax.get_title() for ax in panels_of(of_six)] == ["units 6"]
    assert len(thin(panels_of(of_six)[0], PLAIN.color)) == 2


def test_what_is_missing_is_a_sentence(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"sweep__grid": {"model.params.units": [4, 6]}}
    place = {"where": {"model.params.units": 6}}
    items = [item("training-loss", at=0.1, **place), item("training-loss", at=0.01, variants=["batchnorm"], **place),
             item("score-against-rate", **place)]  # fmt: skip
    # The trials of 6 units are the last eight: plain at two rates, then batchnorm.
    none, only_batchnorm, against = draw(tmp_path, *items, ended=[0.8] * 10, **changes)
    assert (none.figure, none.caption) == (None, "")
    assert none.missing == ("No trial of plain, batchnorm has finished at rate 0.1 with units 6.",)
    assert only_batchnorm.missing == ("No trial of batchnorm has finished at rate 0.01 with units 6.",)
    assert against.missing == ("No trial of batchnorm has finished with units 6.",)
    assert len(thin(panels_of(against)[0], PLAIN.color)) == 2


def test_without_any_trial_there_are_sentences_only(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[None]]}, source_figures=[item(kind) for kind in FIGURE_KINDS[:5]])
    drawn = list(draw_source_figures(results))
    assert [one.figure for one in drawn] == [None] * 5
    assert {one.missing for one in drawn} == {("No trial of plain has finished.",)}


def test_a_stored_config_may_name_an_axis_that_the_results_lack(tmp_path: Path) -> None:
    folder = finished(tmp_path, ENDED, source_figures=[item("training-loss")])
    path = folder / results_dir.CONFIG
    text = path.read_text()
    assert text.count("where: {}") == 1
    path.write_text(text.replace("where: {}", "where: {model.params.depth: 3}"))
    (drawn,) = draw_source_figures(Results(folder))
    assert drawn.missing == ("No trial of plain, batchnorm has finished with depth 3.",)


NUMBERS: dict[str, Any] = {
    "model__layers": [{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}], "train__loss": "mse",
}  # fmt: skip


def of_numbers(folder: Path, ended: list[float | None], *items: dict[str, Any], known: bool = True) -> list[Any]:
    """Return figures of trials with two predicted test rows each: 0.2 and 0.3 for targets of 0.1 and 0.5."""
    plan = make_plan(facts(classes=0), source_figures=list(items), **NUMBERS)
    values = {"test_target": [0.1, 0.5], "test_prediction": [0.2, 0.3], "prediction_spread": [0.1]}
    series = tuple(
        Series(name, "", "", np.arange(len(numbers), dtype=float), np.array(numbers))
        for name, numbers in values.items()
    )
    with store.open_for_writing(folder) as opened:
        opened.set_plan(plan)
        for number, score in enumerate(ended):
            result = end(plan, number, score)
            if known and score is not None:
                result = result.__class__(**(vars(result) | {"measurements": series}))
            opened.add(result)
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return list(draw_source_figures(Results(folder)))


def test_predictions_are_points_with_those_of_the_source_as_stars(tmp_path: Path) -> None:
    (drawn,) = of_numbers(tmp_path, ENDED, item("predictions", at=0.1, points=[[0.1, 0.26], [0.7, 0.26]]))
    # Both seeds of batchnorm diverged.
    (ax,) = panels_of(drawn)
    assert ax.get_title() == "plain"
    diagonal, ours, theirs = ax.lines
    assert points_of(ours) == [(0.1, 0.2), (0.5, 0.3)]
    assert (ours.get_color(), ours.get_marker()) == (PLAIN.color, PLAIN.marker)
    assert (points_of(theirs), theirs.get_marker()) == ([(0.1, 0.26), (0.7, 0.26)], "*")
    assert diagonal.get_linestyle() == ":"
    # One range of targets, with a margin of a twentieth.
    assert ax.get_xlim() == (pytest.approx(0.07), pytest.approx(0.73))
    assert legend_of(drawn) == ["plain", "printed by the source", "prediction = target"]
    assert "A point is a test row (n = 1)" in note_of(figure_of(drawn))
    assert "3 of 4 trials diverged and are left out." in note_of(figure_of(drawn))
    assert drawn.caption.endswith("with the values that the source printed.")


def test_the_spread_of_predictions_can_be_drawn_against_the_rate(tmp_path: Path) -> None:
    (drawn,) = of_numbers(tmp_path, ENDED, item("score-against-rate", metric="prediction_spread"))
    (ax,) = panels_of(drawn)
    assert list(thin(ax, PLAIN.color)[0].get_ydata()) == [0.1, 0.1]
    assert [len(cross.get_xdata()) for cross in crosses(ax)] == [0, 0]
    assert "3 of 8 trials diverged and have no value." in note_of(figure_of(drawn))


def test_results_of_an_earlier_version_have_no_predictions(tmp_path: Path) -> None:
    items = item("predictions"), item("score-against-rate", metric="prediction_spread")
    points, spread = of_numbers(tmp_path, ENDED, *items, known=False)
    assert (points.figure, points.missing) == (None, (predictions.KIND.missing,))
    assert (spread.figure, spread.missing) == (None, (score_against_rate.KIND.missing,))


def test_all_colors_of_a_figure_are_told_apart_by_color_blind_readers(tmp_path: Path) -> None:
    for drawn in draw(tmp_path, *(item(kind) for kind in FIGURE_KINDS[:5])):
        for ax in panels_of(drawn):
            assert {line.get_color() for line in ax.lines} <= {*COLORS, BLACK}
