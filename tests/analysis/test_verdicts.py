from typing import Any

import pytest

from bnbench.analysis.cells import Cells
from bnbench.analysis.variant_tables import variant_table
from bnbench.analysis.verdicts import most_telling, telling_places, verdict_table
from support.tables import scores, trials

CHANCE = {"train_loss": 2.4, "fitted_loss": 2.4}


def table(base: list[float | None], own: list[float | None]) -> dict[str, Any]:
    """Return the row of batchnorm with these scores by seed, at one rate; None: it diverged."""
    rows = [*scores("plain", *({0.1: one} for one in base)), *scores("batchnorm", *({0.1: one} for one in own))]
    (row,) = verdict_table(Cells(trials(*rows)), "plain").to_dict("records")
    return row


@pytest.mark.parametrize(
    ("own", "verdict"),
    [
        # +1, +2, +3 points: 2 ± 2.5; then +4 ± 2.5 and -4 ± 2.5
        ([0.81, 0.82, 0.83], "undecided"),
        ([0.83, 0.84, 0.85], "better"),
        ([0.77, 0.76, 0.75], "worse"),
        ([0.9, 0.9, 0.9], "same"),
        ([0.8, 0.8, 0.8], "same"),
    ],
)
def test_the_interval_decides(own: list[float | None], verdict: str) -> None:
    row = table([0.8] * 3, own)
    assert row["verdict"] == verdict
    assert row["n"] == 3
    assert row["trains"]
    assert row["baseline_trains"]


def test_without_three_pairs_nothing_is_decided() -> None:
    assert table([0.8] * 2, [0.9] * 2)["verdict"] == "few"
    row = table([0.8] * 3, [0.9])
    assert (row["verdict"], row["n"]) == ("few", 1)


def test_who_trains_is_told_apart() -> None:
    row = table([None] * 3, [0.9, 0.91, 0.92])
    assert (row["verdict"], row["trains"], row["baseline_trains"]) == ("better", True, False)
    assert table([None] * 3, [None] * 3)["verdict"] == "neither"


def test_a_baseline_without_trials_forms_no_pair() -> None:
    (row,) = verdict_table(Cells(trials(*scores("batchnorm", {0.1: 0.9}))), "plain").to_dict("records")
    assert (row["verdict"], row["n"], row["baseline_trains"]) == ("no pair", 0, False)


def place(depth: int, base: list[float | None], own: list[float | None]) -> list[dict[str, object]]:
    axes = f'{{"depth": {depth}}}'
    return [
        *scores("plain", *({0.1: one} for one in base), axes=axes),
        *scores("batchnorm", *({0.1: one} for one in own), axes=axes),
    ]


def opens_at(*rows: list[dict[str, object]]) -> dict[str, Any]:
    table = Cells(trials(*(row for part in rows for row in part)))
    return most_telling(verdict_table(table, "plain"), variant_table(table, "plain"), ["depth"])


def test_a_report_opens_at_the_largest_decided_difference_between_variants_that_train() -> None:
    equal, small = place(1, [0.8] * 3, [0.79, 0.8, 0.81]), place(2, [0.8] * 3, [0.83, 0.84, 0.85])
    large, dead = place(4, [0.5] * 3, [0.83, 0.84, 0.85]), place(8, [None] * 3, [0.83, 0.84, 0.85])
    assert opens_at(equal, small, large, dead) == {"depth": 4}
    assert opens_at(equal, dead) == {"depth": 8}
    # Nothing is decided: the highest score.
    assert opens_at(place(1, [0.5] * 3, [0.49, 0.5, 0.51]), place(2, [0.8] * 3, [0.79, 0.8, 0.81])) == {"depth": 2}


def test_settings_are_in_the_order_of_what_they_tell() -> None:
    equal, small = place(1, [0.8] * 3, [0.79, 0.8, 0.81]), place(2, [0.8] * 3, [0.83, 0.84, 0.85])
    large, dead = place(4, [0.5] * 3, [0.83, 0.84, 0.85]), place(8, [None] * 3, [0.83, 0.84, 0.85])
    table = Cells(trials(*equal, *small, *large, *dead, *place(16, [0.7] * 3, [0.69, 0.7, 0.71])))
    ranked = telling_places(verdict_table(table, "plain"), variant_table(table, "plain"), ["depth"])
    # Decided between two that train, decided, then by the highest score.
    assert [one["depth"] for one in ranked] == [4, 2, 8, 1, 16]


def test_null_is_a_value_of_an_axis() -> None:
    axes = '{"depth": null}'
    rows = [
        *scores("plain", *[{0.1: 0.8}] * 3, axes=axes),
        *scores("batchnorm", {0.1: 0.9}, {0.1: 0.91}, {0.1: 0.92}, axes=axes),
    ]
    assert verdict_table(Cells(trials(*rows)), "plain")["verdict"].tolist() == ["better"]
