"""Read images (.png, .jpg) as rows for a saved model."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from bnbench.commands.predict_rows import InputRows
from bnbench.data.formats.images import read_pixels
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard


def read_image(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield an image as one row, with its color, its size and its range of values as the data set has them."""
    if len(card.shape) != 3 or card.shape[2] not in {1, 3}:
        raise DataError(f"{path}: an image, but this model needs {prod(card.shape)} numbers of {card.data}")
    height, width, channels = card.shape
    pixels = read_pixels(path, (height, width), channels)
    mode, color = ("L", "gray") if channels == 1 else ("RGB", "color")
    changes = [f"converted to {color} (it was {pixels.mode})"] if pixels.mode != mode else []
    if pixels.size != (height, width):
        changes.append(f"resized from {pixels.size[1]} x {pixels.size[0]} to {width} x {height}")
    high = card.value_range[1]
    if high != 255:
        changes.append(f"brightness 0 to 255 scaled to 0 to {high:g}, as {card.data} is stored")
    notes = tuple(f"{path}: {change}" for change in changes)
    values = pixels.values.astype(np.float64) * (high / 255)
    yield InputRows(path, values.reshape(1, *card.shape), notes)
