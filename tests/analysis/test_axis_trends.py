import math

import pandas as pd
import pytest

from bnbench.analysis import axis_trends
from bnbench.analysis.cells import Cells
from support.tables import scores, trials

NAN = math.nan


def place(depth: object, units: int, *plain: float, **others: list[float]) -> list[dict[str, object]]:
    """Return trials at one setting: the validation scores of plain by seed, and those of others; test is 0.1 less."""
    axes = f'{{"depth": {depth}, "units": {units}}}'
    rows = scores("plain", *({0.1: one} for one in plain), axes=axes)
    for name, values in others.items():
        rows += scores(name, *({0.1: one} for one in values), axes=axes)
    return rows


TRIALS = trials(
    *place(1, 50, 0.8, 0.9, 1.0, batchnorm=[0.8, 0.9, 1.0]),
    *place(1, 100, 0.6, 0.7, 0.8, batchnorm=[0.6, 0.7, 0.8]),
    *place(8, 50, 0.3, 0.5, 0.7, batchnorm=[0.7, 0.9, 1.0]),
    *place(8, 100, 0.3, 0.5, 0.7, batchnorm=[0.6, 0.7, 0.9]),
)
SCORES = axis_trends.seed_scores(Cells(TRIALS))


def rows_of(table: pd.DataFrame) -> dict[tuple[object, ...], dict[str, float]]:
    keys = [name for name in table.columns if name not in ("settings", "n", *axis_trends.STATISTICS)]
    return {tuple(row[key] for key in keys): row for row in table.to_dict("records")}


def test_each_seed_has_its_score_at_the_best_rate() -> None:
    table = trials(*scores("plain", {0.1: 0.5, 1.0: 0.9}, {0.1: 0.95, 1.0: 0.6}, axes='{"depth": 1}'))
    # The mean is 0.725 at 0.1 and 0.75 at 1.
    assert axis_trends.seed_scores(Cells(table))["value"].tolist() == pytest.approx([0.8, 0.5])


def test_means_over_settings_have_their_spread_by_setting() -> None:
    found = rows_of(axis_trends.by_value(SCORES, "depth"))
    shallow = found["plain", 1]
    # Test scores are 0.7, 0.8, 0.9 and 0.5, 0.6, 0.7: by seed 0.6, 0.7, 0.8; t(2) = 4.303
    assert (shallow["settings"], shallow["n"]) == (2, 3)
    assert shallow["mean"] == pytest.approx(0.7)
    assert shallow["high"] - shallow["low"] == pytest.approx(2 * 4.303 * 0.1 / math.sqrt(3), rel=1e-3)
    assert (shallow["lowest"], shallow["highest"]) == (pytest.approx(0.6), pytest.approx(0.8))


def test_a_change_is_paired_by_seed() -> None:
    found = rows_of(axis_trends.change(SCORES, "depth", 1, 8))
    # plain: -0.5, -0.4, -0.3 at 50 units and -0.3, -0.2, -0.1 at 100
    plain = found["plain",]
    assert plain["mean"] == pytest.approx(-0.3)
    assert (plain["lowest"], plain["highest"]) == (pytest.approx(-0.4), pytest.approx(-0.2))
    # A training at 0.3 is less than halfway from chance to the best mean: no t interval, betting decides nothing.
    assert (plain["low"], plain["high"]) == (-1, pytest.approx(0.86, abs=0.01))
    # -0.1, 0, 0 at 50 units and 0, 0, 0.1 at 100: by seed -0.05, 0, 0.05
    assert found["batchnorm",]["low"] == pytest.approx(-4.303 * 0.05 / math.sqrt(3), rel=1e-3)


def test_differences_to_the_baseline_move_with_an_axis_too() -> None:
    differences = axis_trends.seed_differences(SCORES, "plain")
    assert set(differences["variant"]) == {"batchnorm"}
    found = rows_of(axis_trends.by_value(differences, "depth"))
    assert found["batchnorm", 1]["mean"] == pytest.approx(0)
    # 0.4, 0.4, 0.3 and 0.3, 0.2, 0.2
    assert found["batchnorm", 8]["mean"] == pytest.approx(0.3)
    assert found["batchnorm", 8]["lowest"] == pytest.approx(0.7 / 3)


