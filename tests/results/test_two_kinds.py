"""Results of classes and of numbers in one folder, which earlier versions could train, are never mixed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bnbench.commands.show import select_trials
from bnbench.errors import BnbenchError, ResultsError
from bnbench.report import write
from bnbench.results import compare
from bnbench.results.caveats import list_caveats
from bnbench.results.results import Results
from bnbench.store import store
from support.kept import compared
from support.stored import change


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder whose second setting has numbers: the plan says so afterwards, as no plan of today allows it."""
    folder = tmp_path / "mixed"
    results = compared(folder, {"plain": [[0.9] * 3]}, {"plain": [[0.8] * 3]})
    change(folder, "UPDATE programs SET classes = 0 WHERE key = (SELECT program FROM plan WHERE number = 4)")
    with store.open_for_writing(folder) as opened:
        checksum = store.plan_checksum(opened._db)
        opened._db.execute("UPDATE notes SET checksum = ? WHERE name = 'plan'", [checksum])
        opened._db.commit()
    return results.folder


USES: list[Callable[[Results], object]] = [
    lambda results: results.score_name,
    lambda results: results.summary,
    lambda results: results.variants,
    lambda results: results.claims,
    lambda results: results.differences(),
    lambda results: results.differences_over_all(),
    lambda results: results.tuning,
    lambda results: results.by_epoch,
    lambda results: results.scored_trials,
    list_caveats,
    lambda results: write.write_report(results.folder, ["png"]),
    lambda results: compare.compare_results(results.folder, results.folder.parent / "other", "test_score"),
]


@pytest.mark.parametrize("use", USES)
def test_no_table_holds_both(mixed: Path, use: Callable[[Results], object]) -> None:
    compared(mixed.parent / "other", {"plain": [[0.9] * 3]}, {"plain": [[0.8] * 3]})
    with pytest.raises(ResultsError, match=r"mixed: some scores are accuracy and some are R², which cannot be in one"):
        use(Results(mixed))


def test_the_trials_of_one_kind_can_be_listed(mixed: Path) -> None:
    trials = Results(mixed).trials
    with pytest.raises(BnbenchError, match=r"add --where score_name=accuracy"):
        select_trials(trials)
    with pytest.raises(BnbenchError, match=r"add --where score_name=accuracy"):
        select_trials(trials, sort="-test_score", limit=3)
    assert len(select_trials(trials, ["score_name=accuracy"], "-test_score", 2).rows) == 2
    assert len(select_trials(trials, ["score_name=accuracy"]).rows) == 3
    assert select_trials(trials, ["score_name=R²"]).rows["validation_score"].tolist() == [0.8] * 3
