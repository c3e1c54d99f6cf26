import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import validate
from bnbench.data.datasets import leaf
from bnbench.data.datasets.leaf import UCI_FILES, Spec
from bnbench.errors import DataError

KAGGLE = Spec(species=2, rows_each=2, fingerprint="")
UCI = Spec(species=2, rows_each=2, fingerprint="", incomplete="Acer_Campestre")
HEADER = ",".join(["id", "species", *(f"{g}{i}" for g in ("margin", "shape", "texture") for i in range(1, 65))])


def csv_row(number: int, species: str, value: float) -> str:
    """Return a row with margin `value`, shape half of it and texture a quarter of it."""
    numbers = [value] * 64 + [value / 2] * 64 + [value / 4] * 64
    return f"{number},{species},{','.join(map(str, numbers))}"


KAGGLE_ROWS = [csv_row(7, "Oak", 0.5), csv_row(3, "Ash", 0.25), csv_row(9, "Ash", 1.0), csv_row(4, "Oak", 0.0)]


def write_csv(folder: Path, lines: list[str]) -> tuple[Path, ...]:
    path = folder / "train.csv"
    path.write_text("\n".join(lines) + "\n")
    return (path,)


def uci_row(species: str, value: object) -> str:
    return ",".join([species, *[str(value)] * 64])


def uci_lines(scale: float, first_campestre: bool = True) -> list[str]:
    campestre = [uci_row("Acer Campestre", 0)] * (2 if first_campestre else 1)
    oak = [uci_row("Quercus x Turneri", 0.5 * scale), uci_row("Quercus x Turneri", 1.0 * scale)]
    return [*campestre, *oak, uci_row("Acer Mono", 0.25 * scale), uci_row("Acer Mono", 0.75 * scale)]


def write_uci(folder: Path, **other: list[str]) -> tuple[Path, ...]:
    files = {"Mar": uci_lines(1), "Sha": uci_lines(0.5), "Tex": uci_lines(0.25, first_campestre=False), **other}
    paths = tuple(folder / name for name in UCI_FILES)
    for path, lines in zip(paths, files.values(), strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


def test_kaggle_rows_are_in_the_order_of_their_ids_and_species_are_sorted(tmp_path: Path) -> None:
    parsed = leaf.parse_kaggle(write_csv(tmp_path, [HEADER, *KAGGLE_ROWS]), KAGGLE)
    assert parsed.classes == ("Ash", "Oak")
    assert parsed.y.tolist() == [0, 1, 1, 0]
    assert parsed.x[:, [0, 63, 64, 127, 128, 191]].tolist()[2] == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]
    assert (parsed.x.shape, parsed.x.dtype, parsed.test_rows) == ((4, 192), np.float32, 0)


def test_the_zip_of_kaggle_gives_the_same(tmp_path: Path) -> None:
    (plain,) = write_csv(tmp_path, [HEADER, *KAGGLE_ROWS])
    with zipfile.ZipFile(tmp_path / "train.csv.zip", "w") as archive:
        archive.write(plain, "train.csv")
    packed = leaf.parse_kaggle_zip((tmp_path / "train.csv.zip",), KAGGLE)
    assert np.array_equal(packed.x, leaf.parse_kaggle((plain,), KAGGLE).x)


def test_uci_rows_of_a_species_are_matched_in_file_order(tmp_path: Path) -> None:
    parsed = leaf.parse_uci(write_uci(tmp_path), UCI)
    # Kaggle's names; Acer Campestre is left out.
    assert parsed.classes == ("Acer_Mono", "Quercus_x_Turneri")
    assert parsed.y.tolist() == [0, 0, 1, 1]
    # Margin, shape, texture.
    columns = parsed.x[:, [0, 64, 128]].tolist()
    assert columns == [[0.25, 0.125, 0.0625], [0.75, 0.375, 0.1875], [0.5, 0.25, 0.125], [1, 0.5, 0.25]]
    assert parsed.x.dtype == np.float32


def test_the_columns_of_a_uci_file_are_found_by_number_and_never_guessed(tmp_path: Path) -> None:
    numbers = [str(i) for i in range(1, 65)]
    lines = [",".join([species, *numbers]) for species in ("Oak", "Oak", "Ash", "Ash")]
    turned = [",".join(reversed(line.split(","))) for line in (f"species,{','.join(numbers)}", *lines)]
    parsed = leaf.parse_uci(write_uci(tmp_path, Mar=turned, Sha=lines, Tex=lines), UCI)
    assert parsed.x[0].tolist() == [*range(1, 65)] * 3
    for wrong in (
        ["species," + ",".join(f"m{i}" for i in reversed(numbers)), *lines],
        [f"{line},65" for line in lines],
    ):
        with pytest.raises(DataError, match=r"data_Mar_64\.txt: line 1: .* wanted "):
            leaf.parse_uci(write_uci(tmp_path, Mar=wrong, Sha=lines, Tex=lines), UCI)


