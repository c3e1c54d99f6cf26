"""Generated windows of sensor readings whose order in the file matters: the last rows are not like the first ones.

They are made for one question: the accuracy on the last fifth of the rows (Keras' `validation_split=0.2`) is high after
a few epochs and then falls. Nearly all of these rows have the class that is the rarer one among the rows before them.
`benchmarks/falling_accuracy.py` says which orders of the rows show this, and how often.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays

STEPS, READINGS = 6, 20
# Meters per second squared. The third sensor always reads it, so the inputs are not centered.
GRAVITY = 9.81
NOISE = 0.5
# How much more the first sensor reads in the second class. The mean of its 20 readings differs by 2.7 standard
# deviations, so 91% of the rows could be told apart.
SHIFT = 0.3
FEW, MANY = 170, 1_700
# One label in so many rows is wrong. The last fifth of FEW rows has one, so the best accuracy there is 33/34 = 97%.
WRONG_EVERY = 34
# The second class becomes likely around this fraction of the file, within about twice this width.
MIDDLE, WIDTH = 0.6, 0.05


def sorted_windows(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (170, 6, 20) float32 and y (170,) int32, first all resting rows, then all moving ones."""
    return _sorted(FEW, 4)


def sorted_windows_long(_: tuple[Path, ...]) -> ParsedArrays:
    """Return ten times as many rows as `sorted_windows`, sorted in the same way."""
    return _sorted(MANY, 5)


def drifting_windows(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (170, 6, 20) float32 and y (170,) int32: worn rows are rare at first and nearly all rows at the end."""
    generator = np.random.Generator(np.random.PCG64(6))
    place = np.arange(FEW) / FEW
    worn = generator.random(FEW) < 1 / (1 + np.exp((MIDDLE - place) / WIDTH))
    return _with_readings(worn.astype(np.int32), ("healthy", "worn"), generator)


def _sorted(rows: int, stream: int) -> ParsedArrays:
    generator = np.random.Generator(np.random.PCG64(stream))
    moving = np.arange(rows) >= rows // 2
    return _with_readings(moving.astype(np.int32), ("resting", "moving"), generator)


def _with_readings(y: NDArray[np.int32], classes: tuple[str, str], generator: np.random.Generator) -> ParsedArrays:
    """Return noise around what the sensors read in each class, and the labels with a few wrong ones."""
    x = sensor_readings(y, generator)
    wrong = np.arange(len(y)) % WRONG_EVERY == WRONG_EVERY // 2
    return ParsedArrays(x, np.where(wrong, 1 - y, y).astype(np.int32), classes, 0)


def sensor_readings(y: NDArray[np.int32], generator: np.random.Generator) -> NDArray[np.float32]:
    """Return (rows, 6, 20): noise, on one sensor around gravity, on another one around SHIFT times the class."""
    x = NOISE * generator.standard_normal((len(y), STEPS, READINGS))
    x[:, 2] += GRAVITY
    x[:, 0] += SHIFT * y[:, None]
    return np.round(x, 3).astype(np.float32)


def _spec(parse: Callable[[tuple[Path, ...]], ParsedArrays], title: str, rows: int) -> DatasetSpec:
    return DatasetSpec(
        name=parse.__name__,
        title=title,
        page="",
        licence="generated, free of rights",
        rows=rows,
        shape=(STEPS, READINGS),
        class_count=2,
        value_range=(-4.0, 14.0),
        forms=(FileLayout("generated", (), parse),),
        # Another release of numpy may draw other numbers.
        package="numpy",
    )


DATASETS = (
    _spec(sorted_windows, "Windows of sensor readings, sorted by class", FEW),
    _spec(sorted_windows_long, "Ten times as many of these windows, sorted by class", MANY),
    _spec(drifting_windows, "Windows of sensor readings of a machine that wears out", FEW),
)
