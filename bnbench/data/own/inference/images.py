"""Infers the keys of `data` for a folder of images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bnbench.data.formats.images import ImageHeader, read_header
from bnbench.data.own.inference.types import Inferred, Steps
from bnbench.data.own.readers.images import list_parts

# The images whose sizes are looked at. A run looks at all of them.
MAX_OPENED = 5_000
# Larger images are resized to this: a first look on a CPU should not take an hour.
MAX_SIDE = 64
# Sides that images are resized to; the networks halve them two or three times.
STEP = 8


def infer_images(path: Path) -> Inferred:
    """Return the keys of `data` for a folder of images, without the key `images`.

    Raises:
        DataError: it has no folders of classes, or an image cannot be opened.
    """
    parts = list_parts(path)
    files = [file for part in parts.values() for file in part]
    step = max(1, len(files) // MAX_OPENED)
    headers = [read_header(file.path) for file in files[::step]]
    counts = dict(Counter(file.label for file in files))
    sizes = ", ".join(f"{len(found):,} in {name}/" for name, found in parts.items()) if len(parts) > 1 else ""
    remarks: dict[Steps, str] = {
        ("images",): f"{len(files):,} images of {len(counts):,} classes{sizes and f': {sizes}'}",
        ("size",): _size_words(headers),
        ("channels",): _channel_words(headers),
    }
    gray = all(header.is_gray for header in headers)
    settings: dict[str, Any] = {"size": _size(headers), "channels": 1 if gray else 3}
    return Inferred(settings, "classes", remarks, class_counts=counts)


def _size(headers: Sequence[ImageHeader]) -> list[int]:
    """Return height and width: those of the images if all are small and equal, else about their shape."""
    sizes = {header.size for header in headers}
    height, width = (median(size) for size in zip(*(header.size for header in headers), strict=True))
    if len(sizes) == 1 and max(height, width) <= MAX_SIDE:
        return [int(height), int(width)]
    shrink = min(1.0, MAX_SIDE / max(height, width))
    return [max(STEP, STEP * round(side * shrink / STEP)) for side in (height, width)]


def _size_words(headers: Sequence[ImageHeader]) -> str:
    sizes = [header.size for header in headers]
    smallest, largest = min(sizes), max(sizes)
    if smallest == largest:
        found = f"all are {smallest[0]} x {smallest[1]}"
        return found if list(smallest) == _size(headers) else f"{found}; smaller ones train faster"
    return f"height and width: they are {smallest[0]} x {smallest[1]} to {largest[0]} x {largest[1]}, and are resized"


def _channel_words(headers: Sequence[ImageHeader]) -> str:
    gray = sum(header.is_gray for header in headers)
    if gray in (0, len(headers)):
        return "all are gray; 3 for color" if gray else "all are in color; 1 for gray"
    return f"{gray:,} of {len(headers):,} are gray, and become color; 1 makes all gray"
