"""A results folder that cannot be used is refused with the reason, before anything is written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bnbench.errors import ResultsError
from bnbench.store.folder import has_results, lock_folder, require_results


def refusal(folder: Path) -> str:
    """Return the message when a folder cannot be locked."""
    with pytest.raises(ResultsError) as caught, lock_folder(folder):
        pass
    return str(caught.value)


@pytest.mark.parametrize("place", ["a", "a/b"])
def test_a_link_to_nothing_is_named_with_its_target(tmp_path: Path, place: str) -> None:
    (tmp_path / "a").symlink_to("nowhere")
    assert refusal(tmp_path / place) == f"{tmp_path}/a: a link to nothing (nowhere): remove it, or create its target"


@pytest.mark.parametrize("place", ["a", "a/b"])
def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "a").touch()
    assert refusal(tmp_path / place).startswith(f"{tmp_path}/a: not a folder")


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000])
def test_a_path_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    assert "cannot be written: File name too long" in refusal(tmp_path / name)
    for check in (has_results, require_results):
        with pytest.raises(ResultsError, match="cannot be read: File name too long"):
            check(tmp_path / name)


def test_a_folder_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Root, as in a container, has all rights.
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert "cannot be written: Permission denied" in refusal(tmp_path / "a")
    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(ResultsError, match="a: cannot be read: Permission denied"):
        has_results(tmp_path / "a")


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere")], ids=["folder", "link"])
def test_something_else_with_the_name_of_the_database_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "trials.db")
    with pytest.raises(ResultsError, match=r"trials\.db: not a file"):
        has_results(tmp_path)


def test_a_folder_that_stays_empty_is_removed_again(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / ".owner").is_file()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a").mkdir()
    with lock_folder(tmp_path / "a"):
        pass
    assert (tmp_path / "a").is_dir()
    with lock_folder(tmp_path / "b"):
        (tmp_path / "b" / "trials.db").touch()
    assert (tmp_path / "b" / "trials.db").is_file()


def test_only_some_of_many_other_folders_are_listed(tmp_path: Path) -> None:
    for number in range(15):
        (tmp_path / f"x{number:02}").mkdir()
        (tmp_path / f"x{number:02}" / "trials.db").touch()
    with pytest.raises(ResultsError, match=r"there are x00, .*, x09, 5 more$"):
        require_results(tmp_path / "none")


def test_results_folders_inside_are_named_rather_than_those_next_to_it(tmp_path: Path) -> None:
    for name in ("next-to-it", "results/leaf", "results/wine"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "trials.db").touch()
    with pytest.raises(ResultsError, match=r"results: no results here .*; the results folders in it are leaf, wine$"):
        require_results(tmp_path / "results")
