"""Reads arrays from an .npz archive, as `numpy.savez` writes it, without pickles."""

import io
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import Bounds, read_members
from bnbench.data.types import Array
from bnbench.errors import DataError

# The maximum size of the header of an array, in bytes.
MAX_HEADER = 10_000


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
