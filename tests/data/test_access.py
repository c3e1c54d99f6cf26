"""A small made-up Letter file is found, parsed, cached and read again."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data import access, cache
from bnbench.data.datasets import letter
from bnbench.data.types import DataDirs
from bnbench.errors import DataError

SETTINGS = Data(name="letter")
ROWS = 78


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirs:
    """Three rows per letter: the first 52 have the values 0, 1, 2 ..., the last 26 are equal test rows."""
    lines = [f"{ascii_uppercase[i % 26]}{f',{i // 10},{i % 10}' * 8}" for i in range(52)]
    lines += [f"{letter}{',15' * 16}" for letter in ascii_uppercase]
    folder = tmp_path / "own" / "letter"
    folder.mkdir(parents=True)
    (folder / letter.FILE).write_text("\n".join(lines) + "\n")
    forms = letter.forms(letter.Spec(rows=ROWS, test_rows=26, fingerprint=""))
    monkeypatch.setitem(access.DATASETS, "letter", replace(letter.LETTER, forms=forms, remotes=()))
    return DataDirs(tmp_path / "own", tmp_path / "cache")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list with an entry for each parse."""
    parses: list[str] = []
    original = letter.parse

    def parse(*arguments: object) -> object:
        parses.append("parsed")
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(letter, "parse", parse)
    return parses


def record(places: DataDirs) -> Path:
    (folder,) = (places.cache_dir / "parsed").glob("letter-*")
    return folder


def test_data_sets_are_listed_by_name() -> None:
    assert {
        "bag_of_words", "cifar10", "digits", "distance", "fashion_mnist", "leaf", "letter", "mnist", "notmnist",
        "road_distance", "windows",
    } <= set(access.dataset_names())  # fmt: skip
    assert list(access.dataset_names()) == sorted(access.dataset_names())
    assert all(source.name == name for name, source in access.DATASETS.items())


def test_importing_the_data_sets_loads_no_large_library() -> None:
    code = "import sys, bnbench.data, bnbench.data.splits; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"tensorflow", "keras", "sklearn", "pandas", "pooch", "requests", "filelock", "PIL", "scipy"}
    assert not heavy & set(done.stdout.split())


def test_loaded_arrays_are_in_memory_and_read_only(places: DataDirs) -> None:
    dataset = access.load_dataset(SETTINGS, places)
    assert not isinstance(dataset.x, np.memmap)
    assert dataset.x.shape == (ROWS, 16)
    assert dataset.x[51, :4].tolist() == [5, 1, 5, 1]
    assert dataset.facts.test_rows == 26
    assert dataset.value_range == (0.0, 15.0)
    with pytest.raises(ValueError, match="read-only"):
        dataset.x[0, 0] = 1


def test_info_and_arrays_agree_and_are_parsed_once(places: DataDirs, counted: list[str]) -> None:
    facts = access.dataset_info(SETTINGS, places)
    dataset = access.load_dataset(SETTINGS, places)
    assert dataset.facts == facts == access.dataset_info(SETTINGS, places)
    assert len(counted) == 1


