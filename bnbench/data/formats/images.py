"""Reads the pixels of a PNG or JPEG file within bounds, in a wanted color mode and size."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bnbench.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

# Each pixel takes up to 12 bytes while an image is converted.
MAX_PIXELS = 50_000_000
FORMATS = ("PNG", "JPEG")
ENDINGS = (".png", ".jpg", ".jpeg")
# Modes of gray images: 8 bits, 1 bit, 8 bits with an alpha channel.
GRAY = frozenset({"L", "1", "LA"})
# The tag of the metadata that says how a camera was held; from 5 on, height and width are exchanged.
ORIENTATION, FIRST_TURNED = 0x0112, 5


@dataclass(frozen=True)
class ImageHeader:
    """What a file says of an image before its pixels."""

    # Height and width, as the image is shown.
    size: tuple[int, int]
    is_gray: bool


@dataclass(frozen=True)
class Pixels:
    """The pixels of an image, and how it is stored."""

    # (height, width, channels) uint8.
    values: NDArray[np.uint8]
    # Pillow's mode of the file: L, RGB, P ...
    mode: str
    # Height and width of the file.
    size: tuple[int, int]


def read_pixels(path: Path, size: tuple[int, int] | None, channels: int | None) -> Pixels:
    """Return the pixels of an image, upright and without transparency.

    Args:
        path: the file. Its content, not its name, says what it is.
        size: the wanted height and width; an image of another size is resized. If None, the size stays.
        channels: 1 for gray, 3 for color. If None, a gray image has 1 and any other 3.

    Raises:
        DataError: the file is no PNG or JPEG, is damaged or too large, or has transparent pixels or more than 8 bits.
    """
    with _opened(path) as opened:
        return _convert(opened, path, size, channels)


def read_header(path: Path) -> ImageHeader:
    """Return size and color mode of an image, without decoding its pixels.

    Raises:
        DataError: the file is no PNG or JPEG, or is damaged or too large.
    """
    with _opened(path) as opened:
        size = (opened.height, opened.width)
        is_turned = opened.getexif().get(ORIENTATION, 1) >= FIRST_TURNED
        return ImageHeader(size[::-1] if is_turned else size, opened.mode in GRAY)


@contextmanager
def _opened(path: Path) -> "Iterator[Image.Image]":
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as opened:
            if prod(opened.size) > MAX_PIXELS:
                found = f"{opened.width} x {opened.height}"
                raise DataError(f"{path}: the image is {found}, but at most {MAX_PIXELS:,} pixels are allowed")
            yield opened
    except DataError:
        raise
    except Exception as error:
        # Pillow raises errors of every kind, also for damaged metadata.
        raise DataError(f"{path}: not a readable PNG or JPEG image: {error}") from error


def _convert(image: "Image.Image", path: Path, size: tuple[int, int] | None, channels: int | None) -> Pixels:
    from PIL import ImageOps

    # A phone stores in which direction it was held.
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data and upright.convert("RGBA").getchannel("A").getextrema()[0] != 255:
        raise DataError(f"{path}: has transparent pixels: give the image a background")
    if upright.mode.startswith(("I", "F")):
        raise DataError(f"{path}: the image has mode {upright.mode}, expected 8 bits per channel")
    channels = channels or (1 if upright.mode in GRAY else 3)
    stored = (upright.height, upright.width)
    height, width = size or stored
    values = np.asarray(upright.convert("L" if channels == 1 else "RGB").resize((width, height)), np.uint8)
    return Pixels(values.reshape(height, width, channels), upright.mode, stored)
