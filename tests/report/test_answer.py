"""The answer of results of many shapes, read for the five questions of a new reader.

Which is better? How sure? Up to which rate does each train well, and at all? What does it cost in time? What is open?
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.step_times import TimeRatio
from bnbench.planning.step_pairs import SAME_PROGRAM
from bnbench.report.headline.answer import Answer, make_answer
from bnbench.report.headline.cost import describe_steps
from bnbench.results.results import Results
from support.examples import facts
from support.kept import Cells, compared

X = "nonfinite"
PLAIN = [[0.8] * 3, [0.9] * 3, [X] * 3]


def answer(folder: Path, *places: Cells, **changes: Any) -> Answer:
    return make_answer(compared(folder, *places, **changes))


def different(names: list[str]) -> dict[str, Any]:
    """Return variants that do not share their trials: equal variants would."""
    first, *others = names
    norms = {name: {"norm": {"batch": {"momentum": round(0.3 + i / 100, 2)}}} for i, name in enumerate(others)}
    return {first: {"norm": "none"}, **norms}


def words(found: Answer) -> str:
    return " ".join([*found.sentences, *found.open])


def column(found: Answer, name: str) -> list[str]:
    assert found.table
    return [row[list(found.table.header).index(name)].text for row in found.table.rows]


def test_a_better_variant(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": PLAIN, "batchnorm": [[0.8] * 3, [0.85] * 3, [0.93, 0.94, 0.95]]})
    # 4 ± 4.303 x 1 / sqrt(3)
    assert found.sentences[0] == (
        "batchnorm is better than plain by 4.0 points (95% interval 1.5 to 6.5, 3 paired seeds): 94.0% against 90.0% "
        "test accuracy, each at its own best rate."
    )
    assert (
        "batchnorm trains, and trains well, up to 1, the highest tried; plain trains, and trains well, up to 0.1."
        in words(found)
    )
    assert "Open: up to which rate batchnorm trains; the highest tried, 1, still does." in found.open
    assert column(found, "variant") == ["batchnorm", "plain"]
    assert column(found, "minus plain, points") == ["+4.0", "baseline"]
    assert column(found, "95% interval") == ["91.5 to 96.5%", "equal at every seed"]


def test_the_highest_rates_and_how_many_times_as_high_they_are(tmp_path: Path) -> None:
    plain = [[0.9] * 3, [0.7] * 3, [X] * 3, [X] * 3]
    normed = [[0.88, 0.9, 0.92], [0.9, 0.91, 0.92], [0.8] * 3, [X] * 3]
    found = answer(tmp_path, {"plain": plain, "batchnorm": normed})
    # At 1 all seeds train, and the mean is 11 points below the best; 0.7 is above chance, too.
    assert (
        "batchnorm trains well up to 0.1 and at all up to 1; plain trains well up to 0.01 and at all up to 0.1"
        in words(found)
    )
    # 1 / 0.1: at 1 the scores are above halfway from 10 to 91%, at 10 they are not.
    assert (
        "Where half of the trainings get halfway from chance to the best mean after 3 epochs, the rate of batchnorm is "
        "10 times that of plain (95% interval 2.3 to 44)."
    ) in found.sentences


def test_where_all_train_at_every_rate_there_is_no_ratio(tmp_path: Path) -> None:
    everywhere = [[0.88, 0.9, 0.92]] * 3
    assert "halfway" not in words(answer(tmp_path, {"plain": everywhere, "batchnorm": everywhere}))
    # Where only one of them is bounded, so is one end of the ratio.
    one_ends = {"plain": [[0.9] * 3, [X] * 3, [X] * 3], "batchnorm": everywhere}
    assert "(95% interval at least " in words(answer(tmp_path / "one", one_ends))


def test_a_difference_that_is_not_shown_says_what_it_would_take(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": PLAIN, "batchnorm": [[0.8] * 3, [0.88, 0.9, 0.95], [X] * 3]})
    assert found.sentences[0] == (
        "batchnorm is not shown to be better or worse than plain: 91.0% against 90.0% test accuracy, each at its own "
        "best rate, a difference of +1.0 points (95% interval -8.0 to 10.0, 3 paired seeds)."
    )
    # SD 3.6 points: (1.98 + 0.845)² x 13 = 104 pairs
    assert "Open: whether batchnorm is better than plain." in found.open[0]
    assert "more than 100 more seeds" in found.open[0]
    assert "more than 100 more seeds would show it with a chance of 80%" in found.open[0]


def test_where_trainings_collapse_no_number_of_seeds_is_estimated(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.5] * 5, [0.9, 0.9, 0.9, 0.9, 0.1]], "batchnorm": [[0.5] * 5, [0.91] * 5]})
    assert found.open[0] == (
        "Open: whether batchnorm is better than plain. How many seeds would show a difference is not known, because "
        "some trainings collapse."
    )
    several = {"plain": [[0.5] * 5, [0.9, 0.9, 0.9, 0.9, 0.1]], "batchnorm": [[0.5] * 5, [0.91] * 5],
               "warmup": [[0.5] * 5, [0.92] * 5]}  # fmt: skip
    named = "How many seeds would show a difference of batchnorm and warmup is not known"
    assert named in answer(tmp_path / "several", several).open[0]
    # Every pair has a training that collapsed: those of plain all did, and one of batchnorm.
    nowhere = {"plain": [[0.4] * 5], "batchnorm": [[0.9, 0.9, 0.9, 0.9, 0.1]]}
    assert "is not known, because some trainings collapse." in answer(tmp_path / "nowhere", nowhere).open[0]


def test_means_over_other_seeds_than_the_pairs_say_so(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.8, 0.82, 0.84, 0.9]], "batchnorm": [[0.9, 0.93, 0.93, None]]})
    assert found.sentences[0] == (
        "batchnorm is better than plain by 10.0 points (95% interval 7.5 to 12.5, 3 paired seeds): 92.0% against 84.0% "
        "test accuracy, each at its own best rate (means over all finished seeds: 3 of batchnorm, 4 of plain)."
    )


def test_a_worse_variant(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": PLAIN, "batchnorm": [[0.7] * 3, [0.83, 0.84, 0.85], [X] * 3]})
    assert found.sentences[0].startswith(
        "batchnorm is worse than plain by 6.0 points (95% interval 3.5 to 8.5, 3 paired seeds):"
    )


def test_nothing_trains(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[X] * 3, [0.5] * 3], "batchnorm": [[0.5] * 3, [X] * 3]})
    assert found.sentences == [
        "Nothing trains: no trial of plain or batchnorm does better than chance at any rate tried (0.01 to 0.1)."
    ]
    assert "Open: whether anything trains at a rate that was not tried" in found.open[0]
    assert column(found, "test accuracy") == ["chance", "chance"]


def test_only_one_variant_trains(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[X] * 3] * 2, "batchnorm": [[0.7] * 3, [0.88, 0.9, 0.92]]})
    assert found.sentences[0] == (
        "batchnorm trains and plain does not: plain does better than chance at no rate, batchnorm reaches a test "
        "accuracy of 90.0% (95% interval 85.0 to 95.0%) at its best rate, 0.1."
    )
    assert "plain trains at no rate, so there is no score that others could reach sooner" in words(found)


def test_one_variant(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.8] * 3, [0.88, 0.9, 0.92], [X] * 3]})
    assert found.sentences == [
        "plain reaches a test accuracy of 90.0% (95% interval 85.0 to 95.0%) at its best rate, 0.1, with 3 seeds.",
        "Highest learning rates: plain trains, and trains well, up to 0.1.",
    ]


def test_sixty_variants_are_ranked_and_get_one_sentence(tmp_path: Path) -> None:
    cells: dict[str, Any] = {"plain": [[0.8, 0.81, 0.82]]}
    cells |= {f"v{i:02}": [[0.8 + i / 500, 0.81 + i / 500, 0.825 + i / 500]] for i in range(59)}
    found = answer(tmp_path, cells, variants=different(list(cells)))
    # The differences are i / 5 points, and half a point more in one of three seeds: 0.17 + 0.2 i ± 0.72
    assert found.sentences[0].startswith(
        "Of 59 variants compared with plain, each at its own best rate, 56 are better and 3 are not shown to be either."
    )
    assert "The highest test accuracy is that of v58, 92.8% (" in found.sentences[0]
    assert column(found, "variant") == [*(f"v{i}" for i in range(58, 49, -1)), "plain"]
    assert found.table
    assert "50 further variants are in the table of variants" in found.table.caption
    assert len(words(found)) < 900


@pytest.mark.parametrize(("seeds", "pairs"), [(1, "1 paired seed"), (2, "2 paired seeds")])
def test_too_few_seeds(tmp_path: Path, seeds: int, pairs: str) -> None:
    found = answer(tmp_path, {"plain": [[0.8] * seeds], "batchnorm": [[0.9] * seeds]})
    assert found.sentences[0] == (
        f"batchnorm and plain cannot be told apart with {pairs}: 90.0% against 80.0% test accuracy, each at its own "
        "best rate, a difference of +10.0 points without an interval."
    )
    assert "3 seeds are enough for an interval" in found.open[0]
    assert column(found, "95% interval") == ["needs 3 seeds"] * 2


def test_all_equal(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.9] * 3], "batchnorm": [[0.9] * 3]})
    assert found.sentences[0] == (
        "batchnorm and plain have exactly the same score at each of 3 paired seeds: 90.0% test accuracy, each at its "
        "own best rate."
    )
    apart = answer(tmp_path / "apart", {"plain": [[0.9] * 3], "batchnorm": [[0.8] * 3]})
    assert apart.sentences[0] == (
        "batchnorm differs from plain by -10.0 points at each of 3 paired seeds, so there is no interval: 80.0% "
        "against 90.0% test accuracy, each at its own best rate."
    )
    assert "Open: all other learning rates; only 0.01 was tried." in found.open


def test_a_regression(tmp_path: Path) -> None:
    settings = {
        "of": facts(rows=75, classes=0),
        "model": {"layers": [{"dense": 4}, "norm", {"dense": 1}]},
        "train__loss": "mse",
    }
    found = answer(tmp_path, {"plain": [[0.7] * 3], "batchnorm": [[0.78, 0.8, 0.82]]}, **settings)
    assert "80.0% against 70.0% test R²" in found.sentences[0]
    assert "accuracy" not in words(found)


def test_a_trial_that_diverged_at_the_best_rate_is_named(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.5] * 3, [0.9, 0.9, X]], "batchnorm": [[0.9] * 3, [0.95] * 3]})
    assert "95.0% against 71.1% (1 of 3 diverged) test accuracy" in words(found)
    assert "plain trains not even at its best rate, 0.1, in every seed (1 of 3 fail)" in words(found)
    # (.9 + .9 + 1/3) / 3
    assert column(found, "test accuracy") == ["95.0%", "71.1%"]


@pytest.mark.parametrize("end", [None, "failed"])
def test_before_the_first_trial_has_finished(tmp_path: Path, end: str | None) -> None:
    found = answer(tmp_path, {"plain": [[end]]})
    assert (list(found.sentences), found.table) == (["No trial has finished yet."], None)


def test_an_unfinished_experiment(tmp_path: Path) -> None:
    assert answer(tmp_path / "a", {"plain": [["failed"]], "batchnorm": [[0.9]]}).sentences[0] == (
        "No trial of plain has finished, so there is nothing to compare with. At its own best rate each reaches, in "
        "test accuracy: batchnorm 90.0%."
    )
    assert answer(tmp_path / "b", {"plain": [[0.8, None]], "batchnorm": [["failed", 0.9]]}).sentences[0] == (
        "batchnorm and plain cannot be compared yet: no seed has finished at the best rates of both."
    )


def test_no_ratio_of_step_times_without_a_measurement(tmp_path: Path) -> None:
    found = answer(tmp_path, {"plain": [[0.8] * 3], "batchnorm": [[0.9] * 3]})
    assert (
        "How much longer a step takes was not measured; the same run, started again, measures it and trains nothing."
        in found.sentences
    )
    assert (
        "Median epochs to a validation accuracy of 80.0%, which every seed of plain reaches: batchnorm 1, plain 1 "
        "(each at its own best rate)."
    ) in words(found)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (SAME_PROGRAM, []),
        ("1 and 2 threads", ["How much longer a step takes is unknown: 1 and 2 threads."]),
    ],
)
def test_why_steps_were_not_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, said: list[str]
) -> None:
    monkeypatch.setattr(Results, "time_ratio", lambda *rest: TimeRatio(reason=reason))
    found = answer(tmp_path, {"plain": [[0.8] * 3], "batchnorm": [[0.9] * 3]})
    assert [sentence for sentence in found.sentences if "a step takes" in sentence] == said


def test_settings_of_timed_steps_are_in_words() -> None:
    rows = [
        {"variant": name, "model.params.kernel": '{"random_normal": {"stddev": 0.1}}', "overhead": ratio}
        | {"overhead_low": ratio, "overhead_high": ratio, "overhead_rounds": 7}
        for name, ratio in (("plain", 1.0), ("batchnorm", 1.25))
    ]
    results = SimpleNamespace(variants=pd.DataFrame(rows), axes=["model.params.kernel"])
    said = describe_steps(SimpleNamespace(results=results, baseline="plain"))  # type: ignore[arg-type]
    assert said == (
        "Time of a step, compared with plain: batchnorm (kernel random_normal stddev 0.1) 1.25 times (1.25 to 1.25 "
        "over 7 rounds)."
    )


def place(plain: list[Any], normed: list[Any]) -> Cells:
    """Return two variants at one axis value, with one learning rate that they can bear and one that they cannot."""
    return {"plain": [plain, [X] * 3], "batchnorm": [normed, normed]}


AXIS = (
    place([0.9] * 3, [0.88, 0.9, 0.92]),
    place([0.9] * 3, [0.87, 0.9, 0.93]),
    place([0.8] * 3, [0.88, 0.9, 0.92]),
    place([X] * 3, [0.85, 0.86, 0.87]),
)


def test_an_axis_of_numbers_is_a_trend(tmp_path: Path) -> None:
    found = answer(tmp_path, *AXIS)
    assert found.sentences[0] == (
        "batchnorm compared with plain, each at its own best rate: at units 4 and 5 no difference is shown: 0.0 (-5.0 "
        "to 5.0) and 0.0 points (-7.5 to 7.5); at units 6 batchnorm is better by 10.0 points (5.0 to 15.0); at units 7 "
        "only batchnorm trains (86.0%)."
    )
    assert "plain 90.0% → chance; batchnorm 90.0% → 86.0%, -4.0 points (-6.5 to -1.5)" in found.sentences[1]
    assert "plain 0.01 at units 4 to 6, none at units 7; batchnorm 0.1 at every setting" in found.sentences[2]
    assert found.open[0].startswith("Open: 2 of 4 comparisons.")
    assert column(found, "plain") == ["90.0%", "90.0%", "80.0%", "chance"]
    assert column(found, "plain trains up to") == ["0.01", "0.01", "0.01", "no rate"]


def test_on_an_axis_no_number_of_seeds_is_estimated_where_trainings_collapse(tmp_path: Path) -> None:
    collapsing = place([0.9, 0.9, 0.1], [0.91] * 3)
    found = answer(tmp_path / "one", collapsing, AXIS[2])
    assert found.open[0] == (
        "Open: 1 of 2 comparisons. How many seeds it takes where some trainings collapse is not known."
    )
    (both, *_) = answer(tmp_path / "both", collapsing, AXIS[0]).open
    assert both.startswith("Open: 2 of 2 comparisons. To show the largest of these differences without a collapse (")
    assert "(batchnorm at units 5: +0.0 points)" in both
    assert both.endswith("3 seeds. How many seeds it takes where some trainings collapse is not known.")


def test_variants_that_cross(tmp_path: Path) -> None:
    places = [
        place([0.9] * 3, [0.83, 0.84, 0.85]),
        place([0.9] * 3, [0.89, 0.9, 0.91]),
        place([0.8] * 3, [0.88, 0.9, 0.92]),
    ]
    found = answer(tmp_path, *places)
    assert "at units 4 batchnorm is worse by 6.0 points (3.5 to 8.5)" in found.sentences[0]
    assert "From units 4 to 6 the difference rises by 16.0 points (" in found.sentences[0]
    assert found.sentences[1] == "They cross between units 4 and 6: up to there plain is ahead, from there batchnorm."


def test_an_axis_of_words_has_groups(tmp_path: Path) -> None:
    places = [place([0.8] * 3, [0.88, 0.9, 0.92]), place([0.9] * 3, [0.88, 0.9, 0.92])]
    found = answer(tmp_path, *places, sweep__grid={"data.scale": ["none", "unit"]})
    assert (
        "at scale none batchnorm is better by 10.0 points (5.0 to 15.0); at scale unit no difference"
        in found.sentences[0]
    )
    assert "by scale, from the lowest to the highest: plain 80.0% (none) → 90.0% (unit)" in words(found)
    assert "the difference" not in words(found)


def test_with_two_axes_means_have_their_spread(tmp_path: Path) -> None:
    grid = {"model.params.units": [4, 5], "data.scale": ["none", "unit"]}
    found = answer(tmp_path, *AXIS, sweep__grid=grid)
    # units 5 has the larger differences: 10 points, and only batchnorm trains.
    assert (
        "at units 4 no difference is shown at any of 2 settings: 0.0 (-5.0 to 5.0) and 0.0 points" in found.sentences[0]
    )
    assert column(found, "axis") == ["units 4", "units 5", "scale none", "scale unit"]
    assert column(found, "plain") == ["90.0%", "chance to 80.0%", "80.0 to 90.0%", "chance to 90.0%"]
    assert column(found, "batchnorm") == ["90.0%", "86.0 to 90.0%", "90.0%", "86.0 to 90.0%"]
    # -2.0 points is the mean of 0.0 at scale none and -4.0 at scale unit.
    assert "-2.0 points" in words(found)
    assert "by setting -4.0 to 0.0" in words(found)


def test_null_is_a_value_of_an_axis(tmp_path: Path) -> None:
    places = [place([0.8] * 3, [0.88, 0.9, 0.92]), place([0.9] * 3, [0.88, 0.9, 0.92])]
    found = answer(tmp_path, *places, sweep__grid={"train.steps_per_epoch": [None, 2]})
    assert "at steps_per_epoch none batchnorm is better by 10.0 points" in found.sentences[0]


def test_verdicts_that_alternate_are_counted(tmp_path: Path) -> None:
    better, equal = place([0.8] * 3, [0.88, 0.9, 0.92]), place([0.9] * 3, [0.88, 0.9, 0.92])
    found = answer(tmp_path, *[better, equal] * 3)
    assert (
        "over 6 settings: batchnorm is better by 10.0 to 10.0 points at 3 and no difference is shown"
        in found.sentences[0]
    )


def test_many_variants_on_an_axis(tmp_path: Path) -> None:
    def cells(plain: float) -> Cells:
        good = [[0.88, 0.9, 0.92]]
        return {"plain": [[plain] * 3], **{f"v{i}": good for i in range(4)}, "bad": [[0.71, 0.72, 0.73]]}

    found = answer(tmp_path, cells(0.8), cells(0.9), variants=different(list(cells(0.8))))
    assert found.sentences[0] == (
        "Compared with plain, each at its own best rate, over 2 settings: better at some: v0, v1, v2 and v3; worse at "
        "every setting: bad."
    )
    assert found.table
    assert list(found.table.header) == ["variant", "units 4", "units 5"]


def test_nothing_trains_on_an_axis(tmp_path: Path) -> None:
    dead: Cells = {"plain": [[X] * 3], "batchnorm": [[X] * 3]}
    assert "Nothing trains: at no setting" in answer(tmp_path, dead, dead).sentences[0]
