import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnbench.planning.plan import Trial
from bnbench.planning.trial import Series
from bnbench.report.figures import (
    edge_over_time,
    effective_rate,
    first_steps,
    line_search,
    predictiveness,
    sharpness,
    strips,
)
from bnbench.results.results import Results
from support.figures import CELLS, figures_of, note_of, panels_of, points_of
from support.kept import compared
from support.probed import asked, probed, series, trained_for

SPREAD = ["median", "lowest", "highest", "n"]


def at(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rows with these values."""
    for column, value in wanted.items():
        table = table[table[column] == value]
    return table


def of_first_steps(trial: Trial) -> list[Series]:
    """At each of four steps: gradients of the seed plus the step, and dead units in the hidden layer."""
    steps = range(1, 5)
    layers = ["dense_0", "dense_1"] if trial.variant == "plain" else ["dense_0", "norm_0", "dense_1"]
    gradients = [series("gradient_norm", {step: 10.0 * trial.seed + step for step in steps}, name) for name in layers]
    updates = [series("update_ratio", dict.fromkeys(map(float, steps), 0.1), name) for name in layers]
    dead = series("batch_dead_share", {step: step / 4 * trial.learning_rate for step in steps}, "activation_0")
    return [asked("first_steps"), *gradients, *updates, dead]


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return probed(tmp_path_factory.mktemp("steps"), of_first_steps)


def test_no_probe_gives_no_figure(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    modules = (first_steps, sharpness, line_search, predictiveness, effective_rate, edge_over_time)
    assert all(module.FIGURE.table(results).empty for module in modules)


def test_first_steps_are_those_of_rates_around_the_edge(steps: Results) -> None:
    table = first_steps.first_steps_table(steps)
    rates = {name: sorted(set(rows["learning_rate"])) for name, rows in table.groupby("variant")}
    # The edges are at 10**-0.5 and 10**0.5.
    assert rates == {"plain": [0.01, 0.1, 1], "batchnorm": [0.1, 1, 10]}
    assert table.groupby("variant")["edge"].first().tolist() == pytest.approx([10**0.5, 10**-0.5], rel=0.02)


def test_first_steps_have_a_line_for_each_layer_with_a_kernel(steps: Results) -> None:
    table = at(first_steps.first_steps_table(steps), variant="batchnorm", learning_rate=1)
    lines = table[["name", "layer", "depth"]].drop_duplicates().values.tolist()
    assert lines == [
        ["loss", "", 0],
        ["gradient_norm", "dense_0", 1], ["gradient_norm", "dense_1", 2],
        ["update_ratio", "dense_0", 1], ["update_ratio", "dense_1", 2],
        ["batch_dead_share", "activation_0", 1],
    ]  # fmt: skip
    gradients = at(table, name="gradient_norm", layer="dense_1")
    assert gradients[["position", *SPREAD]].values.tolist() == [[i, 10 + i, i, 20 + i, 3] for i in range(1, 5)]
    assert at(table, name="loss")[["position", *SPREAD]].values.tolist() == [[i, 1, 1, 1, 3] for i in range(1, 5)]


def test_first_steps_are_a_column_for_each_variant_and_rate(steps: Results) -> None:
    figure = figures_of(steps)["first-steps"].figure
    panels = panels_of(figure)
    assert [ax.get_title() for ax in panels[:6]] == [
        "plain\nrate 0.01\n0.032 × edge", "plain\nrate 0.1\n0.32 × edge", "plain\nrate 1\n3.2 × edge",
        "batchnorm\nrate 0.1\n0.032 × edge", "batchnorm\nrate 1\n0.32 × edge", "batchnorm\nrate 10\n3.2 × edge",
    ]  # fmt: skip
    assert [panels[6 * row].get_ylabel() for row in range(4)] == [
        "loss", "gradient norm", "update / weight", "dead units",
    ]  # fmt: skip
    assert points_of(panels[6 * 3].lines[0]) == [(i, pytest.approx(i / 400)) for i in range(1, 5)]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["layer 1", "layer 2"]
    assert "median over 3 seeds" in note_of(figure)


def test_without_an_edge_the_first_steps_are_those_of_the_lowest_best_and_highest_rate(tmp_path: Path) -> None:
    results = probed(tmp_path, of_first_steps, sweep__learning_rate=[0.01, 0.1])
    table = first_steps.first_steps_table(results)
    assert sorted(set(at(table, variant="batchnorm")["learning_rate"])) == [0.01, 0.1]
    assert table["edge"].isna().all()


def test_values_after_a_divergence_are_left_out_and_marked(tmp_path: Path) -> None:
    results = probed(tmp_path, of_first_steps)
    lost = results.scored_trials["variant"] == "plain"
    results.variants.loc[results.variants["variant"] == "plain", "edge"] = 3.0
    table = at(first_steps.first_steps_table(results), variant="plain", learning_rate=10)
    assert lost.any()
    assert at(table, name="gradient_norm", layer="dense_0")["position"].tolist() == [1, 2]
    assert table["diverged"].all()
    panels = panels_of(figures_of(results)["first-steps"].figure)
    assert [line.get_marker() for line in panels[2].lines] == ["None", "x"]


def of_sharpness(trial: Trial, looks: int = 0) -> list[Series]:
    """A product of the rate plus the seed at the end; before it, ten times as much."""
    if trial.learning_rate == 10:
        return [asked("sharpness")]
    end = trial.learning_rate + trial.seed
    points = {**{float(i): 10 * end for i in range(looks + 2)}, 6.0: end}
    return [asked("sharpness"), series("sharpness_times_rate", points), series("batch_sharpness_times_rate", points)]


def test_sharpness_at_the_end_is_that_after_the_last_step(tmp_path: Path) -> None:
    table = sharpness.sharpness_table(probed(tmp_path, of_sharpness))
    assert set(table["part"]) == {"end"}
    shown = at(table, variant="plain", name="sharpness_times_rate")
    assert shown[["learning_rate", *SPREAD]].values.tolist() == [
        [rate, rate + 1, rate, rate + 2, 3] for rate in (0.01, 0.1, 1)
    ]


def test_further_looks_are_a_second_panel(tmp_path: Path) -> None:
    results = probed(tmp_path, lambda trial: of_sharpness(trial, 2))
    figure = figures_of(results)["sharpness"].figure
    assert [ax.get_xlabel() for ax in panels_of(figure)] == ["learning rate", "step"]
    looks = at(sharpness.sharpness_table(results), part="steps", variant="plain", learning_rate=1)
    assert looks[["position", "median"]].values.tolist() == [[i, 20.0] for i in range(4)] + [[6, 2.0]]


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (("sgd", {}), [2.0]),
        (("SGD", {"momentum": 0.9}), [3.8, 0.2]),
        (("sgd", {"momentum": 0.5, "nesterov": True}), [1.5]),
        (("adam", {}), []),
    ],
)
def test_the_limit_of_stability_depends_on_the_momentum(
    optimizer: tuple[str, dict[str, object]], expected: list[float]
) -> None:
    assert [limit.value for limit in sharpness.limits_of([optimizer, optimizer])] == pytest.approx(expected)
    assert sharpness.limits_of([optimizer, ("sgd", {"momentum": 0.3})]) == []


def test_the_limits_are_lines_with_their_value(tmp_path: Path) -> None:
    figure = figures_of(probed(tmp_path, of_sharpness))["sharpness"]
    assert figure.caption.endswith("Gray: 2(1 + β) = 3.8 and 2(1 − β) = 0.2.")
    texts = [text.get_text() for text in figure.figure.legends[0].get_texts()]
    assert texts == ["plain", "batchnorm", "mini-batch", "2(1 + β) = 3.8", "2(1 − β) = 0.2"]


LENGTHS = [0.01, 0.1, 1.0]


def of_line_search(trial: Trial) -> list[Series]:
    """The second of three lengths is best, and the third one worse in two of three seeds."""
    losses = [0.9, 0.5, 2.0 if trial.seed else 0.8]
    if trial.variant == "batchnorm":
        losses = [0.9, 0.8, 0.7]
    lines = [series(f"relative_loss_at_step_{step}", dict(zip(LENGTHS, losses, strict=True))) for step in (1, 4, 7)]
    worse = next((x for x, loss in zip(LENGTHS, losses, strict=True) if loss > 1), math.nan)
    best = LENGTHS[losses.index(min(losses))]
    marks = {"line_best": best, "line_first_worse": worse, "line_first_blown": math.nan}
    looks = [series(name, dict.fromkeys((1.0, 4.0, 5.0, 7.0), value)) for name, value in marks.items()]
    return [asked("line_search"), *lines, *looks]


def test_the_line_search_is_that_at_the_best_rate(tmp_path: Path) -> None:
    table = line_search.line_search_table(probed(tmp_path, of_line_search))
    assert set(table["step"]) == {1, 4, 7}
    plain = at(table, variant="plain", step=4)
    assert set(plain["learning_rate"]) == {0.01}
    assert at(plain, name="loss")[["length", *SPREAD]].values.tolist() == [
        [0.01, 0.9, 0.9, 0.9, 3], [0.1, 0.5, 0.5, 0.5, 3], [1.0, 2.0, 0.8, 2.0, 3],
    ]  # fmt: skip
    assert at(plain, name="line_first_worse")[SPREAD].values.tolist() == [[1.0, 1.0, math.inf, 3]]
    batchnorm = at(table, variant="batchnorm", step=4, name="line_first_worse")
    assert batchnorm["median"].tolist() == [math.inf]


def test_a_loss_that_is_not_finite_is_infinite_and_diverged_trials_have_none(tmp_path: Path) -> None:
    def measure(trial: Trial) -> list[Series]:
        losses = {0.01: 0.9, 0.1: math.nan} if trial.seed else {0.01: math.nan, 0.1: math.nan}
        return [asked("line_search"), *(series(f"relative_loss_at_step_{step}", losses) for step in (1, 4, 7))]

    results = probed(tmp_path, measure)
    results.variants.loc[results.variants["variant"] == "plain", "best_rate"] = 10.0
    table = at(line_search.line_search_table(results), name="loss", length=0.1)
    assert at(table, variant="batchnorm")[["step", "median", "n"]].values.tolist() == [
        [1, math.inf, 2], [4, math.inf, 2], [7, math.inf, 2],
    ]  # fmt: skip
    # Diverged at step 2.
    assert at(table, variant="plain")["step"].tolist() == [1]


def test_landmarks_that_no_length_reaches_are_not_drawn(tmp_path: Path) -> None:
    drawn = figures_of(probed(tmp_path, of_line_search))["line-search"]
    assert [ax.get_title() for ax in drawn.panels] == ["step 1", "step 4", "step 7"]
    marks = [points_of(line) for line in drawn.panels[0].lines if line.get_linestyle() == "None"]
    assert marks == [[(0.1, 0.5)], [(1.0, 1.0)], [(1.0, pytest.approx(0.7))]]
    texts = [text.get_text() for text in drawn.figure.legends[0].get_texts()]
    assert texts == ["plain", "batchnorm", "best step", "first worse"]


def of_predictiveness(trial: Trial) -> list[Series]:
    scale = 1 + trial.seed
    values = {"loss_lowest": 1.0, "loss_highest": 2.0, "gradient_change_lowest": 3.0, "gradient_change_highest": 4.0}
    values |= {"effective_smoothness": 5.0}
    return [
        asked("predictiveness"),
        *(series(name, {1.0: value * scale, 4.0: value}) for name, value in values.items()),
        *(series(f"{name}_at_distance", {1.0: 10 * value * scale, 4.0: value}) for name, value in values.items()),
    ]


def test_predictiveness_is_that_at_the_best_common_rate(tmp_path: Path) -> None:
    table = predictiveness.predictiveness_table(probed(tmp_path, of_predictiveness))
    # Plain is best at 0.01 and 0.1, batchnorm at 0.1 and 1.
    assert set(table["learning_rate"]) == {0.1}
    smooth = at(table, variant="plain", name="effective_smoothness")
    assert smooth[["position", *SPREAD]].values.tolist() == [[1, 10, 5, 15, 3], [4, 5, 5, 5, 3]]
    assert at(table, variant="plain", name="loss_highest_at_distance", position=1)["median"].tolist() == [40]


def test_predictiveness_has_a_row_for_multiples_and_one_for_distances(tmp_path: Path) -> None:
    results = probed(tmp_path, of_predictiveness)
    drawn = figures_of(results)["predictiveness"]
    assert [ax.get_title() for ax in drawn.panels] == ["", "at multiples of the rate", "", "", "at equal distances", ""]
    assert [points_of(line) for line in drawn.panels[0].lines[:2]] == [[(1, 2), (4, 1)], [(1, 4), (4, 2)]]
    assert "At learning rate 0.1" in note_of(drawn.figure)


def of_effective_rate(trial: Trial) -> list[Series]:
    """Kernel norms grow from 1 to 1 plus the rate."""
    layers = ["dense_0", "dense_1"]
    norms = [series("kernel_norm", {0.0: 1.0, 6.0: 1 + trial.learning_rate}, name) for name in layers]
    rates = [series("effective_rate", {0.0: trial.learning_rate}, "dense_0")] if trial.variant == "batchnorm" else []
    angles = [series("update_angle", {1.0: 5.0}, name) for name in layers]
    return [asked("effective_rate"), *norms, *rates, *angles]


def test_effective_rates_are_those_at_the_best_rate(tmp_path: Path) -> None:
    results = probed(tmp_path, of_effective_rate)
    table = effective_rate.effective_rate_table(results)
    assert table.groupby("variant")["learning_rate"].first().to_dict() == {"plain": 0.01, "batchnorm": 0.1}
    norms = at(table, variant="batchnorm", name="kernel_norm", layer="dense_1")
    assert norms[["depth", "position", "median"]].values.tolist() == [[2, 0, 1], [2, 6, 1.1]]
    panels = panels_of(figures_of(results)["effective-rate"].figure)
    assert [len(ax.lines) for ax in panels] == [2, 2, 0, 1, 2, 2]


def test_without_a_kernel_in_front_of_a_norm_there_is_no_row_of_effective_rates(tmp_path: Path) -> None:
    def norms(trial: Trial) -> list[Series]:
        return [one for one in of_effective_rate(trial) if one.name != "effective_rate"]

    panels = panels_of(figures_of(probed(tmp_path, norms))["effective-rate"].figure)
    assert [panels[i].get_ylabel().split()[0] for i in (0, 2)] == ["kernel", "angle"]
    assert len(panels) == 4


def test_the_edge_over_time_is_drawn_for_grids_with_enough_epochs(tmp_path: Path) -> None:
    def scores(trial: Trial, epoch: int) -> float:
        highest = 1.0 if epoch <= 3 and trial.variant == "batchnorm" else 0.1
        return 0.9 if trial.learning_rate <= highest else 1 / 3

    results = trained_for(tmp_path / "six", scores, 6)
    (ax,) = figures_of(results)["edge-over-time"].panels
    assert [points_of(line)[0] for line in ax.lines] == [(1, pytest.approx(10**-0.5, rel=0.02)),
                                                         (1, pytest.approx(10**0.5, rel=0.02))]  # fmt: skip
    assert points_of(ax.lines[1])[-1] == (6, pytest.approx(10**-0.5, rel=0.02))
    assert "edge-over-time" not in figures_of(trained_for(tmp_path / "four", scores, 4))


def test_an_edge_that_no_training_bounds_is_left_out(tmp_path: Path) -> None:
    def scores(trial: Trial, epoch: int) -> float:
        """Every training of batchnorm trains, and in the last three epochs one rate of plain does not."""
        return 1 / 3 if trial.variant == "plain" and trial.learning_rate == 10 and epoch > 3 else 0.9

    table = edge_over_time.edge_over_time_table(trained_for(tmp_path / "one", scores, 6))
    assert table[["variant", "epoch"]].values.tolist() == [["plain", epoch] for epoch in (4, 5, 6)]


def test_where_every_rate_trains_there_is_no_edge_over_time(tmp_path: Path) -> None:
    results = trained_for(tmp_path, lambda trial, epoch: 0.9, 6)
    assert edge_over_time.edge_over_time_table(results).empty


def test_a_narrow_figure_has_fewer_panels_in_a_row(tmp_path: Path) -> None:
    def both(trial: Trial) -> list[Series]:
        return [*of_first_steps(trial), *of_predictiveness(trial)]

    drawn = figures_of(probed(tmp_path, both, figures__width=3.3))
    assert {"first-steps-1", "first-steps-2"} <= set(drawn)
    assert drawn["first-steps-2"].caption.endswith("by layer, batchnorm.")
    titles = [ax.get_title() for ax in drawn["predictiveness"].panels]
    assert titles == ["at multiples of the rate", "at equal distances", "", "", "", ""]
    for name in ("first-steps-1", "predictiveness"):
        assert drawn[name].figure.get_figwidth() == pytest.approx(3.3)


def test_many_layers_have_three_entries_in_the_legend() -> None:
    rows = pd.DataFrame({"depth": range(1, 12)})
    column = strips.Column("", rows, None)  # type: ignore[arg-type]
    assert [entry.get_label() for entry in strips.depth_handles([column])] == ["layer 1", "layer 6", "layer 11"]
    assert strips.depth_color(1, 11) != strips.depth_color(11, 11)


def test_a_logarithmic_axis_leaves_out_what_is_far_away() -> None:
    values = np.concatenate([np.linspace(1, 10, 500), [1e30, 0.0, math.nan, math.inf]])
    low, high = strips.log_limits(values)
    assert 0.7 < low < 1
    assert 10 < high < 5000
    assert strips.log_limits([]) == (0.1, 10.0)
