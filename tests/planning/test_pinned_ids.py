"""Ids of trials and keys of programs never change, because stored results are found by them.

Each YAML file in tests/pinned is an experiment. tests/pinned/ids.json has what bnbench 0.1 computed for it. If a test
fails, fix the code and leave ids.json alone: with other ids, nobody's stored results would be found again. To add an
experiment, write its YAML file, run this test, and copy the lines that it prints into ids.json.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bnbench.config.load import load_config
from bnbench.data.types import DatasetInfo
from bnbench.planning.plan import make_plan
from support.fixed_versions import fix_versions

PINNED = Path(__file__).parent / "pinned"
IDS: dict[str, dict[str, dict[str, str]]] = json.loads((PINNED / "ids.json").read_text(encoding="utf-8"))
FASHION = ("Top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")
# Shape of an example, dtype, classes, rows, rows of the official test part, repeated rows: made up, no file is read.
DATA: Mapping[str, tuple[tuple[int, ...], str, tuple[str, ...], int, int, int]] = {
    "digits": ((8, 8), "uint8", tuple("0123456789"), 1_797, 0, 0),
    "mnist": ((28, 28), "uint8", tuple("0123456789"), 70_000, 10_000, 0),
    "fashion_mnist": ((28, 28), "uint8", FASHION, 70_000, 10_000, 5),
    "notmnist": ((28, 28), "uint8", tuple("ABCDEFGHIJ"), 18_724, 0, 265),
    "cifar10": ((32, 32, 3), "uint8", tuple("abcdefghij"), 60_000, 10_000, 0),
    "leaf": ((192,), "float32", tuple(f"species {i}" for i in range(99)), 990, 0, 1),
    "letter": ((16,), "uint8", tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 20_000, 4_000, 1_332),
    "distance": ((4,), "float32", (), 4_000, 0, 0),
    "road_distance": ((4,), "float32", (), 100, 0, 0),
    "windows": ((6, 20), "float32", ("falls", "rises"), 1_000, 0, 0),
    "bag_of_words": ((1_000,), "uint8", ("blame", "praise"), 2_000, 0, 0),
}


def describe(data: Any) -> DatasetInfo:
    """Made-up facts about the data set that an experiment names; the fingerprint is of the classes and the unit."""
    shape, dtype, classes, rows, test_rows, repeated_rows = DATA[data.name]
    chosen = tuple(data.classes or classes)
    fingerprint = f"{data.name} {', '.join(chosen)}{f' in {data.unit}' if data.unit == 'meters' else ''}"
    return DatasetInfo(data.name, "made up", fingerprint, shape, dtype, chosen, rows, test_rows, repeated_rows)


def identities(path: Path) -> dict[str, dict[str, str]]:
    """Return the program key and the trial ids of each variant and axis value of an experiment."""
    found: dict[str, dict[str, str]] = {}
    for cohort in make_plan(load_config(path), describe, path.name).cohorts:
        axes = "".join(f" {key}={json.dumps(value)}" for key, value in cohort.axes.items())
        trials = {f"lr={trial.learning_rate!r} seed={trial.seed}": trial.id for trial in cohort.trials}
        found[cohort.variant + axes] = {"program": cohort.program.key, **trials}
    return found


@pytest.mark.parametrize("name", sorted(IDS.keys() | {path.stem for path in PINNED.glob("*.yaml")}))
def test_no_id_has_changed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fix_versions(monkeypatch)
    found = identities(PINNED / f"{name}.yaml")
    assert name in IDS, f"{name}.yaml has no ids yet; add to ids.json:\n{json.dumps({name: found}, indent=1)}"
    assert found.keys() == IDS[name].keys(), f"{name}.yaml: its variants or axis values differ from those in ids.json"
    for cohort, pinned in IDS[name].items():
        assert found[cohort] == pinned, f"{name}.yaml: ids of {cohort} changed, so stored results are not found again"
