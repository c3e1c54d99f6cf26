"""Leaf: 192 numbers per leaf, 99 species (Mallah, Cope, Orwell 2013); Kaggle's train.csv or UCI's three files."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import Bounds, read_file, read_members
from bnbench.data.formats.delimited import TableColumns, decode_text, read_table
from bnbench.data.types import Array, DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.data.validate import check_published
from bnbench.errors import DataError

GROUPS = ("margin", "shape", "texture")
NUMBERS = 64  # In each group of columns.
NUMBERED = tuple(str(i) for i in range(1, NUMBERS + 1))  # The names in UCI's files, if they got a header.
COLUMNS = tuple(f"{group}{i}" for group in GROUPS for i in range(1, NUMBERS + 1))
# The other columns of Kaggle's file.
OTHER_COLUMNS = ("id", "species")
# Digits of an id; the published ones have at most four.
MAX_DIGITS = 10
# See `validate.block_digests`.
BLOCK_DIGESTS = (
    "b0149986916ea591564539979a295ef710acd0dbbee45c134b2b0a92ad48"
    "5d1daf58ebf1b4223f439e52b462c6e39cc2c723c16471f8fcb4377b2c51"
)
# Bytes of one text file; the published ones have 0.7 to 1.6 million.
MAX_LISTED = 20_000_000
# The archive of UCI also has pictures of the leaves.
BOUNDS = Bounds(members=10_000, member_bytes=100_000_000, total_bytes=500_000_000)
UCI_FILES = ("data_Mar_64.txt", "data_Sha_64.txt", "data_Tex_64.txt")
UCI_FOLDER = "100 leaves plant species"
UCI_ZIP = "one+hundred+plant+species+leaves+data+set.zip"


@dataclass(frozen=True)
class Spec:
    """The expected content of the files."""

    species: int = 99
    rows_each: int = 10
    # Of the parsed arrays. If empty, any content is accepted.
    fingerprint: str = "aabb90c18178eb481b8e99880351e0222daf5aeca0b4d00555aa16bd72768ae2"
    # The checksums of parts of the rows.
    blocks: str = BLOCK_DIGESTS
    # A species that is left out, because its rows cannot be matched.
    incomplete: str = ""


KAGGLE = Spec()
# UCI lacks one texture row of the hundredth species, so its rows are left out. There is no reliable checksum of these
# files, so their counts are checked.
UCI = Spec(rows_each=16, fingerprint="", incomplete="Acer_Campestre")


def parse_kaggle(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of train.csv."""
    return _kaggle(read_file(paths[0], MAX_LISTED), paths[0], spec)


