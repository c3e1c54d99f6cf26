"""Own data in a folder of their own, read as an experiment file there would read them."""

from pathlib import Path
from typing import Any

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, Dataset


def places(folder: Path) -> DataDirs:
    """Return the places of an experiment file in a folder, with a cache in the same folder."""
    return DataDirs(None, folder / "cache", offline=True, config_dir=folder)


def load(folder: Path, **settings: Any) -> Dataset:
    """Return own data in a folder; the settings are those of `data`."""
    return access.load_dataset(Data.model_validate(settings), places(folder))


def load_table(folder: Path, content: str | bytes, name: str = "own.csv", **settings: Any) -> Dataset:
    """Return a table with this content. By default its target is `y`."""
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return load(folder, table=name, **{"target": "y", **settings})
