import math
from pathlib import Path
from typing import Any

import pytest

from bnbench.planning.step_times import StepTimes
from bnbench.report.tables.claims import claims_table, published_table
from bnbench.report.tables.differences import differences_table
from bnbench.report.tables.rates import rates_table
from bnbench.report.tables.table import Cell, Table, drop_equal_columns
from bnbench.report.tables.variants import _duration, variants_table
from bnbench.results.results import Results
from bnbench.store import store
from support.examples import make_plan
from support.kept import Cells, compared
from support.reestimated import reestimated
from support.stored import MIXED, finished

X = "nonfinite"
CELLS: Cells = {"plain": [[0.8, 0.9, 0.85], [0.9, X, 0.5]], "batchnorm": [[0.8] * 3, [0.9] * 3]}
CLAIM = {"text": "it helps", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}}
OK_CLAIM = {"text": "it trains", "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}
PUBLISHED = {"source": "Table 1", "variant": "plain", "metric": "test_score", "value": 0.8, "note": "see there"}


def column(table: Table, name: str) -> list[Cell]:
    """The cells under a header."""
    at = list(table.header).index(name)
    assert all(len(row) == len(table.header) for row in table.rows)
    return [row[at] for row in table.rows]


def texts(table: Table, name: str) -> list[str]:
    return [cell.text for cell in column(table, name)]


def test_one_row_per_variant_and_rate(tmp_path: Path) -> None:
    table = rates_table(compared(tmp_path, CELLS))
    assert texts(table, "variant") == ["plain", "plain", "batchnorm", "batchnorm"]
    assert column(table, "rate") == [Cell("0.01", 0.01), Cell("0.1", 0.1)] * 2
    assert texts(table, "n") == ["3"] * 4
    assert texts(table, "ok") == ["3", "1", "3", "3"]
    assert texts(table, "at chance") == ["0", "1", "0", "0"]
    assert texts(table, "diverged") == ["0", "1", "0", "0"]
    assert table.sortable


def test_spreads_are_sorted_by_their_mean(tmp_path: Path) -> None:
    result = column(rates_table(compared(tmp_path, CELLS)), "validation accuracy ± SD")
    assert result[0].text == "85.0% ± 5.0"
    assert result[0].number == pytest.approx(0.85)
    # A diverged trial counts at chance.
    assert result[1].number == pytest.approx((0.9 + 0.5 + 1 / 3) / 3)


def test_shares_have_their_interval_and_are_sorted_by_the_share(tmp_path: Path) -> None:
    (result, _) = column(rates_table(compared(tmp_path, {"plain": [[0.9] * 3, [0.5] * 3]})), "P(ok), 95% interval")
    # Clopper-Pearson: the cube root of 0.025
    assert result == Cell("100% (29 to 100%)", 1.0)


def test_one_trial_has_no_spread(tmp_path: Path) -> None:
    (result,) = column(rates_table(compared(tmp_path, {"plain": [[0.9]]})), "test accuracy ± SD")
    assert result == Cell("90.0%", 0.9)


def test_further_axes_follow_the_variant(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[0.9]]}, {"plain": [[0.8]]})
    for table in (rates_table(results), variants_table(results)):
        assert list(table.header[:2]) == ["variant", "units"]
        assert column(table, "units") == [Cell("4", 4.0), Cell("5", 5.0)]


def test_words_and_booleans_of_an_axis_are_sorted_as_text(tmp_path: Path) -> None:
    place = {"plain": [[0.9]]}
    scales = rates_table(compared(tmp_path, place, place, sweep__grid={"data.scale": ["none", "unit"]}))
    assert column(scales, "scale") == [Cell("none"), Cell("unit")]
    flags = {"sweep__grid": {"data.split.stratify": [True, False]}}
    assert column(rates_table(compared(tmp_path / "b", place, place, **flags)), "stratify") == [
        Cell("True"),
        Cell("False"),
    ]


