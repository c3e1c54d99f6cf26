from pathlib import Path

import pytest

from bnbench.commands.show import select_trials
from bnbench.errors import BnbenchError
from bnbench.results.results import Results
from support.kept import keep


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Eight trials: plain at rates 0.01 and 0.1, then batchnorm, two seeds each."""
    folder: Path = tmp_path_factory.mktemp("results") / "tiny"
    return Results(keep(folder, [0.8, 0.9, 0.95, "nonfinite", 0.85, 0.95, 0.7, 0.6]))


def test_without_conditions_all_trials_are_selected(results: Results) -> None:
    selection = select_trials(results.trials)
    assert (len(selection.rows), selection.total, selection.hint) == (8, 8, "")


def test_trials_are_selected_sorted_and_cut(results: Results) -> None:
    selection = select_trials(results.trials, ["variant=plain", "outcome=ok"], "-seed", 2)
    assert selection.rows[["learning_rate", "seed"]].to_numpy().tolist() == [[0.01, 1], [0.01, 0]]
    assert selection.total == 8
    assert set(selection.shown_columns) <= set(selection.rows.columns)
    assert len(selection.shown_columns) < len(selection.rows.columns)


def test_a_condition_that_nothing_meets_gives_a_hint(results: Results) -> None:
    selection = select_trials(results.trials, ["variant=plan"])
    assert selection.rows.empty
    assert "did you mean 'plain'?" in selection.hint


def test_an_unknown_column_is_an_error(results: Results) -> None:
    with pytest.raises(BnbenchError, match="varient"):
        select_trials(results.trials, ["varient=plain"])
