"""A folder with a small experiment, and a cache that all tests of commands share."""

from pathlib import Path

import pytest

from support.commands import set_environment
from support.small_config import write_small


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder with one config."""
    set_environment(monkeypatch, cache)
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path)
    return tmp_path