def test_the_highest_rates_by_value_have_their_spread_by_setting() -> None:
    well = pd.DataFrame(
        [("plain", 1, 50, 0.01), ("plain", 1, 100, 1.0), ("plain", 8, 50, NAN), ("plain", 8, 100, NAN)],
        columns=["variant", "depth", "units", "trains_to"],
    )
    shallow, deep = axis_trends.edges_by_value(well, "depth").to_dict("records")
    assert (shallow["lowest"], shallow["middle"], shallow["highest"]) == (0.01, pytest.approx(0.1), 1.0)
    assert (shallow["settings"], shallow["missing"]) == (2, 0)
    assert (deep["missing"], math.isnan(deep["middle"])) == (2, True)


def test_the_leading_axis_explains_most() -> None:
    axes = ["units", "depth"]
    assert axis_trends.leading_axis(axis_trends.seed_differences(SCORES, "plain"), axes) == "depth"
    # Of axes that explain the same, the first one.
    assert axis_trends.leading_axis(SCORES.assign(value=1.0), axes) == "units"


def test_only_settings_with_both_values_count() -> None:
    table = trials(*place(1, 50, 0.8, 0.9, 0.7), *place(8, 50, 0.6, 0.7, 0.5), *place(8, 100, 0.3, 0.3, 0.3))
    (row,) = axis_trends.change(axis_trends.seed_scores(Cells(table)), "depth", 1, 8).to_dict("records")
    assert (row["settings"], row["mean"]) == (1, pytest.approx(-0.2))


def test_a_setting_that_does_not_count_is_no_collapse() -> None:
    pairs = [*place(1, 4, *[0.9] * 5), *place(1, 8, *[0.94] * 5)]
    # At depth 2 some seeds of one value have not finished, and none of the other.
    table = trials(*pairs, *place(2, 4, 0.9, 0.9, 0.9))
    (row,) = axis_trends.change(axis_trends.seed_scores(Cells(table)), "units", 4, 8).to_dict("records")
    (alone,) = axis_trends.change(axis_trends.seed_scores(Cells(trials(*pairs))), "units", 4, 8).to_dict("records")
    assert (row["settings"], row["n"], row["mean"]) == (1, 5, pytest.approx(0.04))
    assert (row["low"], row["high"]) == pytest.approx((alone["low"], alone["high"]), nan_ok=True)


def test_two_seeds_have_no_interval() -> None:
    table = axis_trends.by_value(axis_trends.seed_scores(Cells(trials(*place(1, 50, 0.8, 0.9)))), "depth")
    (row,) = table.to_dict("records")
    assert row["mean"] == pytest.approx(0.75)
    assert math.isnan(row["low"])


def test_null_is_a_value() -> None:
    table = trials(*place("null", 50, 0.8, 0.9, 0.7), *place(8, 50, 0.6, 0.7, 0.5))
    scores_of = axis_trends.seed_scores(Cells(table))
    (row,) = axis_trends.change(scores_of, "depth", NAN, 8).to_dict("records")
    assert row["mean"] == pytest.approx(-0.2)
    assert len(axis_trends.by_value(scores_of, "depth")) == 2


@pytest.mark.parametrize(
    ("values", "scale"), [([1, 2.5], True), ([True, False], False), (["a", 1], False), ([1, NAN], False)]
)
def test_numbers_are_on_a_scale_and_words_are_not(values: list[object], scale: bool) -> None:
    assert axis_trends.is_scale(values) is scale


def test_numbers_are_sorted_and_words_keep_their_order() -> None:
    assert axis_trends.axis_values(pd.DataFrame({"a": [8, 1, 8, 4]}), "a") == [1, 4, 8]
    assert axis_trends.axis_values(pd.DataFrame({"a": ["unit", "none"]}), "a") == ["unit", "none"]


def test_a_variant_with_the_same_trials_at_all_values_is_unaffected() -> None:
    rows = [
        {"trial": trial, "variant": name, "axes": f'{{"momentum": {value}}}'}
        for value in (0.5, 0.9)
        for name, trial in (("plain", "a"), ("plain", "b"), ("batchnorm", f"c{value}"))
    ]
    assert axis_trends.unaffected(trials(*rows)) == {"plain"}
    assert axis_trends.unaffected(trials(*rows[:3])) == set()
