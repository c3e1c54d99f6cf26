"""Read the user's files as rows for a saved model, in chunks, so that a file may be larger than the memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bnbench.commands.predict_arrays import read_array
from bnbench.commands.predict_images import read_image
from bnbench.commands.predict_own_tables import read_own_table
from bnbench.commands.predict_rows import InputRows
from bnbench.commands.predict_tables import read_table
from bnbench.data.own.table_files import PARQUET, TEXT
from bnbench.errors import DataError, did_you_mean
from bnbench.store.model_card import ModelCard

# File types, each with the function that yields the rows of a file.
READERS: Mapping[str, Callable[[Path, ModelCard], Iterator[InputRows]]] = MappingProxyType(
    {
        ".csv": read_table,
        ".csv.gz": read_table,
        ".npy": read_array,
        **dict.fromkeys((".png", ".jpg", ".jpeg"), read_image),
    }
)
IMAGES = (".png", ".jpg", ".jpeg")
# The file types of a model of an own table: tables are read as that one was.
OF_OWN_TABLES: Mapping[str, Callable[[Path, ModelCard], Iterator[InputRows]]] = MappingProxyType(
    {
        **{ending + packed: read_own_table for ending in TEXT for packed in ("", ".gz")},
        **dict.fromkeys(PARQUET, read_own_table),
        ".npy": read_array,
    }
)
# Called after each chunk with what was done ("checked", "predicted"), the number of rows so far, and the share of the
# file that has been read, from 0 to 1.
OnRows = Callable[[str, Path, int, float], object]
# Images look inverted if the cosine of the angle between their mean and the training mean, both as distances from
# middle gray, is below this. Measured on single images: of MNIST, Fashion-MNIST and digits none looks inverted, of
# notMNIST 3%.
INVERTED = -0.3
# There is no such note if the training mean is closer to middle gray than this share of the range, as in CIFAR-10,
# where 8% of the images would get it.
GRAY = 0.1


@dataclass(frozen=True)
class CheckedInput:
    """A file whose rows have all been read once and fit the model."""

    path: Path
    rows: int
    # How the values were changed to fit the model, and what looks wrong.
    notes: tuple[str, ...]


def list_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, with the images of a folder in place of a folder, in the order of their names.

    Raises:
        DataError: a folder has no images.
    """
    files: list[Path] = []
    for path in paths:
        inner = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGES) if path.is_dir() else [path]
        if not inner:
            raise DataError(f"{path}: a folder without images ({', '.join(IMAGES)}): give a file or a folder of images")
        files += inner
    return files


def check_input(path: Path, card: ModelCard, on_rows: OnRows) -> CheckedInput:
    """Read all rows of a file once, and return how many there are and what must be said about them.

    Raises:
        DataError: the file is missing, damaged, of an unknown type or of another shape, or a value is not finite.
    """
    summary, notes = _Summary(card), dict[str, None]()
    for chunk in read_chunks(path, card):
        summary.add(chunk.values)
        notes.update(dict.fromkeys(chunk.notes))
        on_rows("checked", path, summary.rows, chunk.share)
    if not summary.rows:
        raise DataError(f"{path}: contains no rows")
    return CheckedInput(path, summary.rows, (*notes, *(f"{path}: {note}" for note in summary.notes())))


def read_chunks(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield the rows of a file in the shape that the model needs, some megabytes at a time.

    Raises:
        DataError: as in `check_input`.
    """
    if not path.is_file():
        raise DataError(f"{path}: {_why_no_file(path)}")
    readers = OF_OWN_TABLES if card.table else READERS
    reader = next((read for ending, read in readers.items() if path.name.lower().endswith(ending)), None)
    if reader is None:
        raise DataError(f"{path}: unknown file type: use one of {', '.join(readers)}")
    # This also rejects special files such as /dev/zero, which have no size and never end.
    if not path.stat().st_size:
        raise DataError(f"{path}: contains no rows")
    for chunk in reader(path, card):
        values = card.fill_missing(chunk.values)
        if not np.isfinite(values).all():
            row = int(np.argwhere(~np.isfinite(values))[0][0]) + chunk.first
            raise DataError(f"{path}: row {row}: a value is not a finite number")
        yield replace(chunk, values=values)


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "a folder: give a file"
    neighbors = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
    return f"no such file{did_you_mean(path.name, neighbors)}"


class _Summary:
    """What the values of a file look like, to compare them with the training data."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self.rows = 0
        self._sum: NDArray[np.float64] = np.zeros(card.shape)
        self._low, self._high = np.inf, -np.inf
        self._has_fractions = False

    def add(self, values: NDArray[np.float64]) -> None:
        """Add rows of shape (rows, *shape)."""
        if len(values):
            self.rows += len(values)
            # Numbers near the end of the range have no finite sum, and then nothing is said about their mean.
            with np.errstate(over="ignore", invalid="ignore"):
                self._sum += values.sum(axis=0)
            self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
            self._has_fractions = self._has_fractions or bool((values % 1 != 0).any())

    def notes(self) -> Iterator[str]:
        """Yield what looks wrong: values on another scale than the training data, or an inverted image."""
        low, high = self._card.value_range
        # The model contains the scaling, and would scale these values twice.
        scaled = high > 1 and self._low >= 0 and self._high <= 1 and self._has_fractions
        # The range of an own table is that of its rows, and new rows may have other values.
        outside = not self._card.table and (self._low < low or self._high > high)
        if outside or scaled:
            yield (
                f"the values are {self._low:g} to {self._high:g}, but {self._card.data} is stored as {low:g} to "
                f"{high:g}, and the model scales its inputs itself"
            )
        elif self._looks_inverted():
            yield (
                f"looks inverted: its mean is nearer to the training data with light and dark exchanged "
                f"({low + high:g} - x) than to the training data"
            )

    def _looks_inverted(self) -> bool:
        low, high = self._card.value_range
        middle = (low + high) / 2
        trained = np.array(self._card.mean) - middle
        if len(self._card.shape) != 3 or not trained.size or np.sqrt(np.mean(trained**2)) < GRAY * (high - low):
            return False
        given = self._sum.ravel() / self.rows - middle
        with np.errstate(over="ignore", invalid="ignore"):
            return bool(given @ trained < INVERTED * np.linalg.norm(given) * np.linalg.norm(trained))
