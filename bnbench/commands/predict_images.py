"""Read images (.png, .jpg) as rows for a saved model."""

import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bnbench.commands.predict_rows import InputRows
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard

# Each pixel takes up to 12 bytes while an image is converted.
MAX_PIXELS = 50_000_000


def read_image(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield an image as one row, with its color, its size and its range of values as the data set has them."""
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
    yield InputRows(path, (pixels * (high / 255)).reshape(1, *card.shape), notes)


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