def test_one_row_per_variant_at_its_best_rate(tmp_path: Path) -> None:
    table = variants_table(compared(tmp_path, CELLS))
    assert texts(table, "variant") == ["plain", "batchnorm"]
    assert texts(table, "best rate") == ["0.01", "0.1"]
    assert texts(table, "test accuracy ± SD") == ["85.0% ± 5.0", "90.0% ± 0.0"]
    assert column(table, "every seed ok") == [Cell("0.01 to 0.01", 0.01), Cell("0.01 to 0.1", 0.1)]
    assert column(table, "trains well to") == [Cell("0.01", 0.01), Cell("0.1", 0.1)]
    assert column(table, "diverged") == [Cell("1 of 6", 1), Cell("0 of 6", 0)]
    assert "a validation accuracy of 80.0%, which plain reaches" in table.caption


def test_a_variant_that_is_not_stable_at_its_best_rate(tmp_path: Path) -> None:
    table = variants_table(compared(tmp_path, {"plain": [[0.75, 0.75], [0.99, 0.65]]}))
    assert (
        column(table, "every seed ok")
        == column(table, "trains well to")
        == [Cell("not at the best rate", missing=True)]
    )


def test_a_width_that_reaches_the_end_of_the_grid_is_a_lower_bound(tmp_path: Path) -> None:
    cells: Cells = {"plain": [[0.8], [0.9], [0.9], [0.8]], "batchnorm": [[0.8], [0.9], [0.9], [0.9]]}
    assert column(variants_table(compared(tmp_path, cells)), "stable width") == [
        Cell("1.00", 1.0),
        Cell(">= 2.00", 2.0),
    ]


def test_a_target_that_is_never_reached_is_sorted_last(tmp_path: Path) -> None:
    table = variants_table(compared(tmp_path, {"plain": [[0.9]], "batchnorm": [[0.8]]}))
    assert column(table, "epochs to target") == [Cell("1", 1.0), Cell("never", math.inf)]


def test_a_cell_without_a_number_says_why(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [["failed"]], "batchnorm": [[0.9]]})
    table = variants_table(results)
    # The baseline failed, and no step was timed.
    assert texts(table, "over baseline's") == ["not measured in pairs: run again"]
    reasons = {"epochs to target": "no target", "step": "no whole epoch"}
    assert {name: texts(table, name) for name in reasons} == {name: [why] for name, why in reasons.items()}
    assert "target" not in table.caption


def test_a_ratio_of_times_has_its_range_and_its_rounds(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    table = variants_table(results)
    # A page leaves this column out.
    assert texts(table, "over baseline's") == ["not measured in pairs: run again"] * 2
    assert "their times alone cannot be compared." in table.caption
    with store.open_for_writing(tmp_path) as opened:
        first, second = (cohort.program.key for cohort in make_plan(sweep__seeds=3).cohorts)
        rounds = ((0.1, 0.2), (0.1, 0.15), (0.1, 0.12))
        opened.add_step_times(StepTimes(first, second, 0.01, 0, 6, "processor", rounds))
    table = variants_table(Results(tmp_path))
    assert column(table, "over baseline's") == [
        Cell("baseline", missing=True), Cell("1.50 (1.20 to 2.00, 3 rounds)", pytest.approx(1.5)),
    ]  # fmt: skip
    assert "0.77 s in all" in table.caption


def test_a_variant_that_never_trains_has_no_widths(tmp_path: Path) -> None:
    table = variants_table(compared(tmp_path, {"plain": [[0.9] * 3], "batchnorm": [[X] * 3]}))
    names = ("trains well to", "every seed ok", "stable width", "LR sensitivity", "centered", "accuracy regret, points")
    for name in names:
        assert texts(table, name)[1] == "no trial ok"
    assert texts(table, "BN mode gap, points") == ["no batch norm", "diverged"]


def test_re_estimated_statistics_have_a_column_where_they_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells: Cells = {"plain": [[0.9] * 3], "batchnorm": [[0.8] * 3]}
    assert "re-estimated gap, points" not in variants_table(compared(tmp_path / "old", cells)).header
    table = variants_table(reestimated(tmp_path / "new", monkeypatch, cells, "batchnorm", -0.015))
    assert column(table, "re-estimated gap, points") == [
        Cell("no batch norm", missing=True), Cell("-1.5", pytest.approx(-0.015)),
    ]  # fmt: skip


def test_no_cell_is_empty_or_not_a_number(tmp_path: Path) -> None:
    cells: Cells = {"plain": [[0.9, None], [X, X], ["failed", "failed"]], "batchnorm": [[X, X], [0.9, 0.8], [0.5, X]]}
    never = PUBLISHED | {"metric": "epochs_to_target", "value": "never", "target": 1.0}
    published = [PUBLISHED, never, PUBLISHED | {"metric": "best_rate", "value": 0.1}, PUBLISHED | {"at": 1.0}]
    results = compared(tmp_path, cells, claims=[CLAIM, OK_CLAIM], published=published)
    made = [rates_table(results), variants_table(results), differences_table(results)]
    for table in (*made, claims_table(results), published_table(results)):
        assert table
        assert [cell.text for row in table.rows for cell in row if cell.text in {"", "nan", "inf"}] == []


def test_a_missing_interval_or_test_says_why(tmp_path: Path) -> None:
    table = differences_table(compared(tmp_path, {"plain": [[0.8]], "batchnorm": [[0.9]]}))
    assert table
    assert texts(table, "95% interval") == ["needs 3 seeds"] * 2
    # p only where there is one.
    assert not {"p", "p, Holm"} & set(table.header)
    equal = differences_table(compared(tmp_path / "equal", {"plain": [[0.8] * 3], "batchnorm": [[0.9] * 3]}))
    assert equal
    assert texts(equal, "95% interval") == ["equal at every seed"] * 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(2e-5, "20 µs"), (0.012, "12 ms"), (1.5, "1.5 s"), (1234.0, "1.23e+03 s")]
)
def test_durations_are_sorted_by_seconds(seconds: float, text: str) -> None:
    assert _duration(seconds) == Cell(text, seconds)