def test_the_order_of_species_in_uci_files_does_not_matter(tmp_path: Path) -> None:
    texture = uci_lines(0.25, first_campestre=False)
    moved = [*texture[3:], *texture[:3]]
    other = leaf.parse_uci(write_uci(tmp_path, Tex=moved), UCI)
    assert np.array_equal(other.x, leaf.parse_uci(write_uci(tmp_path), UCI).x)


def test_the_uci_zip_gives_the_same_from_any_folder_in_it(tmp_path: Path) -> None:
    paths = write_uci(tmp_path)
    with zipfile.ZipFile(tmp_path / leaf.UCI_ZIP, "w") as archive:
        for path in paths:
            archive.write(path, f"100 leaves plant species/{path.name}")
        archive.writestr("__MACOSX/100 leaves plant species/._data_Mar_64.txt", b"\0\1")
        archive.writestr("100 leaves plant species/data/Acer_Mono/1.jpg", b"a picture")
    packed = leaf.parse_uci_zip((tmp_path / leaf.UCI_ZIP,), UCI)
    assert np.array_equal(packed.x, leaf.parse_uci(paths, UCI).x)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, *KAGGLE_ROWS[:3]], "1 rows of Oak, wanted 2: cut"),
        ([HEADER, *KAGGLE_ROWS[1:3]], "1 species, wanted 2"),
        ([HEADER, *KAGGLE_ROWS, csv_row(1, "Elm", 0), csv_row(2, "Elm", 0)], "3 species, wanted 2"),
        ([HEADER], "no rows"),
        (
            [HEADER.rpartition(",")[0], *(row.rpartition(",")[0] for row in KAGGLE_ROWS)],
            "wanted 192: without texture64",
        ),
        ([HEADER, KAGGLE_ROWS[0], "3,Ash,0.5"], "line 3: 3 columns, wanted 194 as in line 1"),
        ([HEADER, csv_row(1, "Oak", float("nan"))], "line 2: 'nan' is not a finite number"),
        ([HEADER, csv_row(1, "Oak", float("inf"))], "line 2: 'inf' is not a finite number"),
        ([HEADER, csv_row(1, "Oak", 0).replace("0.0", "", 1)], "line 2: '' is not a number"),
    ],
)
def test_a_wrong_csv_is_reported(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        leaf.parse_kaggle(write_csv(tmp_path, lines), KAGGLE)
    assert "train.csv" in str(caught.value)


def test_an_edited_csv_is_refused(tmp_path: Path) -> None:
    good = leaf.parse_kaggle(write_csv(tmp_path, [HEADER, *KAGGLE_ROWS]), KAGGLE)
    spec = replace(
        KAGGLE,
        fingerprint=validate.fingerprint(good.x, good.y, good.classes, 0),
        blocks=validate.block_digests(good.x, good.y),
    )
    leaf.parse_kaggle(write_csv(tmp_path, [HEADER, *KAGGLE_ROWS]), spec)
    with pytest.raises(DataError, match=r"train\.csv: numbers or labels differ .*, first in rows 3 to 3, in 1 of 30"):
        leaf.parse_kaggle(write_csv(tmp_path, [HEADER, csv_row(7, "Oak", 0.25), *KAGGLE_ROWS[1:]]), spec)


@pytest.mark.parametrize(
    ("part", "lines", "message"),
    [
        ("Tex", uci_lines(1)[:-1], r"data_Tex_64\.txt: 1 rows of Acer_Mono, wanted 2"),
        ("Sha", uci_lines(1)[:-2], r"data_Sha_64\.txt: 1 species, wanted 2"),
        (
            "Mar",
            [line.rpartition(",")[0] for line in uci_lines(1)],
            r"data_Mar_64\.txt: line 1: 63 columns of numbers, wanted 64",
        ),
        ("Sha", [line.replace("Mono", "Rubrum") for line in uci_lines(1)], r"data_Sha_64\.txt: names other species"),
        ("Tex", [*uci_lines(1)[:3], uci_row("Acer Mono", "nan")], r"data_Tex_64\.txt: line 4: 'nan'"),
    ],
)
def test_a_wrong_uci_file_is_named(tmp_path: Path, part: str, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        leaf.parse_uci(write_uci(tmp_path, **{part: lines}), UCI)


def test_an_incomplete_uci_zip_is_reported(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / leaf.UCI_ZIP, "w") as archive:
        archive.write(write_uci(tmp_path)[0], "data_Mar_64.txt")
    with pytest.raises(DataError, match=r"has no data_Sha_64\.txt, data_Tex_64\.txt"):
        leaf.parse_uci_zip((tmp_path / leaf.UCI_ZIP,), UCI)
