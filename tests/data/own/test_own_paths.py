"""A path in an experiment file leads to nothing outside of its folder or of the data folder."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.own import paths
from bnbench.data.types import DataDirs
from bnbench.errors import BnbenchError, SettingsError
from support.own_data import load, load_table, places

GOOD = "a,y\n1,k\n2,l\n3,k\n4,l\n"
SETTINGS = Data(table="own.csv", target="y")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a table, next to a secret one."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.csv").write_text(GOOD)
    (tmp_path / "secret.csv").write_text(GOOD)
    return tmp_path / "mine"


@pytest.mark.parametrize(
    "path",
    ["../secret.csv", "a/../../secret.csv", "/etc/passwd", "~/secret.csv", "C:\\s.csv", "C:/s.csv", "..\\secret.csv",
     "\\\\host\\secret.csv", "", " ", "a\0b"],
)  # fmt: skip
def test_a_path_that_leaves_the_folder_is_refused_before_anything_is_read(path: str) -> None:
    for key, more in (("table", {"target": "y"}), ("arrays", {"x": "x", "y": "y"}), ("images", {})):
        with pytest.raises(ValidationError, match=r"relative to the folder|leaves the folder|empty path"):
            Data.model_validate({key: path, **more})


def test_a_link_that_leaves_the_folder_is_refused(mine: Path) -> None:
    (mine / "link.csv").symlink_to(mine.parent / "secret.csv")
    (mine / "folder").symlink_to(mine.parent)
    (mine / "nowhere.csv").symlink_to(mine / "gone.csv")
    (mine / "circle.csv").symlink_to(mine / "circle.csv")
    for name in ("link.csv", "folder/secret.csv", "nowhere.csv", "circle.csv"):
        with pytest.raises(SettingsError, match=rf"data.table: .*{name} is a link that leaves .*mine"):
            load(mine, table=name, target="y")


def test_a_link_inside_the_folder_is_followed(mine: Path) -> None:
    (mine / "link.csv").symlink_to("own.csv")
    assert load(mine, table="link.csv", target="y").facts.rows == 4


def test_the_folder_itself_may_be_a_link(mine: Path) -> None:
    (mine.parent / "alias").symlink_to(mine)
    assert load(mine.parent / "alias", table="own.csv", target="y").facts.rows == 4


def test_a_link_to_an_array_or_image_outside_is_refused(mine: Path, tmp_path: Path) -> None:
    (mine / "images" / "cats").mkdir(parents=True)
    (mine / "images" / "cats" / "a.png").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(BnbenchError, match=r"a\.png: a link that leaves its folder"):
        load(mine, images="images")
    (mine / "arrays").mkdir()
    (mine / "arrays" / "x.npy").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(BnbenchError, match=r"x\.npy: leaves its folder"):
        load(mine, arrays="arrays", x="x", y="y")


def test_a_file_is_searched_next_to_the_experiment_file_and_then_in_the_data_folder(mine: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    (other / "deep" / "own.csv").write_text(GOOD.replace("4", "5"))
    both = DataDirs(other, tmp_path / "cache", config_dir=mine)
    assert access.load_dataset(SETTINGS, both).x.max() == 4
    assert access.load_dataset(Data(table="deep/own.csv", target="y"), both).x.max() == 5
    assert access.data_folder(SETTINGS, both) == str(mine)
    assert access.data_folder(Data(table="deep/own.csv", target="y"), both) == str(other)
    assert access.data_folder(Data(name="digits"), both) == ""


def test_a_missing_file_is_named_with_the_nearest_name_and_the_way_to_give_a_folder(mine: Path, tmp_path: Path) -> None:
    for name, words in (
        ("x" * 400, "give it with --data-dir"),
        ("owm.csv", "did you mean 'own.csv'?"),
        ("x/y.csv", "give it with --data-dir"),
    ):
        with pytest.raises(SettingsError) as caught:
            load(mine, table=name, target="y")
        assert str(caught.value).startswith(f"data.table: no '{name}' in {mine}")
        assert words in str(caught.value)
    recorded = DataDirs(None, tmp_path / "cache", config_dir=tmp_path, recorded_dir="/home/me/wines")
    with pytest.raises(SettingsError, match="recorded with the data in /home/me/wines: give it with --data-dir"):
        access.load_dataset(SETTINGS, recorded)
    with pytest.raises(SettingsError, match="relative to no folder: give the folder of the data with --data-dir"):
        access.load_dataset(SETTINGS, DataDirs(None, tmp_path / "cache"))


def test_the_name_and_the_place_of_a_file_change_no_fingerprint_and_cost_no_second_parse(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(mine, table="own.csv", target="y").facts
    (mine / "moved").mkdir()
    (mine / "own.csv").rename(mine / "moved" / "renamed.csv")
    monkeypatch.setattr(paths, "find_own_path", None)
    monkeypatch.setattr("bnbench.data.own.readers.table.open_table", None)
    again = load(mine, table="moved/renamed.csv", target="y").facts
    assert (first.name, again.name) == ("own", "renamed")
    assert again.fingerprint == first.fingerprint
    assert len(list((mine / "cache" / "parsed").iterdir())) == 1


def test_a_file_with_the_same_size_and_time_is_parsed_again(mine: Path) -> None:
    before = load(mine, table="own.csv", target="y").facts
    state = (mine / "own.csv").stat()
    (mine / "own.csv").write_text(GOOD.replace("4", "9"))
    os.utime(mine / "own.csv", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert load(mine, table="own.csv", target="y").facts.fingerprint != before.fingerprint


def test_settings_that_read_other_rows_have_a_cache_of_their_own(mine: Path) -> None:
    load_table(mine, "a,b,y\n1,2,k\n3,4,l\n5,6,k\n7,8,l\n")
    assert load(mine, table="own.csv", target="y").facts.shape == (2,)
    assert load(mine, table="own.csv", target="y", drop=["b"]).facts.shape == (1,)


def test_a_file_that_changes_while_it_is_read_is_refused(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from bnbench.data.own import find

    reader = find.READERS["table"]

    def read(path: Path, settings: Data) -> object:
        parsed = reader.read(path, settings)
        path.write_text(GOOD + "5,k\n")
        return parsed

    monkeypatch.setattr(find, "READERS", {"table": replace(reader, read=read)})  # type: ignore[arg-type]
    with pytest.raises(BnbenchError, match=r"own\.csv: changed while it was read"):
        load(mine, table="own.csv", target="y")


def test_verify_reads_own_data_without_the_cache(mine: Path) -> None:
    facts = access.dataset_info(SETTINGS, places(mine))
    assert access.verify_data(SETTINGS, places(mine)) == facts


def test_each_reader_has_a_key_of_data(mine: Path) -> None:
    from bnbench.config.own_data import SOURCES
    from bnbench.data.own import find

    assert {"name", *find.READERS} == set(SOURCES)
