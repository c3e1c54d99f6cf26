from pathlib import Path

import pytest

from bnbench.analysis.edge_by_epoch import edges_by_epoch, shown_epochs
from bnbench.planning.plan import Trial
from support.probed import trained_for


def falling(trial: Trial, epoch: int) -> float:
    """Batchnorm trains up to 1 in the first three epochs and up to 0.1 later; plain up to 0.01."""
    highest = 0.01 if trial.variant == "plain" else 1.0 if epoch <= 3 else 0.1
    return 0.9 if trial.learning_rate <= highest else 1 / 3


def late(trial: Trial, epoch: int) -> float:
    """Nothing trains before the third epoch."""
    return falling(trial, epoch) if epoch >= 3 else 0.34


def test_the_edge_falls_with_the_epochs(tmp_path: Path) -> None:
    results = trained_for(tmp_path, falling, 6)
    table = edges_by_epoch(results.trial_cells, results.full_history, results.trial_cells.places)
    assert table["epoch"].tolist() == [epoch for epoch in range(1, 7) for _ in range(2)]
    assert set(table["n"]) == {3}
    edges = {name: rows["edge"].tolist() for name, rows in table.groupby("variant")}
    # Between the last rate that trains and the first one that does not.
    assert edges["plain"] == pytest.approx([10**-1.5] * 6, rel=0.02)
    assert edges["batchnorm"] == pytest.approx([10**0.5] * 3 + [10**-0.5] * 3, rel=0.02)


def test_after_the_last_epoch_it_is_the_edge_of_the_variant(tmp_path: Path) -> None:
    results = trained_for(tmp_path, falling, 6)
    table = edges_by_epoch(results.trial_cells, results.full_history, results.trial_cells.places)
    last = table[table["epoch"] == 6].set_index("variant")
    columns = ["edge", "edge_low", "edge_high"]
    assert last[columns].to_dict() == results.variants.set_index("variant")[columns].to_dict()


def test_before_training_is_halfway_there_is_no_edge(tmp_path: Path) -> None:
    results = trained_for(tmp_path, late, 6)
    table = edges_by_epoch(results.trial_cells, results.full_history, results.trial_cells.places)
    assert sorted(set(table["epoch"])) == [3, 4, 5, 6]


def test_few_epochs_have_no_course(tmp_path: Path) -> None:
    results = trained_for(tmp_path, falling, 4)
    assert edges_by_epoch(results.trial_cells, results.full_history, results.trial_cells.places).empty


def test_at_most_twelve_epochs_are_computed() -> None:
    assert shown_epochs(5) == [1, 2, 3, 4, 5]
    found = shown_epochs(300)
    assert (len(found), found[0], found[-1]) == (12, 1, 300)