def parse_kaggle_zip(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of train.csv in a zip, as Kaggle publishes it."""
    return _kaggle(read_members(paths[0], ("train.csv",), BOUNDS)["train.csv"], paths[0] / "train.csv", spec)


def parse_uci(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of the margin, shape and texture files."""
    return _uci(
        {name: read_file(path, MAX_LISTED) for name, path in zip(UCI_FILES, paths, strict=True)}, paths[0].parent, spec
    )


def parse_uci_zip(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of UCI's zip."""
    return _uci(read_members(paths[0], UCI_FILES, BOUNDS), paths[0], spec)


def _kaggle(content: bytes, path: Path, spec: Spec) -> ParsedArrays:
    """x (rows, 192) float32 in the file's order, y (rows,) int32: species in alphabetical order."""
    table = read_table(
        decode_text(content, path), path, TableColumns(COLUMNS, "species", key="id"), exact=not spec.fingerprint
    )
    classes = _check_species(Counter(table.labels), str(path), spec)
    y = np.array([classes.index(name) for name in table.labels], np.int32)
    rows = _published_order(table.keys, len(y))
    parsed = ParsedArrays(table.values.astype(np.float32)[rows], y[rows], classes, 0)
    return check_published(parsed, spec.fingerprint, spec.blocks, str(path))


def _published_order(ids: list[str], rows: int) -> Array:
    """Return the rows by ascending id, as published; in the order of the file if there are no ids."""
    known = ids and all(cell.isdecimal() and len(cell) < MAX_DIGITS for cell in ids)
    return np.argsort([int(cell) for cell in ids], kind="stable") if known else np.arange(rows)


def _uci(contents: dict[str, bytes], place: Path, spec: Spec) -> ParsedArrays:
    """x (rows, 192) float32, species after species, y (rows,) int32; all files have a species' rows in one order."""
    groups = [_by_species(contents[name], place / name, spec) for name in UCI_FILES]
    classes = tuple(sorted(groups[0]))
    for name, group in zip(UCI_FILES, groups, strict=True):
        if set(group) != set(classes):
            different = sorted(set(group) ^ set(classes))[0]
            raise DataError(f"{place / name}: names other species than {UCI_FILES[0]}: {different}")
    x = np.concatenate([np.hstack([group[name] for group in groups]) for name in classes])
    y = np.repeat(np.arange(len(classes), dtype=np.int32), spec.rows_each)
    return ParsedArrays(x.astype(np.float32), y, classes, 0)


def _by_species(content: bytes, path: Path, spec: Spec) -> dict[str, Array]:
    table = read_table(decode_text(content, path), path, TableColumns(NUMBERED, "species"), exact=not spec.fingerprint)
    # Kaggle writes the names with underscores.
    species, values = np.array(["_".join(label.split()) for label in table.labels]), table.values
    kept = species != spec.incomplete
    _check_species(Counter(species[kept].tolist()), str(path), spec)
    return {str(name): values[species == name] for name in np.unique(species[kept])}


def _check_species(counts: Counter[str], where: str, spec: Spec) -> tuple[str, ...]:
    """Return the species in alphabetical order; raise if one has the wrong number of rows."""
    for name, count in sorted(counts.items()):
        if count != spec.rows_each:
            raise DataError(f"{where}: {count} rows of {name or '(no name)'}, wanted {spec.rows_each}: cut or edited?")
    if len(counts) != spec.species:
        raise DataError(f"{where}: {len(counts)} species, wanted {spec.species}: cut or edited?")
    return tuple(sorted(counts))


def forms(kaggle: Spec, uci: Spec) -> tuple[FileLayout, ...]:
    """Return the layouts, first Kaggle's, which the original experiment used."""
    files = tuple((name, f"{UCI_FOLDER}/{name}") for name in UCI_FILES)
    uci_title = "UCI data_Mar_64, data_Sha_64, data_Tex_64"
    return (
        FileLayout("Kaggle train.csv", (("train.csv", "train.csv.gz"),), partial(parse_kaggle, spec=kaggle)),
        FileLayout(
            "Kaggle train.csv", (("train.csv.zip", "leaf-classification.zip"),), partial(parse_kaggle_zip, spec=kaggle)
        ),
        FileLayout(uci_title, files, partial(parse_uci, spec=uci)),
        FileLayout(uci_title, ((UCI_ZIP, f"{UCI_FOLDER}.zip"),), partial(parse_uci_zip, spec=uci)),
    )


LEAF = DatasetSpec(
    name="leaf",
    title="Leaf: one-hundred plant species leaves",
    page="https://archive.ics.uci.edu/dataset/241/one+hundred+plant+species+leaves+data+set",
    licence="CC BY 4.0 (Mallah, Cope, Orwell 2013)",
    rows=1_584,
    shape=(len(COLUMNS),),
    class_count=99,
    value_range=(0.0, 1.0),
    forms=forms(KAGGLE, UCI),
    remotes=(
        RemoteFile(
            UCI_ZIP,
            (
                f"https://archive.ics.uci.edu/static/public/241/{UCI_ZIP}",
                "https://archive.ics.uci.edu/ml/machine-learning-databases/00241/100%20leaves%20plant%20species.zip",
            ),
        ),
    ),
    advice="Kaggle's train.csv (competition leaf-classification, 990 of the rows) needs a login there. The UCI form "
    "works, too: run `bnbench data fetch leaf`.",
    other_forms=(
        ("test.csv*", "the rows of Kaggle's competition without species: get train.csv"),
        ("sample_submission.csv*", "not the data: get train.csv"),
        ("images.zip", "the pictures of the leaves, not their numbers: get train.csv"),
        ("leaf.csv", "another data set (UCI 288): get train.csv, or UCI 241"),
        ("*.arff*", "OpenML's table is not read: get train.csv"),
        ("*.parquet", "a table of Hugging Face is not read: get train.csv"),
        ("*.xls*", "a spreadsheet is not read: save it as train.csv"),
    ),
    columns=COLUMNS,
    other_columns=OTHER_COLUMNS,
)

DATASETS = (LEAF,)
