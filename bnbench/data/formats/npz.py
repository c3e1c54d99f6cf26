"""Reads arrays from .npz archives and .npy files, as NumPy writes them, within bounds and without pickles."""

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from bnbench.data.formats.archives import Bounds, check_file, damage_reported, read_members
from bnbench.data.types import Array
from bnbench.errors import DataError, did_you_mean, shorten

# The maximum size of the header of an array, in bytes.
MAX_HEADER = 10_000
# The maximum size of an array of the user's own, in bytes, and of arrays in an archive.
MAX_BYTES, MAX_MEMBERS = 8_000_000_000, 10_000
# Names in a message.
MAX_NAMED = 20
# Booleans, whole numbers, floats, and text.
KINDS = "buifUS"


@dataclass(frozen=True)
class ArrayHeader:
    """What a file says of an array before its values."""

    shape: tuple[int, ...]
    dtype: np.dtype


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Return arrays of bytes by name, each of the given shape and dtype uint8.

    Raises:
        DataError: the file is damaged, lacks an array, or an array has another shape or type.
    """
    sizes = [prod(shape) + MAX_HEADER for shape in shapes.values()]
    bounds = Bounds(members=100, member_bytes=max(sizes), total_bytes=2 * sum(sizes))
    contents = read_members(path, tuple(f"{name}.npy" for name in shapes), bounds)
    return {name: _read_array(contents[f"{name}.npy"], f"{path}: {name}", shape) for name, shape in shapes.items()}


def _read_array(content: bytes, where: str, shape: tuple[int, ...]) -> Array:
    try:
        array: Array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:
        # NumPy parses the header as Python text, and a damaged header can raise almost any error.
        raise DataError(f"{where}: cut or damaged ({str(error)[:200]}): download it again") from error
    if not isinstance(array, np.ndarray) or array.shape != shape or array.dtype != np.uint8:
        found = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else "an archive"
        raise DataError(f"{where}: {found}, wanted uint8 of shape {shape}")
    return array


def read_own_arrays(path: Path, names: Sequence[str]) -> dict[str, Array]:
    """Return arrays of numbers or text by name: of an .npz archive, or of the .npy files in a folder.

    Raises:
        DataError: the file is damaged or too large, lacks an array, or an array holds objects.
    """
    if path.is_dir():
        return {name: _read_npy(array_file(path, name)) for name in names}
    with _opened(path) as archive:
        return {name: _read_member(archive, name, path) for name in names}


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with damage_reported(path):
        check_file(path)
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MAX_MEMBERS:
                raise DataError(f"{path}: refused: more than {MAX_MEMBERS:,} files")
            yield archive


def array_file(folder: Path, name: str) -> Path:
    """Return the path of an array in a folder: its name, with or without `.npy`."""
    return folder / (name if name.endswith(".npy") else f"{name}.npy")


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in an .npz archive or a folder, without their endings."""
    if path.is_dir():
        return sorted(file.stem for file in path.glob("*.npy"))
    with _opened(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_headers(path: Path) -> dict[str, ArrayHeader]:
    """Return shape and type of the arrays of an .npz archive, or of the .npy files in a folder, without their values.

    Arrays without a readable header are left out.

    Raises:
        DataError: the archive is damaged.
    """
    if path.is_dir():
        found = {file.stem: _header_of_file(file) for file in sorted(path.glob("*.npy"))}
    else:
        with _opened(path) as archive:
            found = {
                info.filename.removesuffix(".npy"): _header_of_member(archive, info) for info in archive.infolist()
            }
    return {name: header for name, header in found.items() if header}


def _header_of_file(path: Path) -> ArrayHeader | None:
    with damage_reported(path):
        check_file(path)
        with path.open("rb") as stream:
            return _try_header(stream)


def _header_of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHeader | None:
    with archive.open(info) as stream:
        return _try_header(stream)


def _try_header(stream: IO[bytes]) -> ArrayHeader | None:
    try:
        shape, _, dtype = _read_header(stream)
    except Exception:
        # NumPy parses the header as Python text, and a damaged header can raise almost any error.
        return None
    return ArrayHeader(shape, dtype)


def _read_member(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    where, inner = f"{path}: {name}", f"{name.removesuffix('.npy')}.npy"
    try:
        info = archive.getinfo(inner)
    except KeyError:
        names = [other.removesuffix(".npy") for other in archive.namelist()]
        known = ", ".join(map(shorten, names[:MAX_NAMED]))
        raise DataError(f"{path}: no array {shorten(name)}{did_you_mean(name, names)}; it has {known}") from None
    with archive.open(info) as stream:
        return _read_stream(stream, info.file_size, where)


def _read_npy(path: Path) -> Array:
    with damage_reported(path):
        check_file(path)
        with path.open("rb") as stream:
            return _read_stream(stream, path.stat().st_size, str(path))


def _read_stream(stream: IO[bytes], size: int, where: str) -> Array:
    """Return the array in an open file of `size` bytes, after a check of what its header announces."""
    try:
        shape, in_columns, dtype = _read_header(stream)
    except Exception as error:
        # NumPy parses the header as Python text, and a damaged header can raise almost any error.
        raise DataError(f"{where}: not a readable array ({str(error)[:200]})") from error
    if dtype.hasobject:
        raise DataError(f"{where}: holds Python objects, which can run code: save an array of numbers or text")
    if dtype.kind not in KINDS:
        raise DataError(f"{where}: holds {dtype}, wanted numbers or text")
    announced = prod(shape) * dtype.itemsize
    if announced > MAX_BYTES:
        raise DataError(f"{where}: {announced:,} bytes, wanted at most {MAX_BYTES:,}")
    if announced > size:
        raise DataError(f"{where}: its header announces {announced:,} bytes, but there are {size:,}: cut or damaged")
    content = stream.read(announced)
    if len(content) != announced or stream.read(1):
        raise DataError(f"{where}: has not the {announced:,} bytes that its header announces: cut or damaged")
    array: Array = np.frombuffer(content, dtype)
    return array.reshape(shape[::-1]).T if in_columns else array.reshape(shape)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return the shape of an array, whether it is stored column by column, and its type."""
    version = npy.read_magic(stream)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"version {version} of the format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = read(stream, max_header_size=MAX_HEADER)
    if any(length < 0 for length in shape):
        raise ValueError(f"the shape {shape}")
    return shape, in_columns, dtype
