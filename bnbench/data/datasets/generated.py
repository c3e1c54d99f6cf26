"""Data sets that are drawn, not read: the same rows on every machine, for questions whose own data nobody has."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays

EARTH = 6_371_008.8  # metres, the mean radius (Moritz 2000, Geodetic Reference System 1980)
NORTH, SOUTH, WEST, EAST = 55.901819, 55.589537, 37.344735, 37.832254  # degrees: the corners of a box around Moscow
PAIRS = 4_000
WINDOWS, STEPS, READINGS = 1_000, 6, 20
FLIPPED = 0.2  # of the labels of windows: nothing can learn them, and a network that seems to has learnt rows by heart
REVIEWS, WORDS, TELLING = 2_000, 1_000, 100  # so many words tell of praise, and as many of blame
ODDS = 3.0  # of a telling word in a review of its own kind over one of the other
MISJUDGED = 0.05  # of the reviews


def distance(_: tuple[Path, ...]) -> ParsedArrays:
    """x (4000, 4) float32: latitude and longitude in degrees of two points of the box; y (4000,) float32: metres."""
    low, high = np.array([SOUTH, WEST] * 2), np.array([NORTH, EAST] * 2)
    x = (low + (high - low) * _generator(1).random((PAIRS, 4))).astype(np.float32)
    return ParsedArrays(x, great_circle(x.astype(np.float64)).astype(np.float32), (), 0)


def great_circle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres between two points of a sphere, by the haversine formula.

    Args:
        points: (rows, 4), latitude and longitude of either in degrees.
    """
    lat_a, lon_a, lat_b, lon_b = np.radians(points).T
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(half)))


def windows(_: tuple[Path, ...]) -> ParsedArrays:
    """x (1000, 6, 20) float32: six steps of twenty readings; y (1000,) int32: whether the first reading rises.

    Readings are noise, so the first rises by chance alone; a fifth of the labels is wrong.
    """
    generator = _generator(2)
    x = np.round(generator.standard_normal((WINDOWS, STEPS, READINGS)), 3).astype(np.float32)
    rises = x[:, -1, 0] > x[:, 0, 0]
    return ParsedArrays(x, (rises ^ (generator.random(WINDOWS) < FLIPPED)).astype(np.int32), ("falls", "rises"), 0)


def bag_of_words(_: tuple[Path, ...]) -> ParsedArrays:
    """x (2000, 1000) uint8: whether a word stands in a review; y (2000,) int32: blame or praise.

    The words of a review, 20 to 120, follow Zipf's law. A hundred of the thousand are three times as likely in praise
    as in blame, a hundred the other way round; one label in twenty is wrong.
    """
    generator = _generator(3)
    telling = generator.permutation(WORDS)[: 2 * TELLING].reshape(2, TELLING)
    y = generator.integers(0, 2, REVIEWS)
    chances = np.tile(1 / np.arange(1, WORDS + 1), (2, 1))
    for kind in (0, 1):
        chances[kind, telling[kind]] *= np.sqrt(ODDS)
        chances[kind, telling[1 - kind]] /= np.sqrt(ODDS)
    chances /= chances.sum(axis=1, keepdims=True)
    x = np.zeros((REVIEWS, WORDS), np.uint8)
    for review, kind in zip(x, y, strict=True):
        review[generator.choice(WORDS, generator.integers(20, 121), p=chances[kind])] = 1
    return ParsedArrays(x, (y ^ (generator.random(REVIEWS) < MISJUDGED)).astype(np.int32), ("blame", "praise"), 0)


def _generator(stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(stream))


def _source(
    parse: Callable[[tuple[Path, ...]], ParsedArrays],
    title: str,
    shape: tuple[int, ...],
    span: tuple[float, float],
    rows: int,
    columns: tuple[str, ...] = (),
) -> DatasetSpec:
    return DatasetSpec(
        name=parse.__name__,
        title=title,
        page="",
        licence="generated, free of rights",
        rows=rows,
        shape=shape,
        class_count=0 if parse is distance else 2,
        value_range=span,
        forms=(FileLayout("generated", (), parse),),
        package="numpy",  # whose release may draw other numbers
        columns=columns,
    )


DATASETS = (
    _source(
        distance, "Metres between two points", (4,), (WEST, NORTH), PAIRS,
        ("latitude_1", "longitude_1", "latitude_2", "longitude_2"),
    ),
    _source(windows, "Windows of noise, some rising", (STEPS, READINGS), (-6.0, 6.0), WINDOWS),
    _source(bag_of_words, "Made-up reviews as words they hold", (WORDS,), (0.0, 1.0), REVIEWS),
)  # fmt: skip
