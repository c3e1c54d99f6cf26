"""A person's file -> rows as a saved model takes them: tables (.csv), arrays (.npy), images (.png, .jpg)."""

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.data import access
from bnbench.data.formats.delimited import decode_text, parse_number
from bnbench.errors import DataError, did_you_mean
from bnbench.store.model_card import ModelCard

MAX_PIXELS = 50_000_000  # each of which takes up to 12 bytes on the way


@dataclass(frozen=True)
class InputRows:
    """What a file holds."""

    path: Path
    values: NDArray[np.float64]  # (rows, *shape), on the scale on which the data set is stored
    notes: tuple[str, ...] = ()  # what was done to them so that they fit, and what looks odd


def read_inputs(path: Path, takes: ModelCard) -> InputRows:
    """The rows of a file, of the shape that the model takes.

    Raises:
        DataError: no such file, of no known kind, damaged, of another shape, or with what is no finite number.
    """
    readers = {".csv": _table, ".npy": _array, ".png": _image, ".jpg": _image, ".jpeg": _image}
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*")]) if path.parent.is_dir() else ""
        raise DataError(f"{path}: {'a folder, wanted a file' if path.is_dir() else f'no such file{near}'}")
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: of an unknown kind, wanted one of {', '.join(readers)}")
    if not path.stat().st_size:  # or it says so, and is endless
        raise DataError(f"{path}: holds no rows")
    rows = readers[path.suffix.lower()](path, takes)
    if not rows.values.size:
        raise DataError(f"{path}: holds no rows")
    if not np.isfinite(rows.values).all():
        row = int(np.argwhere(~np.isfinite(rows.values))[0][0]) + 1
        raise DataError(f"{path}: row {row} holds a value that is not a finite number")
    return InputRows(path, rows.values, (*rows.notes, *_scale_note(rows, takes)))


def _scale_note(rows: InputRows, takes: ModelCard) -> list[str]:
    """The model holds its own scaling: values that are scaled already would be scaled twice."""
    low, high = takes.value_range
    least, most = float(rows.values.min()), float(rows.values.max())
    scaled = high > 1 and least >= 0 and most <= 1 and bool((rows.values % 1 != 0).any())
    if low <= least and most <= high and not scaled:
        return []
    return [
        f"{rows.path}: values from {least:g} to {most:g}, but those of {takes.data} are stored as {low:g} to {high:g}, "
        "and the model scales them itself"
    ]


