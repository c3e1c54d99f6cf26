"""`data verify` of a data set by name, and of the own data of an experiment file."""

from pathlib import Path

import pytest

from bnbench.commands.verify import verify_named
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, DataError
from support.sweeps import write

ROWS = "a,y\n" + "".join(f"{i},{'kl'[i % 2]}\n" for i in range(20))


@pytest.fixture
def places(tmp_path: Path) -> DataDirs:
    return DataDirs(None, tmp_path / "cache", offline=True)


def test_own_data_are_verified_by_their_experiment_file(places: DataDirs, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(ROWS)
    path = write(tmp_path / "own.yaml", data={"table": "own.csv", "target": "y"})
    facts = verify_named(str(path), places)
    assert (facts.name, facts.rows, facts.classes) == ("own", 20, ("k", "l"))
    (tmp_path / "own.csv").write_text(ROWS.replace("5,l", "x,l"))
    with pytest.raises(DataError, match=r"own\.csv: line 7, column 'a': 'x' is text"):
        verify_named(str(path), places)


def test_a_wrong_key_is_named_with_its_line(places: DataDirs, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(ROWS)
    path = write(tmp_path / "own.yaml", data={"table": "own.csv", "target": "z"})
    with pytest.raises(ConfigError, match=r"own\.yaml:[0-9]+:[0-9]+: data\.target: 'z' is not one of a, y"):
        verify_named(str(path), places)


def test_a_data_set_is_verified_by_its_name(places: DataDirs) -> None:
    assert verify_named("iris", places).rows == 150
    with pytest.raises(DataError, match="did you mean 'iris'"):
        verify_named("irris", places)
