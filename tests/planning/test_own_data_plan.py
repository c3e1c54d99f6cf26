"""Own data in a plan: places of wrong keys, ids that depend on the rows alone, and axes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.commands.experiment import find_places
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.execution import sweep
from bnbench.planning.plan import Plan
from support.examples import values

GOOD = "a,b,y\n" + "".join(f"{i},{i * i % 7},{'kl'[i % 2]}\n" for i in range(40))


def write(folder: Path, data: dict[str, Any], content: str = GOOD, **changes: Any) -> Path:
    (folder / "own.csv").write_text(content)
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(values(**{"data": data, **changes}), sort_keys=False))
    return path


def plan(folder: Path, data: dict[str, Any], content: str = GOOD, **changes: Any) -> Plan:
    path = write(folder, data, content, **changes)
    return sweep.prepare_plan(path, {}, find_places(path, DataDirs(None, folder / "cache", offline=True)))


TABLE = {"table": "own.csv", "target": "y"}


def ids(of: Plan) -> set[str]:
    return {trial.id for trial in of.trials}


def test_an_id_depends_on_the_rows_and_not_on_names_or_keys(tmp_path: Path) -> None:
    first = plan(tmp_path, TABLE)
    assert first.cohorts[0].program.facts.name == "own"
    (tmp_path / "other.txt").write_text(GOOD.replace(",", ";"))
    assert ids(plan(tmp_path, {**TABLE, "table": "other.txt", "separator": ";"})) == ids(first)
    assert ids(plan(tmp_path, {**TABLE, "drop": ["id"]}, GOOD.replace("\n", ",1\n").replace("y,1", "y,id"))) == ids(
        first
    )
    assert not ids(plan(tmp_path, {**TABLE, "drop": ["b"]})) & ids(first)
    assert not ids(plan(tmp_path, {**TABLE, "scale": "unit"})) & ids(first)
    assert not ids(plan(tmp_path, {"name": "digits"}, model={"layers": ["flatten", "norm", {"dense": 10}]})) & ids(
        first
    )


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        ({**TABLE, "target": "z"}, "own.yaml:4:11: data.target", "'z' is not one of a, b, y"),
        ({**TABLE, "drop": ["b", "c"]}, "own.yaml:7:5: data.drop[1]", "'c' is not one of a, b, y"),
        ({"table": "on.csv", "target": "y"}, "own.yaml:3:10: data.table", "no 'on.csv' in"),
        ({**TABLE, "classes": ["k", "m"]}, "own.yaml:6:3: data.classes", "'m' is not one of k, l"),
        ({**TABLE, "unit": "meters"}, "own.yaml:5:9: data.unit", "found 'meters', but own has only one unit"),
    ],
)
def test_a_key_that_does_not_fit_the_file_is_named_with_line_and_column(
    data: dict[str, Any], place: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(tmp_path, data)
    assert f"{place}: {message}" in str(caught.value)


def test_the_keys_of_own_data_are_axes(tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(GOOD + GOOD.partition("\n")[2])
    swept = plan(tmp_path, TABLE, sweep__grid={"data.table": ["own.csv", "more.csv"]})
    assert [cohort.program.facts.rows for cohort in swept.cohorts] == [40, 40, 80, 80]
    with pytest.raises(ConfigError, match=r"sweep.grid.data.drop\[1\]"):
        plan(tmp_path, TABLE, sweep__grid={"data.drop": [[], ["c"]]})


def test_the_recorded_file_of_a_results_folder_asks_for_the_original_folder(tmp_path: Path) -> None:
    original, results = tmp_path / "original", tmp_path / "results"
    original.mkdir()
    results.mkdir()
    recorded = results / "config.yaml"
    recorded.write_text(plan(original, TABLE).experiment.to_yaml())
    (results / "environment.json").write_text(f'{{"data": {{"own.csv": {{"folder": "{original}"}}}}}}')
    with pytest.raises(ConfigError, match=f"recorded with the data in {original}: give it with --data-dir"):
        sweep.prepare_plan(recorded, {}, find_places(recorded, DataDirs(None, tmp_path / "cache")))
    again = sweep.prepare_plan(recorded, {}, find_places(recorded, DataDirs(original, tmp_path / "cache")))
    assert ids(again) == ids(plan(original, TABLE))