def _table(path: Path, takes: ModelCard) -> InputRows:
    """One row a sample, with or without a header."""
    try:
        reader = csv.reader(decode_text(path.read_bytes(), path).splitlines(), skipinitialspace=True)
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except (OSError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if not lines:
        raise DataError(f"{path}: holds no rows")
    first = [cell.strip() for cell in lines[0][1]]
    header = _is_header(first)
    places = _named_places(first, takes, path) if header else _places(first, takes, path)
    rows = []
    for line, cells in lines[header:]:
        if len(cells) != len(first):
            raise DataError(f"{path}: line {line}: {len(cells)} columns, wanted {len(first)} as in the first line")
        rows.append([parse_number(cells[i], f"{path}: line {line}, column {i + 1}") for i in places])
    return InputRows(path, np.array(rows, np.float64).reshape(-1, *takes.shape))


def _is_header(cells: Sequence[str]) -> bool:
    """Whether a line holds names: no number, or 0, 1, 2 ... as pandas names columns that have no name."""
    named = [cell for cell in cells if cell]
    return not any(_is_number(cell) for cell in cells) or named == [str(i) for i in range(len(named))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _other_names(takes: ModelCard) -> tuple[str, ...]:
    source = access.DATASETS.get(takes.data)
    return source.other_columns if source else ()


def _named_places(header: list[str], takes: ModelCard, path: Path) -> list[int]:
    """Where the values stand below a header: by name if they have the data set's names, else in their order."""
    source = access.DATASETS.get(takes.data)
    names, others = source.columns if source else (), (*_other_names(takes), "")  # an index has no name in pandas
    if len(names) != prod(takes.shape) or not set(names) & set(header):
        places = [i for i, name in enumerate(header) if name not in others]
        if len(places) != prod(takes.shape):
            raise DataError(f"{path}: line 1: {_wrong_count(header, takes)}")
        return places
    unknown = [name for name in header if name not in (*names, *others)]
    missing = [name for name in names if name not in header]
    twice = [name for name in names if header.count(name) > 1]
    if unknown or missing or twice:
        told = [f"unknown column {name!r}{did_you_mean(name, missing or names)}" for name in unknown[:1]]
        told += [f"{len(missing)} of {len(names)} columns are missing: {', '.join(missing[:3])}"] if missing else []
        told += [f"column {name!r} stands twice" for name in twice[:1]]
        raise DataError(f"{path}: line 1: {'; '.join(told)}; wanted {names[0]} to {names[-1]}")
    return [header.index(name) for name in names]


def _places(cells: list[str], takes: ModelCard, path: Path) -> list[int]:
    """Where the values stand without a header: everywhere, or behind the columns that the set's own file has."""
    wanted, others = prod(takes.shape), _other_names(takes)
    if len(cells) not in {wanted, wanted + len(others)}:
        raise DataError(f"{path}: line 1: {_wrong_count(cells, takes)}")
    return list(range(len(cells) - wanted, len(cells)))


def _wrong_count(cells: list[str], takes: ModelCard) -> str:
    wanted, others = prod(takes.shape), _other_names(takes)
    more = f", or {wanted + len(others)} with {' and '.join(others)} before them" if others else ""
    hint = ": its separator is ';', wanted ','" if ";" in cells[0] else ""
    return f"{len(cells)} column{'s' * (len(cells) != 1)}, wanted {wanted} numbers of {takes.data}{more}{hint}"


def _array(path: Path, takes: ModelCard) -> InputRows:
    """One sample, or a batch of them; an axis of one channel may be left out."""
    try:
        x: Any = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy parses a header as Python's own text, which fails in every way there is
        reason = str(error).partition(".")[0] or type(error).__name__
        raise DataError(f"{path}: no plain array that can be read: {reason}") from error
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif":
        raise DataError(f"{path}: holds {getattr(x, 'dtype', 'an archive')}, wanted one array of numbers")
    shapes = [takes.shape] + [takes.shape[:-1]] * (len(takes.shape) > 1 and takes.shape[-1] == 1)
    if x.shape not in shapes and x.shape[1:] not in shapes:
        told = ", ".join(map(str, takes.shape))
        raise DataError(f"{path}: an array of {x.shape}, wanted ({told}) for one row or (rows, {told}) for several")
    return InputRows(path, x.astype(np.float64).reshape(-1, *takes.shape))


def _image(path: Path, takes: ModelCard) -> InputRows:
    """One image, made grey or coloured, of the model's size and of its range of values."""
    from PIL import Image, ImageOps

    if len(takes.shape) != 3 or takes.shape[2] not in {1, 3}:
        raise DataError(f"{path}: an image, but this model takes {prod(takes.shape)} numbers of {takes.data}")
    height, width, channels = takes.shape
    mode, kind = ("L", "grey") if channels == 1 else ("RGB", "colour")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG", "JPEG")) as opened:
            if prod(opened.size) > MAX_PIXELS:
                size = f"{opened.width} x {opened.height}"
                raise DataError(f"{path}: an image of {size}, wanted at most {MAX_PIXELS:,} pixels")
            upright = ImageOps.exif_transpose(opened)  # a phone stores how it was held
            if upright.has_transparency_data and upright.convert("RGBA").getchannel("A").getextrema()[0] != 255:
                raise DataError(f"{path}: has transparent pixels, wanted an image on its background")
            if upright.mode.startswith(("I", "F")):
                raise DataError(f"{path}: an image of mode {upright.mode}, wanted 8 bits a channel")
            notes = [f"{path}: made {kind} (it was {upright.mode})"] if upright.mode != mode else []
            if upright.size != (width, height):
                notes.append(f"{path}: resized from {upright.width} x {upright.height} to {width} x {height}")
            pixels = np.asarray(upright.convert(mode).resize((width, height)), np.float64)
    except DataError:
        raise
    except Exception as error:  # Pillow raises errors of every kind, of what stands beside the pixels as well
        raise DataError(f"{path}: no PNG or JPEG that can be read: {error}") from error
    high = takes.value_range[1]
    if high != 255:
        notes.append(f"{path}: brightness 0 to 255 brought to 0 to {high:g}, as {takes.data} is stored")
    return InputRows(path, (pixels * (high / 255)).reshape(1, *takes.shape), tuple(notes))
