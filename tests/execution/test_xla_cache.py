import time
from pathlib import Path

import pytest

from bnbench.execution import xla_cache


def folder_of(settings: dict[str, str]) -> Path:
    flag, _, folder = settings["TF_XLA_FLAGS"].rpartition(" ")[2].partition("=")
    assert flag == "--tf_xla_persistent_cache_directory"
    return Path(folder)


@pytest.fixture(autouse=True)
def _no_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_XLA_FLAGS", raising=False)


def store_file(cache: Path, name: str, content: bytes) -> None:
    with xla_cache.open_xla_cache(cache) as settings:
        (folder_of(settings) / name).write_bytes(content)


def test_a_run_finds_the_programs_of_the_run_before(tmp_path: Path) -> None:
    store_file(tmp_path, "a.pb", b"machine code")
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert (folder_of(settings) / "a.pb").read_bytes() == b"machine code"
    assert len(list(tmp_path.glob("compiled/*/*"))) == 1


def test_two_runs_at_the_same_time_do_not_share_a_folder(tmp_path: Path) -> None:
    with xla_cache.open_xla_cache(tmp_path) as first, xla_cache.open_xla_cache(tmp_path) as second:
        (folder_of(first) / "a.pb").write_bytes(b"1")
        (folder_of(second) / "a.pb").write_bytes(b"1")
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert [path.name for path in folder_of(settings).iterdir()] == ["a.pb"]


def test_the_folder_of_an_active_run_is_never_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with xla_cache.open_xla_cache(tmp_path) as first:
        (folder_of(first) / "a.pb").write_bytes(b"1")
        killed = folder_of(first).with_name("run-killed")
        killed.mkdir()
        with xla_cache.open_xla_cache(tmp_path):
            # It is not old enough to be removed.
            assert killed.exists()
        monkeypatch.setattr(time, "time", lambda: 4e9)
        with xla_cache.open_xla_cache(tmp_path):
            assert not killed.exists()
            assert folder_of(first).exists()
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert [path.name for path in folder_of(settings).iterdir()] == ["a.pb"]


@pytest.mark.parametrize("damaged", [b"", b"machine", b"machine Code"])
def test_a_damaged_file_is_removed(tmp_path: Path, damaged: bytes) -> None:
    store_file(tmp_path, "a.pb", b"machine code")
    (cached,) = tmp_path.glob("compiled/*/*.pb")
    cached.write_bytes(damaged)
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert not list(folder_of(settings).iterdir())
    assert not cached.exists()


def test_the_oldest_files_are_removed_when_the_cache_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xla_cache, "MAX_BYTES", 10)
    for name in ("a.pb", "b.pb", "c.pb"):
        # Four bytes each.
        store_file(tmp_path, name, name.encode())
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert {path.name for path in folder_of(settings).iterdir()} == {"b.pb", "c.pb"}


def test_a_cache_that_cannot_be_written_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "compiled").write_text("a file")
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert settings == {}


def test_a_cache_that_the_user_has_set_is_used_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_persistent_cache_directory=mine")
    with xla_cache.open_xla_cache(tmp_path) as settings:
        assert settings == {}
    assert not list(tmp_path.iterdir())
