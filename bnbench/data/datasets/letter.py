"""Letter Recognition: 20,000 printed capital letters, as 16 whole numbers each (UCI 59; Slate 1991)."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from bnbench.data.formats.archives import Bounds, read_file, read_members
from bnbench.data.formats.delimited import TableColumns, decode_text, read_table
from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.data.validate import check_published
from bnbench.errors import DataError

FILE = "letter-recognition.data"
# Other archives have the same rows, often with a header.
NAMES = (FILE, f"{FILE}.gz", "letter-recognition.csv", "letter-recognition.csv.gz")
ARCHIVE = "letter+recognition.zip"
COLUMNS = (
    "x-box", "y-box", "width", "high", "onpix", "x-bar", "y-bar", "x2bar", "y2bar", "xybar", "x2ybr", "xy2br", "x-ege",
    "xegvy", "y-ege", "yegvx",
)  # fmt: skip  # as UCI names them; the file itself has no header
# See `validate.block_digests`.
BLOCK_DIGESTS = (
    "d42b41a19f7622d90f161b8e7104c171c5a3f3f5794ff6eabb88600bb31e"
    "eb48d2be43187211bde7e448533de4779addfafbb3cdacb4a2381937abee"
)
# Bytes; the published file has 712,565.
MAX_LISTED = 10_000_000


@dataclass(frozen=True)
class Spec:
    """The expected content of the file."""

    rows: int = 20_000
    # Its description says: "train on the first 16,000, test on the rest".
    test_rows: int = 4_000
    # Of the parsed arrays. If empty, any content is accepted.
    fingerprint: str = "942c328f23710251aac4c27130a0975e91f4b47684b3865ab98d1a07bf43dee2"
    # The checksums of parts of the rows.
    blocks: str = BLOCK_DIGESTS


def parse_file(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of letter-recognition.data."""
    return parse(read_file(paths[0], MAX_LISTED), paths[0], spec)


def parse_archive(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of UCI's zip."""
    contents = read_members(paths[0], (FILE,), Bounds(members=20, member_bytes=MAX_LISTED, total_bytes=5 * MAX_LISTED))
    return parse(contents[FILE], paths[0] / FILE, spec)


def parse(content: bytes, path: Path, spec: Spec) -> ParsedArrays:
    """Return x (rows, 16) uint8 and y (rows,) int32, where A is 0.

    Raises:
        DataError: a line, label or value is wrong, or the content is not the published one.
    """
    table = read_table(decode_text(content, path), path, TableColumns(COLUMNS, "lettr"), exact=not spec.fingerprint)
    labels, values = table.labels, table.values
    if len(labels) != spec.rows:
        raise DataError(f"{path}: {len(labels):,} rows, wanted {spec.rows:,}: cut or damaged")
    wrong = [i for i, label in enumerate(labels) if label not in ascii_uppercase or len(label) != 1]
    if wrong:
        raise DataError(f"{path}: row {wrong[0] + 1}: label {labels[wrong[0]]!r}, wanted a letter from A to Z")
    outside = np.argwhere((values < 0) | (values > 15) | (values % 1 != 0))
    if len(outside):
        row, column = outside[0]
        raise DataError(f"{path}: row {row + 1}: {values[row, column]:g}, wanted whole numbers from 0 to 15")
    y = np.array([ascii_uppercase.index(label) for label in labels], np.int32)
    parsed = ParsedArrays(values.astype(np.uint8), y, tuple(ascii_uppercase), spec.test_rows)
    return check_published(parsed, spec.fingerprint, spec.blocks, str(path))


def forms(spec: Spec) -> tuple[FileLayout, ...]:
    """Return the layouts: the file, or UCI's zip with the file."""
    return (
        FileLayout("UCI letter-recognition.data", (NAMES,), partial(parse_file, spec=spec)),
        FileLayout("UCI letter-recognition.data", ((ARCHIVE,),), partial(parse_archive, spec=spec)),
    )


LETTER = DatasetSpec(
    name="letter",
    title="Letter Recognition",
    page="https://archive.ics.uci.edu/dataset/59/letter+recognition",
    licence="CC BY 4.0 (Slate 1991)",
    rows=20_000,
    shape=(len(COLUMNS),),
    class_count=26,
    value_range=(0.0, 15.0),
    forms=forms(Spec()),
    columns=COLUMNS,
    other_columns=("lettr",),
    other_forms=(
        ("letter-recognition.names", "the description of the data, without them"),
        ("letter-recognition.data.z", "an old archive that is not read: unpack it with `uncompress`"),
        ("*.arff*", "OpenML's table is not read: get letter-recognition.data"),
        ("*.parquet", "a table of Hugging Face is not read: get letter-recognition.data"),
        ("*.xls*", "a spreadsheet is not read: save it as letter-recognition.csv"),
    ),
    # The zip has no published checksum, so the arrays in it are checked by their fingerprint.
    remotes=(RemoteFile(ARCHIVE, (f"https://archive.ics.uci.edu/static/public/59/{ARCHIVE}",)),),
)

DATASETS = (LETTER,)
