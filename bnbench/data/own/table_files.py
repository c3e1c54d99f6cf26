"""Opens an own table by the ending of its name."""

from pathlib import Path

from bnbench.data.own.parquet import open_parquet
from bnbench.data.own.table_inputs import TableInputs
from bnbench.data.own.table_types import TableFile
from bnbench.data.own.text_table import open_text
from bnbench.errors import DataError

TEXT = (".csv", ".tsv", ".tab", ".txt", ".data", ".dat")
PARQUET = (".parquet", ".pq")
# What other files are, by their endings.
OTHERS = {
    **dict.fromkeys((".xls", ".xlsx", ".xlsm", ".ods"), "a spreadsheet: save it as CSV"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "a pickle, which can run code: save it as CSV or Parquet"),
    **dict.fromkeys((".zip", ".7z", ".tar", ".tgz", ".xz", ".bz2"), "an archive: unpack it"),
    **dict.fromkeys((".npy", ".npz"), "an array of NumPy: use data.arrays"),
    **dict.fromkeys((".json", ".jsonl", ".arff", ".feather", ".h5", ".hdf5", ".mat", ".sav", ".rds", ".db", ".sqlite"),
                    "no table of text: save it as CSV"),
    **dict.fromkeys((".png", ".jpg", ".jpeg"), "an image: use data.images for a folder of images"),
}  # fmt: skip


def open_table(path: Path, how: TableInputs) -> TableFile:
    """Return a table after a check of the names of its columns.

    Raises:
        DataError: the file is no table that is read, or columns have no name or one name, or there are too many.
    """
    ending = ending_of(path)
    if ending in PARQUET:
        return open_parquet(path)
    if ending not in TEXT:
        known = ", ".join((*TEXT[:4], PARQUET[0]))
        raise DataError(f"{path}: {OTHERS.get(ending, 'unknown type of file')} ({known} are read)")
    return open_text(path, ending, how)


def ending_of(path: Path) -> str:
    """Return the ending of a name in lower case, without `.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-2] if suffixes[-1:] == [".gz"] and suffixes[-2:-1] else (suffixes or [""])[-1]
