"""Read the user's files as rows for a saved model: tables (.csv), arrays (.npy), images (.png, .jpg)."""

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bnbench.data import access
from bnbench.data.formats.delimited import decode_text, parse_number
from bnbench.errors import DataError, did_you_mean
from bnbench.store.model_card import ModelCard

# Each pixel takes up to 12 bytes while an image is converted.
MAX_PIXELS = 50_000_000


@dataclass(frozen=True)
class InputRows:
    """The rows of a file."""

    path: Path
    # Of shape (rows, *shape), on the scale of the stored data set.
    values: NDArray[np.float64]
    # How the values were changed to fit the model, and what looks wrong.
    notes: tuple[str, ...] = ()


def read_inputs(path: Path, card: ModelCard) -> InputRows:
    """Return the rows of a file in the shape that the model needs.

    Raises:
        DataError: the file is missing, damaged, of an unknown type or of another shape, or a value is not finite.
    """
    readers = {".csv": _read_table, ".npy": _read_array, ".png": _read_image, ".jpg": _read_image, ".jpeg": _read_image}
    if not path.is_file():
        raise DataError(f"{path}: {_why_no_file(path)}")
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: unknown file type: use one of {', '.join(readers)}")
    # This also rejects special files such as /dev/zero, which have no size and never end.
    if not path.stat().st_size:
        raise DataError(f"{path}: contains no rows")
    rows = readers[path.suffix.lower()](path, card)
    if not rows.values.size:
        raise DataError(f"{path}: contains no rows")
    if not np.isfinite(rows.values).all():
        row = int(np.argwhere(~np.isfinite(rows.values))[0][0]) + 1
        raise DataError(f"{path}: row {row}: a value is not a finite number")
    return InputRows(path, rows.values, (*rows.notes, *_scale_notes(rows, card)))


def _why_no_file(path: Path) -> str:
    if path.is_dir():
        return "a folder: give a file"
    neighbors = [other.name for other in path.parent.glob("*")] if path.parent.is_dir() else []
    return f"no such file{did_you_mean(path.name, neighbors)}"


def _scale_notes(rows: InputRows, card: ModelCard) -> list[str]:
    """Return a warning if the values look scaled: the model contains the scaling and would scale them twice."""
    low, high = card.value_range
    smallest, largest = float(rows.values.min()), float(rows.values.max())
    scaled = high > 1 and smallest >= 0 and largest <= 1 and bool((rows.values % 1 != 0).any())
    if low <= smallest and largest <= high and not scaled:
        return []
    return [
        f"{rows.path}: the values are {smallest:g} to {largest:g}, but {card.data} is stored as {low:g} to {high:g}, "
        "and the model scales its inputs itself"
    ]


