import json
from pathlib import Path

import pandas as pd
import pytest

from bnbench.errors import BnbenchError
from bnbench.results import query
from bnbench.results.query import Condition
from bnbench.results.results import Results
from support.kept import keep

# 0.017782794100389228, shown as 0.01778
RATE = 10**-1.75


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Seeds 0 and 1 of four variants, axis values and rates: 8 of 16 trials have finished."""
    ends = [0.8, 0.9, 0.7, "nonfinite", 0.95, 0.75, "failed", 0.85]
    changes = {"sweep__grid": {"model.params.units": [4, 6]}, "sweep__learning_rate": [RATE, 1.0]}
    return Results(keep(tmp_path_factory.mktemp("stored"), ends, **changes)).trials


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("seed=0", Condition("seed", "=", "0")),
        ("seed==0", Condition("seed", "=", "0")),
        (" learning_rate >= 0.1 ", Condition("learning_rate", ">=", "0.1")),
        ("model.params.units!=4", Condition("model.params.units", "!=", "4")),
        ("diverged_at_step=", Condition("diverged_at_step", "=", "")),
        ('data.split={"test": 0.2}', Condition("data.split", "=", '{"test": 0.2}')),
    ],
)
def test_conditions_are_parsed(text: str, wanted: Condition) -> None:
    assert query.parse_condition(text) == wanted


@pytest.mark.parametrize("text", ["learning_rate", "", "=0.1", ">=1"])
def test_a_malformed_condition_names_the_likely_reason(text: str) -> None:
    with pytest.raises(BnbenchError, match=r"quote > and <"):
        query.parse_condition(text)


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        (["variant=plain"], [0, 1, 2, 3]),
        (["variant=Plain", "seed=1"], [1, 3]),
        (["variant!=plain", "seed!=0"], [5, 7]),
        # As tables show it
        (["learning_rate=0.01778"], [0, 1, 4, 5]),
        (["learning_rate=0.017782794100389228"], [0, 1, 4, 5]),
        (["learning_rate<=0.01778"], [0, 1, 4, 5]),
        (["lr>0.01778"], [2, 3, 6, 7]),
        # A missing number is neither above nor below
        (["validation_score>=0.85"], [1, 4, 7]),
        (["validation_score<0.85"], [0, 2, 5]),
        (["outcome=ok", "units=4"], [0, 1, 2, 4, 5, 7]),
        (["model.params.units=6"], []),
        # Failed: no outcome
        (["outcome="], [6]),
        (["diverged_at_step!="], [3]),
        (["status=failed"], [6]),
    ],
)
def test_rows_that_meet_every_condition(trials: pd.DataFrame, conditions: list[str], rows: list[int]) -> None:
    assert query.select_rows(trials, [query.parse_condition(text) for text in conditions]).index.tolist() == rows


def test_rows_are_sorted_with_missing_ones_last(trials: pd.DataFrame) -> None:
    assert query.select_rows(trials, sort="validation_score").index.tolist() == [2, 5, 0, 7, 1, 4, 3, 6]
    assert query.select_rows(trials, sort="-validation_score").index.tolist() == [4, 1, 7, 0, 5, 2, 3, 6]
    assert query.select_rows(trials, sort="-seed", limit=3).index.tolist() == [
        1,
        3,
        5,
        # Equal ones stay in their order
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            "varient=plain",
            r"--where varient: no column 'varient' \(did you mean 'variant'\?\); there are trial, variant",
        ),
        ("seed=zero", "--where seed: 'zero' is not a number"),
        ("variant>=plain", "--where variant: its values are words, wanted = or !="),
        ("seed>", "--where seed: no value after >"),
    ],
)
def test_conditions_that_do_not_fit_a_column_are_refused(trials: pd.DataFrame, condition: str, message: str) -> None:
    with pytest.raises(BnbenchError, match=message):
        query.select_rows(trials, [query.parse_condition(condition)])
    with pytest.raises(BnbenchError, match=r"--sort: no column 'sed' \(did you mean 'seed'\?\)"):
        query.select_rows(trials, sort="-sed")


def test_axes_of_several_kinds_of_values_are_compared_as_words(tmp_path: Path) -> None:
    grid = {"train.batch_size": [4, "full"], "data.split": [{"test": 0.2, "validation": 0.2}]}
    trials = Results(keep(tmp_path, [0.8] * 16, sweep__grid=grid)).trials
    assert len(query.select_rows(trials, [query.parse_condition("batch_size=full")])) == 8
    assert len(query.select_rows(trials, [query.parse_condition("train.batch_size=4")])) == 8
    assert len(query.select_rows(trials, [query.parse_condition('split={"test": 0.2, "validation": 0.2}')])) == 16


def test_a_value_that_no_row_has_gives_a_hint(trials: pd.DataFrame) -> None:
    hint = query.no_match_hint(trials, [query.parse_condition("seed=0"), query.parse_condition("variant=plan")])
    assert hint == "variant is never plan (did you mean 'plain'?); it is plain, batchnorm"
    assert query.no_match_hint(trials, [query.parse_condition("seed=0")]) == ""


@pytest.mark.parametrize("former", ["validation_accuracy", "validation_r2"])
def test_former_names_of_columns_are_accepted_with_a_note(
    trials: pd.DataFrame, caplog: pytest.LogCaptureFixture, former: str
) -> None:
    rows = query.select_rows(trials, [query.parse_condition(f"{former}>=0.85")], f"-{former}")
    assert rows.index.tolist() == [4, 1, 7]
    assert caplog.messages == [
        f"--where {former}: '{former}' is now called 'validation_score'",
        f"--sort: '{former}' is now called 'validation_score'",
    ]


def test_a_terminal_shows_the_columns_that_conditions_name(trials: pd.DataFrame) -> None:
    shown = query.shown_columns(trials, [query.parse_condition("steps>3")], "-parameters")
    assert shown[:5] == ["trial", "variant", "learning_rate", "seed", "model.params.units"]
    assert shown[-2:] == ["steps", "parameters"]
    assert set(shown) <= set(trials.columns)


def test_records_are_plain_and_exact(trials: pd.DataFrame) -> None:
    rows = query.rows_as_dicts(trials)
    assert json.loads(json.dumps(rows)) == rows
    assert rows[0]["learning_rate"] == RATE
    assert (rows[0]["diverged_at_step"], rows[3]["diverged_at_step"], rows[3]["test_loss"]) == (None, 2, None)


def test_rows_are_named_as_trials_are(trials: pd.DataFrame) -> None:
    assert query.trial_names(trials)[:2] == ["plain units=4 lr=0.0177828 seed=0", "plain units=4 lr=0.0177828 seed=1"]


def test_a_rate_that_exists_is_that_rate_alone() -> None:
    trials = pd.DataFrame({"learning_rate": [0.01, 0.01000001, 0.316227766017], "score": [0.9, 0.90001, 0.5]})
    for text, rows in (
        ("learning_rate=0.01", [0]),
        ("learning_rate=0.01000001", [1]),
        ("learning_rate>0.01", [1, 2]),
        ("learning_rate=0.3162", [2]),
        ("score=0.9", [0, 1]),
    ):
        assert query.select_rows(trials, [query.parse_condition(text)], None).index.tolist() == rows, text
