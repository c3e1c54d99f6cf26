import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import locate
from bnbench.data.types import DataDirs, DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.errors import DataError


def parse(paths: tuple[Path, ...]) -> ParsedArrays:
    return ParsedArrays(np.zeros((2, 1), np.uint8), np.array([0, 1], np.int32), ("a", "b"), 0)


SOURCE = DatasetSpec(
    name="toy",
    title="Toy",
    page="https://toy.invalid/",
    licence="none",
    rows=2,
    shape=(1,),
    class_count=2,
    value_range=(0.0, 1.0),
    forms=(
        FileLayout("pair", (("x.gz", "x"), ("y.gz", "y")), parse),
        FileLayout("folder", (("all",),), parse, folders=True),
    ),
    remotes=(RemoteFile("x.gz", ("http://127.0.0.1:1/x.gz",)),),
    advice="Or ask a friend.",
)


@pytest.fixture
def places(tmp_path: Path) -> DataDirs:
    (tmp_path / "own").mkdir()
    return DataDirs(tmp_path / "own", tmp_path / "cache")


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"1")


def test_the_users_own_folder_comes_first(places: DataDirs, tmp_path: Path) -> None:
    put(tmp_path / "own" / "toy", "x", "y.gz")
    put(tmp_path / "cache" / "files" / "toy", "x", "y")
    located = locate.locate_files(SOURCE, places)
    assert located.paths == (tmp_path / "own" / "toy" / "x", tmp_path / "own" / "toy" / "y.gz")
    assert located.form.title == "pair"


def test_the_cache_comes_second(places: DataDirs, tmp_path: Path) -> None:
    put(tmp_path / "cache" / "files" / "toy", "x", "y")
    assert locate.locate_files(SOURCE, places).paths[0] == tmp_path / "cache" / "files" / "toy" / "x"


def test_a_layout_may_be_a_folder(places: DataDirs, tmp_path: Path) -> None:
    (tmp_path / "own" / "toy" / "all").mkdir(parents=True)
    assert locate.locate_files(SOURCE, places).form.title == "folder"


def test_an_incomplete_folder_is_skipped_with_a_warning(
    places: DataDirs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "own" / "toy", "x.gz")
    put(tmp_path / "cache" / "files" / "toy", "x", "y")
    with caplog.at_level(logging.WARNING, "bnbench.data"):
        assert "cache" in str(locate.locate_files(SOURCE, places).paths[0])
    assert "has x.gz, lacks y.gz" in caplog.text


def test_missing_files_are_reported_with_each_folder_and_how_to_get_them(places: DataDirs, tmp_path: Path) -> None:
    put(tmp_path / "own" / "toy", "x")
    with pytest.raises(DataError) as caught:
        locate.locate_files(SOURCE, places)
    assert str(caught.value).splitlines() == [
        "toy: its files are not here. bnbench looked for the files of one of these lines:",
        "    x.gz (or x), y.gz (or y)",
        "    all",
        f"  in {tmp_path / 'own' / 'toy'}: has x, lacks y.gz",
        f"  in {tmp_path / 'cache' / 'files' / 'toy'}: the folder does not exist",
        "To get them, run `bnbench data fetch toy`, or put them into a folder toy/",
        "inside the folder that --data-dir or BNBENCH_DATA names.",
        "They are published at https://toy.invalid/. Or ask a friend.",
    ]


def test_the_message_says_if_no_data_folder_is_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither --data-dir nor BNBENCH_DATA is set"):
        locate.locate_files(SOURCE, DataDirs(None, tmp_path))


def test_nothing_is_downloaded_offline_or_unless_requested(places: DataDirs) -> None:
    with pytest.raises(DataError, match="its files are not here"):
        locate.locate_files(SOURCE, places, fetch=False)
    with pytest.raises(DataError, match="without --offline"):
        locate.locate_files(SOURCE, replace(places, offline=True), fetch=True)


def test_a_data_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: the data folder .* does not exist"):
        locate.locate_files(SOURCE, DataDirs(tmp_path / "nowhere", tmp_path))
    put(tmp_path, "file")
    with pytest.raises(DataError, match="is a file, wanted a folder"):
        locate.locate_files(SOURCE, DataDirs(tmp_path / "file", tmp_path))


def test_a_folder_in_place_of_a_file_is_refused(places: DataDirs, tmp_path: Path) -> None:
    (tmp_path / "own" / "toy" / "x.gz").mkdir(parents=True)
    with pytest.raises(DataError, match=r"x\.gz: is a folder, wanted a file"):
        locate.locate_files(SOURCE, places)


def test_a_data_set_without_files_comes_with_its_package(places: DataDirs) -> None:
    located = locate.locate_files(replace(SOURCE, package="numpy", forms=(FileLayout("copy", (), parse),)), places)
    assert located.paths == ()
    assert located.version == f"numpy {np.__version__}"
    with pytest.raises(DataError, match="install the package no-such-package"):
        locate.locate_files(replace(SOURCE, package="no-such-package"), places)


def test_folders_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BNBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path / "cache"))
    assert DataDirs.from_environment() == DataDirs(tmp_path / "data", tmp_path / "cache")
    assert DataDirs.from_environment(tmp_path, offline=True) == DataDirs(tmp_path, tmp_path / "cache", offline=True)


@pytest.mark.parametrize("value", [None, ""])
def test_the_default_cache_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    for name in ("BNBENCH_DATA", "BNBENCH_CACHE"):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    places = DataDirs.from_environment()
    assert places.data_dir is None
    assert places.cache_dir.name == "bnbench"
    assert os.sep in str(places.cache_dir)