def test_without_trials_there_are_no_rows(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[None]]})
    assert not rates_table(results).rows
    assert not variants_table(results).rows


def test_claims_have_a_row_each_in_their_order(tmp_path: Path) -> None:
    assert claims_table(compared(tmp_path, CELLS)) is None
    table = claims_table(compared(tmp_path / "made", CELLS, claims=[CLAIM, OK_CLAIM]))
    assert table
    assert not table.sortable
    assert column(table, "verdict") == [
        Cell("open (about 10 seeds)", kind="inconclusive"),
        Cell("open (about 9 seeds)", kind="inconclusive"),
    ]
    assert texts(table, "claim") == ["it helps", "it trains"]
    assert texts(table, "metric") == ["test accuracy of batchnorm over plain", "plain trains"]
    assert texts(table, "claimed") == ["difference at least 0 points", "probability at least 50%"]
    assert texts(table, "measured") == ["+5.0 points", "100.0%"]
    # 4.30 x 0.05 / sqrt(3); Clopper-Pearson
    assert texts(table, "95% interval") == ["-7.4 to 17.4", "29.2 to 100.0%"]


def test_a_claim_with_a_rope_shows_it(tmp_path: Path) -> None:
    normed = [[0.805, 0.9, 0.86]]
    table = claims_table(
        compared(tmp_path, {"plain": [[0.8, 0.9, 0.85]], "batchnorm": normed}, claims=[CLAIM | {"rope": 0.025}])
    )
    assert table
    assert texts(table, "claimed") == ["difference at least 0 points (rope ±2.5 points)"]
    # 0.5 points, 2.92 x 0.5 / sqrt(3) wide at 90%
    assert column(table, "verdict") == [Cell("no relevant difference", kind="settled")]
    assert texts(table, "why")[0].endswith("the 90% interval lies within ±2.5 points; at rate 0.01")


def test_the_caption_says_what_remains_of_several_claims(tmp_path: Path) -> None:
    normed = [[0.9, 0.91, 0.93]]
    claims = [CLAIM, CLAIM | {"text": "it adds a point", "difference": {"at_least": 0.037}}]
    table = claims_table(compared(tmp_path, {"plain": [[0.8, 0.81, 0.82]], "batchnorm": normed}, claims=claims))
    assert table
    # 10.33 points with an SD of 0.58: p = 0.0010 and 0.0025.
    assert "(Holm 1979), 2 of 2 verdicts remain." in table.caption


def test_a_claim_without_an_interval_says_so(tmp_path: Path) -> None:
    table = claims_table(compared(tmp_path, {"plain": [[0.8]], "batchnorm": [[0.9]]}, claims=[CLAIM]))
    assert table
    assert texts(table, "95% interval") == ["none"]
    assert texts(table, "why") == ["needs 3 seeds for an interval, has 1; at rate 0.01"]