def test_info_reads_no_array(places: DataDirs, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = access.dataset_info(SETTINGS, places)
    monkeypatch.setattr(np, "load", None)
    assert access.dataset_info(SETTINGS, places) == facts


def test_a_changed_file_is_parsed_again(places: DataDirs, counted: list[str]) -> None:
    before = access.dataset_info(SETTINGS, places)
    (path,) = (Path(str(places.data_dir)) / "letter").iterdir()
    path.write_text(path.read_text().replace("A,0,0", "A,0,1", 1))
    os.utime(path, ns=(1, 1))
    after = access.dataset_info(SETTINGS, places)
    assert len(counted) == 2
    assert before.fingerprint != after.fingerprint


def test_the_same_rows_from_two_folders_have_the_same_fingerprint(places: DataDirs, tmp_path: Path) -> None:
    shutil.copytree(Path(str(places.data_dir)), tmp_path / "cache" / "files")
    elsewhere = replace(places, data_dir=None)
    assert access.dataset_info(SETTINGS, elsewhere) == access.dataset_info(SETTINGS, places)


def _flip(folder: Path, name: str, place: int) -> None:
    content = bytearray((folder / name).read_bytes())
    content[place] ^= 2
    (folder / name).write_bytes(content)


def _edit_facts(folder: Path, key: str, value: object) -> None:
    content = json.loads((folder / "facts.json").read_text())
    content["facts"][key] = value
    (folder / "facts.json").write_text(json.dumps(content))


def _tell_facts(folder: Path, **facts: object) -> None:
    """Write other facts with a correct checksum."""
    record = json.loads((folder / "facts.json").read_text())
    record["facts"] |= facts
    del record["check"]
    (folder / "facts.json").write_text(json.dumps(record | {"check": cache._check_of(record)}))


DAMAGES: list[Callable[[Path], object]] = [
    lambda folder: (folder / "facts.json").write_text("{"),
    lambda folder: (folder / "facts.json").write_text("[]"),
    lambda folder: (folder / "facts.json").write_text("{}"),
    lambda folder: (folder / "facts.json").write_text("[" * 100_000),
    lambda folder: _tell_facts(folder, rOws=1),
    lambda folder: (folder / "facts.json").write_bytes(b"\xff"),
    lambda folder: (folder / "facts.json").unlink(),
    lambda folder: _edit_facts(folder, "rows", 77),
    lambda folder: _edit_facts(folder, "repeated_rows", 5),
    lambda folder: (folder / "x.npy").unlink(),
    lambda folder: (folder / "x.npy").write_bytes(b""),
    lambda folder: (folder / "y.npy").write_bytes((folder / "y.npy").read_bytes()[:-4]),
    lambda folder: np.save(folder / "x.npy", np.zeros((ROWS, 15), np.uint8)),
]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ask", [access.dataset_info, lambda *a: access.load_dataset(*a).facts])
def test_a_damaged_cache_is_removed_and_written_again(
    places: DataDirs, counted: list[str], damage: Callable[[Path], object], ask: Callable[..., object]
) -> None:
    good = access.dataset_info(SETTINGS, places)
    damage(record(places))
    assert ask(SETTINGS, places) == good
    assert len(counted) == 2
    assert ask(SETTINGS, places) == good
    assert len(counted) == 2


# The header, which NumPy parses, and the last value.
@pytest.mark.parametrize("place", [*range(80), -1])
@pytest.mark.parametrize("name", ["x.npy", "y.npy", "repeated.npy"])
def test_a_changed_bit_is_noticed_on_load(
    places: DataDirs, counted: list[str], name: str, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    good = access.load_dataset(SETTINGS, places)
    expected = (good.x.copy(), good.y.copy(), good.repeated.copy())
    _flip(record(places), name, place)
    with caplog.at_level(logging.WARNING, "bnbench.data"):
        again = access.load_dataset(SETTINGS, places)
    assert all(np.array_equal(a, b) for a, b in zip(expected, (again.x, again.y, again.repeated), strict=True))
    assert "removed from the cache" in caplog.text
    assert len(counted) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(
    places: DataDirs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = access.load_dataset(SETTINGS, places)
    (tmp_path / "blocked").write_text("a file in the way")
    blocked = replace(places, cache_dir=tmp_path / "blocked")
    with caplog.at_level(logging.WARNING, "bnbench.data"):
        dataset = access.load_dataset(SETTINGS, blocked)
    assert "the cache cannot be written" in caplog.text
    assert dataset.facts == good.facts == access.dataset_info(SETTINGS, blocked)
    assert np.array_equal(dataset.x, good.x)
    assert not dataset.x.flags.writeable


def test_a_full_disk_leaves_no_incomplete_cache(places: DataDirs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert len(access.load_dataset(SETTINGS, places).x) == ROWS
    assert list((places.cache_dir / "parsed").iterdir()) == []


def test_the_cache_of_a_process_that_was_first_is_used(places: DataDirs) -> None:
    dataset = access.load_dataset(SETTINGS, places)
    folder = record(places)
    inode = (folder / "x.npy").stat().st_ino
    cached = cache.write_dataset(folder, dataset)
    assert cached.facts == dataset.facts
    assert (folder / "x.npy").stat().st_ino == inode
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_leftovers_of_a_killed_process_are_never_read(places: DataDirs) -> None:
    (places.cache_dir / "parsed" / ".writing-abc" / "letter-0123").mkdir(parents=True)
    assert access.dataset_info(SETTINGS, places).rows == ROWS


def test_verify_reads_the_files_and_not_the_cache(places: DataDirs, counted: list[str]) -> None:
    facts = access.dataset_info(SETTINGS, places)
    assert access.verify_dataset("letter", places) == facts
    assert len(counted) == 2


def test_verify_names_the_wrong_file(places: DataDirs) -> None:
    access.dataset_info(SETTINGS, places)
    (path,) = (Path(str(places.data_dir)) / "letter").iterdir()
    path.write_text("A,1\n")
    with pytest.raises(DataError, match=r"letter-recognition\.data: line 1"):
        access.verify_dataset("letter", places)


def test_the_listing_says_what_is_where(places: DataDirs) -> None:
    found = {one.name: one for one in access.list_datasets(places)}
    assert tuple(found) == access.dataset_names()
    here = found["letter"]
    assert (here.state, here.where) == ("on disk", str(Path(str(places.data_dir)) / "letter"))
    # As published, until it is parsed.
    assert (here.rows, here.shape, here.class_count) == (20_000, (16,), 26)
    assert (found["mnist"].state, found["mnist"].where, found["mnist"].form) == ("not here", "", "")
    assert found["digits"].state == "on disk"
    assert all(one.licence and one.title for one in found.values())
    assert all(one.url.startswith("http") or one.form == "generated" for one in found.values())
    access.dataset_info(SETTINGS, places)
    assert next(one for one in access.list_datasets(places) if one.name == "letter").rows == ROWS


def test_fetch_of_a_local_data_set_says_where_it_is(places: DataDirs) -> None:
    assert access.fetch_dataset("letter", places) == str(Path(str(places.data_dir)) / "letter")
    assert access.fetch_dataset("digits", replace(places, offline=True)).startswith("scikit-learn ")


def test_fetch_of_a_missing_data_set_is_refused_offline(places: DataDirs) -> None:
    with pytest.raises(DataError, match="mnist: its files are not here"):
        access.fetch_dataset("mnist", replace(places, offline=True))


def test_an_unknown_name_is_refused_with_the_nearest(places: DataDirs) -> None:
    for ask in (access.fetch_dataset, access.verify_dataset):
        with pytest.raises(DataError, match="did you mean 'letter'"):
            ask("leter", places)


def test_the_cache_of_digits_depends_on_the_version_of_its_package(
    places: DataDirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = access.dataset_info(Data(name="digits"), places)
    assert (facts.rows, facts.test_rows, facts.shape) == (1797, 0, (8, 8, 1))
    monkeypatch.setattr("bnbench.data.locate.version", lambda _: "9.9")
    assert access.dataset_info(Data(name="digits"), places) == facts
    assert len(list((places.cache_dir / "parsed").glob("digits-*"))) == 2
