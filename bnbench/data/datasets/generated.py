"""Generated data sets, with the same rows on every machine, for questions whose original data are not public."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays

# Meters, the mean radius (Moritz 2000, Geodetic Reference System 1980).
EARTH = 6_371_008.8
# Degrees: the corners of a box around Moscow.
NORTH, SOUTH, WEST, EAST = 55.901819, 55.589537, 37.344735, 37.832254
PAIRS, FEW_PAIRS = 4_000, 100
# The units of road_distance: 100 degrees, and 100,000 meters.
DEGREES, METERS = 100.0, 100_000.0
COORDINATES = ("latitude_1", "longitude_1", "latitude_2", "longitude_2")
WINDOWS, STEPS, READINGS = 1_000, 6, 20
# The fraction of wrong labels in windows. A network can only fit them by memorizing rows.
FLIPPED = 0.2
# TYPICAL words are more likely in praise, and TYPICAL other words are more likely in blame.
REVIEWS, WORDS, TYPICAL = 2_000, 1_000, 100
# How much more likely such a word is in a review of its own kind.
ODDS = 3.0
# The fraction of reviews with the wrong label.
MISJUDGED = 0.05


def distance(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (4000, 4) float32, latitude and longitude of two points in degrees, and y (4000,) float32, meters."""
    x = _pairs(PAIRS, stream=1)
    return ParsedArrays(x, great_circle(x.astype(np.float64)).astype(np.float32), (), 0)


def road_distance(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (100, 4) float32, the coordinates of two points in 100 degrees, and y (100,) float32 in 100,000 meters.

    The distance is that of the great circle, because the lengths of the roads are not public.
    """
    x = _pairs(FEW_PAIRS, stream=4).astype(np.float64)
    return ParsedArrays((x / DEGREES).astype(np.float32), (great_circle(x) / METERS).astype(np.float32), (), 0)


def road_distance_in_meters(_: tuple[Path, ...]) -> ParsedArrays:
    """Return the rows of `road_distance` in degrees and meters."""
    x = _pairs(FEW_PAIRS, stream=4)
    return ParsedArrays(x, great_circle(x.astype(np.float64)).astype(np.float32), (), 0)


def _pairs(count: int, stream: int) -> NDArray[np.float32]:
    """Return pairs of points, (count, 4), drawn uniformly from the box: latitude, longitude, in degrees."""
    low, high = np.array([SOUTH, WEST] * 2), np.array([NORTH, EAST] * 2)
    return np.asarray(low + (high - low) * _generator(stream).random((count, 4)), np.float32)


def great_circle(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the meters between two points of a sphere, by the haversine formula.

    Args:
        points: (rows, 4), latitude and longitude of both points in degrees.
    """
    lat_a, lon_a, lat_b, lon_b = np.radians(points).T
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return np.asarray(2 * EARTH * np.arcsin(np.sqrt(half)))


def windows(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (1000, 6, 20) float32, six steps of twenty readings, and y (1000,) int32: whether the first one rises.

    The readings are noise, so the first one rises by chance. A fifth of the labels are wrong.
    """
    generator = _generator(2)
    x = np.round(generator.standard_normal((WINDOWS, STEPS, READINGS)), 3).astype(np.float32)
    rises = x[:, -1, 0] > x[:, 0, 0]
    return ParsedArrays(x, (rises ^ (generator.random(WINDOWS) < FLIPPED)).astype(np.int32), ("falls", "rises"), 0)


def bag_of_words(_: tuple[Path, ...]) -> ParsedArrays:
    """Return x (2000, 1000) uint8, whether a review has a word, and y (2000,) int32: blame or praise.

    A review has 20 to 120 words, which follow Zipf's law. A hundred of the thousand words are three times as likely in
    praise as in blame, and another hundred the other way round. One label in twenty is wrong.
    """
    generator = _generator(3)
    typical = generator.permutation(WORDS)[: 2 * TYPICAL].reshape(2, TYPICAL)
    y = generator.integers(0, 2, REVIEWS)
    chances = np.tile(1 / np.arange(1, WORDS + 1), (2, 1))
    for kind in (0, 1):
        chances[kind, typical[kind]] *= np.sqrt(ODDS)
        chances[kind, typical[1 - kind]] /= np.sqrt(ODDS)
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
    class_count: int = 2,
) -> DatasetSpec:
    return DatasetSpec(
        name=parse.__name__,
        title=title,
        page="",
        licence="generated, free of rights",
        rows=rows,
        shape=shape,
        class_count=class_count,
        value_range=span,
        forms=(FileLayout("generated", (), parse),),
        # Another release of numpy may draw other numbers.
        package="numpy",
        columns=columns,
    )


ROAD_DISTANCE = _source(
    road_distance, "Distance of 100 pairs of points", (4,), (WEST / DEGREES, NORTH / DEGREES), FEW_PAIRS, COORDINATES, 0
)
IN_METERS = replace(
    ROAD_DISTANCE,
    value_range=(WEST, NORTH),
    forms=(FileLayout("generated, in meters", (), road_distance_in_meters),),
    unit="meters",
)

DATASETS = (
    _source(distance, "Meters between two points", (4,), (WEST, NORTH), PAIRS, COORDINATES, 0),
    replace(ROAD_DISTANCE, unit="scaled", in_other_units=(IN_METERS,)),
    _source(windows, "Windows of noise, some rising", (STEPS, READINGS), (-6.0, 6.0), WINDOWS),
    _source(bag_of_words, "Made-up reviews as words they hold", (WORDS,), (0.0, 1.0), REVIEWS),
)  # fmt: skip
