"""Claims in experiments with further axes: at each of their values, or across one."""

from typing import Any

import pytest

from support.judged import AROUND_0, judge
from support.tables import FAILED, scores


def test_the_level_of_a_claim_about_several_values_is_that_of_the_last_to_be_decided() -> None:
    def at_depths(*shifts: float) -> dict[str, Any]:
        rows = [
            row
            for depth, shift in enumerate(shifts)
            for name, change in (("plain", 0.0), ("batchnorm", shift))
            for row in scores(name, *({0.1: 0.5 + (change and change + d)} for d in AROUND_0), axes=f'{{"d": {depth}}}')
        ]
        return judge(rows, metric="validation_score", difference={"at_least": 0})

    alone = [at_depths(shift)["p"] for shift in (0.02, 0.03)]
    assert at_depths(0.02, 0.03)["p"] == pytest.approx(max(alone))
    # It is refuted as soon as it is refuted at one value.
    assert at_depths(-0.02, -0.03)["p"] == pytest.approx(min(alone))


def at_axes(*places: tuple[int, float]) -> list[dict[str, object]]:
    rows = []
    for units, gain in places:
        axes = f'{{"model.params.units": {units}}}'
        rows += scores("plain", *({0.1: 0.5} for _ in range(3)), axes=axes)
        rows += scores("batchnorm", *({0.1: 0.5 + gain + off} for off in (-0.01, 0.0, 0.01)), axes=axes)
    return rows


def test_a_claim_must_hold_at_every_value_of_the_further_axes() -> None:
    values = {"metric": "validation_score", "difference": {"at_least": 0}}
    row = judge(at_axes((50, 0.1), (100, -0.1)), **values)
    assert (row["verdict"], row["estimate"]) == ("refuted", pytest.approx(-0.1))
    assert row["reason"].endswith("at units 100")
    assert judge(at_axes((50, 0.1), (100, 0.0)), **values)["verdict"] == "inconclusive"
    assert judge(at_axes((50, 0.1), (100, 0.2)), **values)["verdict"] == "supported"
    row = judge(at_axes((50, 0.1), (100, -0.1)), where={"model.params.units": 50}, **values)
    assert (row["verdict"], row["estimate"]) == ("supported", pytest.approx(0.1))
    assert (
        judge(at_axes((50, 0.1)), where={"model.params.units": 7}, **values)["reason"] == "no trial has finished there"
    )


@pytest.mark.parametrize(("gains", "shown"), [((0.2, 0.1), 0.1), ((-0.05, -0.1), -0.1), ((0.002, 0.001), 0.001)])
def test_of_equal_verdicts_the_numbers_are_those_that_speak_most_against_the_claim(
    gains: tuple[float, float], shown: float
) -> None:
    # Supported, refuted and open at both values.
    for places in (gains, gains[::-1]):
        row = judge(
            at_axes(*zip((50, 100), places, strict=True)), metric="validation_score", difference={"at_least": 0.0}
        )
        assert row["estimate"] == pytest.approx(shown)
        row = judge(
            at_axes(*zip((50, 100), places, strict=True)), metric="validation_score", difference={"at_most": 0.0}
        )
        assert row["estimate"] == pytest.approx(sum(gains) - shown)


def test_where_nothing_trains_at_one_of_the_values_its_numbers_are_shown() -> None:
    # Five seeds decide neither: 0 of 5 is 0 to 52%.
    rows = [
        row
        for units, score in ((50, 0.9), (100, 0.1))
        for row in scores("batchnorm", *({0.1: score} for _ in range(5)), axes=f'{{"model.params.units": {units}}}')
    ]
    row = judge(rows, metric="ok", probability={"at_least": 0.5})
    assert (row["verdict"], row["estimate"]) == ("inconclusive", 0.0)
    assert row["reason"].endswith("at units 100")


def test_ranges_of_a_score_across_an_axis_are_compared() -> None:
    rows = []
    # At its own best rate each
    for units, low, high in ((4, 0.3, 0.7), (5, 0.6, 0.8), (6, 0.9, 0.9)):
        axes = f'{{"model.params.units": {units}}}'
        rows += scores("plain", *({0.1: low + 0.001 * units * seed, 1.0: 0.2} for seed in range(3)), axes=axes)
        tops = (high, high, high - 0.03) if units == 4 else (high, high, high)
        normed = ({0.1: 0.2, 1.0: top + 0.001 * units * seed} for seed, top in enumerate(tops))
        rows += scores("batchnorm", *normed, axes=axes)
    values = {"metric": "validation_score", "across": "model.params.units"}
    row = judge(rows, difference={"at_most": 0}, **values)
    # The means are 0.694 and 0.906 of batchnorm, 0.304 and 0.906 of plain.
    assert row["estimate"] == pytest.approx(0.212 - 0.602)
    assert (row["n"], row["verdict"]) == (3, "supported")
    assert row["metric"] == "validation_score"
    assert row["across"] == "model.params.units"
    assert "a smaller range may only mean less noise" in row["reason"]
    row = judge(rows, value={"at_least": 0.1}, **values)
    assert (row["estimate"], row["over"], row["verdict"]) == (pytest.approx(0.212), "", "supported")
    row = judge(
        [row for row in rows if row["seed"] != 2 or "4}" not in str(row["axes"])], ratio={"at_most": 1}, **values
    )
    # A seed must have finished at every value.
    assert row["n"] == 2
    assert judge([row | FAILED for row in rows], ratio={"at_most": 1}, **values)["n"] == 0


def test_across_one_axis_a_claim_must_still_hold_at_each_value_of_the_others() -> None:
    rows = []
    for depth, spread in ((1, 0.1), (2, 0.4)):
        for units, off in ((4, 0.0), (5, 1.0)):
            axes = f'{{"model.params.units": {units}, "model.params.depth": {depth}}}'
            rows += scores("plain", *({0.1: 0.5 + (0.2 + seed / 1000) * off} for seed in range(3)), axes=axes)
            tops = (0.5 + off * (spread + seed / 100) for seed in range(3))
            rows += scores("batchnorm", *({0.1: top} for top in tops), axes=axes)
    values = {"metric": "test_score", "across": "model.params.units", "difference": {"at_most": 0}}
    row = judge(rows, **values)
    assert (row["verdict"], row["estimate"]) == ("refuted", pytest.approx(0.41 - 0.201))
    assert row["reason"].endswith("; at depth 2")
    assert judge(rows, where={"model.params.depth": 1}, **values)["estimate"] == pytest.approx(0.11 - 0.201)


def test_an_axis_of_mappings_is_found() -> None:
    rows = scores("plain", *({0.1: 0.5} for _ in range(3)), axes='{"train.optimizer": {"name": "adam"}}')
    row = judge(
        rows, metric="ok", of="plain", probability={"at_least": 0.1}, where={"train.optimizer": {"name": "adam"}}
    )
    assert row["verdict"] == "supported"
