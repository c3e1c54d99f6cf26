"""Leaf: 192 numbers per leaf, 99 species (Mallah, Cope, Orwell 2013); Kaggle's train.csv or UCI's three files."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import Bounds, check_sha256, read_file, read_members
from bnbench.data.formats.delimited import decode_text, labeled_rows
from bnbench.data.types import Array, DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.errors import DataError

GROUPS = ("margin", "shape", "texture")
NUMBERS = 64  # In each group of columns.
COLUMNS = tuple(f"{group}{i}" for group in GROUPS for i in range(1, NUMBERS + 1))
# The other columns of Kaggle's file.
OTHER_COLUMNS = ("id", "species")
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
    # If empty, any content is accepted.
    sha256: str = "8a89eae52b86999e720916c6145b0735d9bc830e3358d45ae8d3c195c86f50dc"
    # A species that is left out, because its rows cannot be matched.
    incomplete: str = ""


KAGGLE = Spec()
# UCI lacks one texture row of the hundredth species, so its rows are left out. There is no reliable checksum of these
# files, so their counts are checked.
UCI = Spec(rows_each=16, sha256="", incomplete="Acer_Campestre")


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
    text = decode_text(content, path)
    header, *lines = text.split("\n")
    if header.split(",") != [*OTHER_COLUMNS, *COLUMNS]:
        raise DataError(f"{path}: line 1: wanted the columns id, species, margin1 to texture64; found {header[:60]!r}")
    without_id = [line.partition(",")[2] for line in lines]
    species, values = labeled_rows(without_id, path, len(COLUMNS), first_line=2)
    classes = _check_species(Counter(species), str(path), spec)
    check_sha256(text.encode(), spec.sha256, str(path))
    return ParsedArrays(
        values.astype(np.float32), np.array([classes.index(name) for name in species], np.int32), classes, 0
    )


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
    labels, values = labeled_rows(decode_text(content, path).split("\n"), path, NUMBERS)
    # Kaggle writes the names with underscores.
    species = np.array(["_".join(label.split()) for label in labels])
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
        FileLayout("Kaggle train.csv", (("train.csv",),), partial(parse_kaggle, spec=kaggle)),
        FileLayout("Kaggle train.csv", (("train.csv.zip",),), partial(parse_kaggle_zip, spec=kaggle)),
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
    columns=COLUMNS,
    other_columns=OTHER_COLUMNS,
)

DATASETS = (LEAF,)
