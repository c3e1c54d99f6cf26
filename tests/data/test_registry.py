"""A data set is one file: it is found by its folder."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from bnbench.config.load import check_config
from bnbench.config.schema import Data
from bnbench.data import access, datasets, registry
from bnbench.data.types import DataDirs
from bnbench.planning.plan import make_plan
from support.examples import values

CORNERS = '''
"""Corners: two numbers, and whether both are positive."""

from pathlib import Path

import numpy as np

from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays


def parse(_: tuple[Path, ...]) -> ParsedArrays:
    x = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    return ParsedArrays(x, (x > 0).all(axis=1).astype(np.int32), ("no", "yes"), 0)


DATASETS = (
    DatasetSpec(
        name="corners", title="Corners", page="", licence="none", rows=200, shape=(2,), class_count=2,
        value_range=(-10.0, 10.0), forms=(FileLayout("generated", (), parse),), package="numpy",
    ),
)
'''


@pytest.fixture
def dirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirs:
    """A package of data sets with one more file."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "corners.py").write_text(CORNERS, encoding="utf-8")
    monkeypatch.setattr(datasets, "__path__", [*datasets.__path__, str(tmp_path / "more")])
    monkeypatch.setattr(access, "DATASETS", registry.find_datasets())
    return DataDirs(None, tmp_path / "cache")


def test_every_file_of_the_folder_describes_data_sets_with_names_of_their_own() -> None:
    found = registry.find_datasets()
    files = [path.stem for path in Path(datasets.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert set(files) - {"generated", "sklearn_tables"} <= set(found)
    assert list(found) == sorted(found)
    declared = [import_module(f"{datasets.__name__}.{name}").DATASETS for name in files]
    assert all(declared)
    assert len(found) == sum(map(len, declared))


def test_a_made_up_data_set_takes_one_file(dirs: DataDirs) -> None:
    assert "corners" in access.dataset_names()
    assert [found.title for found in access.list_datasets(dirs) if found.name == "corners"] == ["Corners"]
    loaded = access.load_dataset(Data(name="corners"), dirs)
    assert loaded.x.shape == (200, 2)
    assert np.array_equal(loaded.y, (loaded.x > 0).all(axis=1))
    experiment = check_config(values(data__name="corners"), "tiny.yaml")
    plan = make_plan(experiment, lambda settings: access.dataset_info(settings, dirs), "tiny.yaml")
    assert plan.cohorts[0].program.sizes.train == 120
    assert plan.cohorts[0].program.facts.classes == ("no", "yes")


def test_two_data_sets_with_one_name_are_an_error(dirs: DataDirs, tmp_path: Path) -> None:
    (tmp_path / "more" / "again.py").write_text(CORNERS, encoding="utf-8")
    with pytest.raises(ValueError, match="two data sets have the same name"):
        registry.find_datasets()