def _read_table(path: Path, card: ModelCard) -> InputRows:
    """Read a CSV file with one sample per row, with or without a header."""
    try:
        reader = csv.reader(decode_text(path.read_bytes(), path).splitlines(), skipinitialspace=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if not lines:
        raise DataError(f"{path}: contains no rows")
    first = [cell.strip() for cell in lines[0][1]]
    header = _is_header(first)
    columns = _columns_by_name(first, card, path) if header else _columns_by_position(first, card, path)
    rows = []
    for line, cells in lines[1:] if header else lines:
        if len(cells) != len(first):
            raise DataError(f"{path}: line {line}: {len(cells)} columns, expected {len(first)} as in the first line")
        rows.append([parse_number(cells[i], f"{path}: line {line}, column {i + 1}") for i in columns])
    return InputRows(path, np.array(rows, np.float64).reshape(-1, *card.shape))


def _is_header(cells: Sequence[str]) -> bool:
    """Return whether a line contains names: no numbers, or 0, 1, 2 ..., as pandas calls columns without names."""
    named = [cell for cell in cells if cell]
    return not any(_is_number(cell) for cell in cells) or named == [str(i) for i in range(len(named))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _other_columns(card: ModelCard) -> tuple[str, ...]:
    """Return the columns of the data set's own file that are not inputs, such as `id`."""
    dataset = access.DATASETS.get(card.data)
    return dataset.other_columns if dataset else ()


def _columns_by_name(header: list[str], card: ModelCard, path: Path) -> list[int]:
    """Return the positions of the inputs: by the names of the data set if the header has them, else in file order."""
    dataset = access.DATASETS.get(card.data)
    names = dataset.columns if dataset else ()
    # pandas writes an index as a column without a name.
    others = (*_other_columns(card), "")
    if len(names) != prod(card.shape) or not set(names) & set(header):
        positions = [i for i, name in enumerate(header) if name not in others]
        if len(positions) != prod(card.shape):
            raise DataError(f"{path}: line 1: {_wrong_count(header, card)}")
        return positions
    if problems := _header_problems(header, names, others):
        raise DataError(f"{path}: line 1: {'; '.join(problems)}; expected {names[0]} to {names[-1]}")
    return [header.index(name) for name in names]


def _header_problems(header: list[str], names: Sequence[str], others: Sequence[str]) -> list[str]:
    unknown = [name for name in header if name not in (*names, *others)]
    missing = [name for name in names if name not in header]
    repeated = [name for name in names if header.count(name) > 1]
    problems = [f"unknown column {name!r}{did_you_mean(name, missing or names)}" for name in unknown[:1]]
    if missing:
        problems.append(f"{len(missing)} of {len(names)} columns are missing: {', '.join(missing[:3])}")
    return problems + [f"column {name!r} is repeated" for name in repeated[:1]]


def _columns_by_position(cells: list[str], card: ModelCard, path: Path) -> list[int]:
    """Return the positions of the inputs in a file without a header: all columns, or those after the other columns."""
    expected, others = prod(card.shape), _other_columns(card)
    if len(cells) not in {expected, expected + len(others)}:
        raise DataError(f"{path}: line 1: {_wrong_count(cells, card)}")
    return list(range(len(cells) - expected, len(cells)))


def _wrong_count(cells: list[str], card: ModelCard) -> str:
    expected, others = prod(card.shape), _other_columns(card)
    columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
    more = f", or {expected + len(others)} with {' and '.join(others)} first" if others else ""
    hint = ": separate the values by ',', not by ';'" if ";" in cells[0] else ""
    return f"{columns}, expected {expected} numbers of {card.data}{more}{hint}"


def _read_array(path: Path, card: ModelCard) -> InputRows:
    """Read a NumPy array with one sample or a batch. An axis of one channel may be missing."""
    try:
        x: Any = np.load(path, allow_pickle=False)
    except Exception as error:
        # NumPy parses the header of a file as Python source code, so a damaged one can raise any error.
        reason = str(error).partition(".")[0] or type(error).__name__
        raise DataError(f"{path}: not a readable array of numbers: {reason}") from error
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif":
        raise DataError(f"{path}: contains {getattr(x, 'dtype', 'an archive')}, expected one array of numbers")
    one_channel = len(card.shape) > 1 and card.shape[-1] == 1
    shapes = [card.shape, card.shape[:-1]] if one_channel else [card.shape]
    if x.shape not in shapes and x.shape[1:] not in shapes:
        shape = ", ".join(map(str, card.shape))
        raise DataError(
            f"{path}: the shape is {x.shape}, expected ({shape}) for one row or (rows, {shape}) for several"
        )
    return InputRows(path, x.astype(np.float64).reshape(-1, *card.shape))


def _read_image(path: Path, card: ModelCard) -> InputRows:
    """Read an image and convert its color, its size and its range of values to match the data set."""
    if len(card.shape) != 3 or card.shape[2] not in {1, 3}:
        raise DataError(f"{path}: an image, but this model needs {prod(card.shape)} numbers of {card.data}")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG", "JPEG")) as opened:
            if prod(opened.size) > MAX_PIXELS:
                size = f"{opened.width} x {opened.height}"
                raise DataError(f"{path}: the image is {size}, but at most {MAX_PIXELS:,} pixels are allowed")
            pixels, changes = _convert_image(opened, path, card)
    except DataError:
        raise
    except Exception as error:
        # Pillow raises errors of every kind, also for damaged metadata.
        raise DataError(f"{path}: not a readable PNG or JPEG image: {error}") from error
    high = card.value_range[1]
    if high != 255:
        changes.append(f"brightness 0 to 255 scaled to 0 to {high:g}, as {card.data} is stored")
    notes = tuple(f"{path}: {change}" for change in changes)
    return InputRows(path, (pixels * (high / 255)).reshape(1, *card.shape), notes)


def _convert_image(image: Image.Image, path: Path, card: ModelCard) -> tuple[NDArray[np.float64], list[str]]:
    """Return the pixels, from 0 to 255, in the size and color mode of the model, and what was changed."""
    height, width, channels = card.shape
    mode, color = ("L", "gray") if channels == 1 else ("RGB", "color")
    # A phone stores in which direction it was held.
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data and upright.convert("RGBA").getchannel("A").getextrema()[0] != 255:
        raise DataError(f"{path}: has transparent pixels: give the image a background")
    if upright.mode.startswith(("I", "F")):
        raise DataError(f"{path}: the image has mode {upright.mode}, expected 8 bits per channel")
    changes = [f"converted to {color} (it was {upright.mode})"] if upright.mode != mode else []
    if upright.size != (width, height):
        changes.append(f"resized from {upright.width} x {upright.height} to {width} x {height}")
    return np.asarray(upright.convert(mode).resize((width, height)), np.float64), changes