def test_published_values_are_next_to_ours(tmp_path: Path) -> None:
    assert published_table(compared(tmp_path, CELLS)) is None
    entries: list[dict[str, Any]] = [PUBLISHED, PUBLISHED | {"metric": "max_stable_rate", "value": 1, "note": ""}]
    table = published_table(compared(tmp_path / "given", CELLS, published=entries))
    assert table
    assert texts(table, "source") == ["Table 1"] * 2
    assert texts(table, "rate") == ["0.01", "all rates"]
    assert texts(table, "published") == ["80.0%", "1"]
    # One seed trains up to 0.1, two up to 0.01; 1 is the next rate.
    assert texts(table, "ours") == ["85.0%", "0.0764"]
    assert texts(table, "difference") == ["+5.0 points", "-0.924"]
    assert texts(table, "note") == ["see there", ""]


def test_marks_are_a_column_with_an_explanation(tmp_path: Path) -> None:
    marked = [CLAIM | {"basis": "said", "source": "source 002, part C"}, OK_CLAIM | {"basis": "ours"}, OK_CLAIM]
    results = compared(tmp_path, CELLS, claims=marked, published=[PUBLISHED | {"basis": "read"}, PUBLISHED])
    claims, published = claims_table(results), published_table(results)
    assert claims
    assert published
    assert texts(claims, "basis") == ["said (source 002, part C)", "ours", ""]
    assert texts(published, "basis") == ["read", ""]
    for table in (claims, published):
        assert "read off a picture" in table.caption
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_without_marks_there_is_no_such_column(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS, claims=[CLAIM], published=[PUBLISHED])
    for table in (claims_table(results), published_table(results)):
        assert table
        assert "basis" not in table.header
        assert "asis" not in table.caption


def test_a_value_after_an_epoch_names_it(tmp_path: Path) -> None:
    after = {"metric": "train_loss", "epoch": 1}
    claim = {"text": "x", "of": "plain", "value": {"at_most": 1}} | after
    results = compared(tmp_path, CELLS, claims=[claim], published=[PUBLISHED | after])
    claims, published = claims_table(results), published_table(results)
    assert claims
    assert published
    assert texts(claims, "metric") == ["train loss after epoch 1 of plain"]
    # `keep` gives each trial a training loss of 0.5.
    assert (texts(published, "metric"), texts(published, "ours")) == (["train loss after epoch 1"], ["0.5"])


def test_values_of_learning_curves(tmp_path: Path) -> None:
    table = variants_table(Results(finished(tmp_path, MIXED)))
    assert texts(table, "epochs to target") == ["3", "3"]
    assert texts(table, "overfitting onset") == ["3", "3"]


def test_columns_that_are_equal_in_every_row_are_in_the_caption() -> None:
    rows = [[Cell("plain"), Cell(units), Cell("5"), Cell(score)] for units, score in (("4", "90.0%"), ("5", "80.0%"))]
    table = drop_equal_columns(Table("c.", ["variant", "units", "n", "score"], rows), 2)
    assert list(table.header) == ["variant", "units", "score"]
    assert [len(row) for row in table.rows] == [3, 3]
    assert table.caption == "c. The same in every row: n: 5."
    one = Table("c.", ["variant", "n"], [[Cell("plain"), Cell("5")]])
    assert drop_equal_columns(one, 1) == one


def test_a_variant_that_no_axis_changes_has_one_row(tmp_path: Path) -> None:
    place: Cells = {"plain": [[0.9]], "batchnorm": [[0.8]]}
    momentum = {"norm": {"batch": {"momentum": "$momentum"}}}
    changes = {
        "variants": {"plain": {"norm": "none"}, "batchnorm": momentum},
        "model__params": {"units": 4, "momentum": 0.9},
        "sweep__grid": {"model.params.momentum": [0.5, 0.9]},
    }
    table = variants_table(compared(tmp_path, place, place, **changes))
    assert [[row[0].text, row[1].text] for row in table.rows] == [
        ["plain", "all"],
        ["batchnorm", "0.5"],
        ["batchnorm", "0.9"],
    ]
