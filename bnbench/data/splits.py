"""Splits the rows of a data set by seed, and fits the scaling on the training part only."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.types import Array, Dataset, DatasetInfo
from bnbench.data.validate import CHUNK
from bnbench.errors import ConfigError
from bnbench.location import Location

# Makes these random numbers independent of all others with the same seed.
STREAM = int.from_bytes(b"split", "big")
# The fraction of test rows if a data set has no official test part and the config gives none.
DEFAULT_TEST_FRACTION = 0.2
RowIndices = NDArray[np.int32]
# What is less probable than this is taken as impossible: no shipped experiment has more than a few dozen seeds.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class SplitSizes:
    """How many rows each part has; the same for every seed."""

    train: int
    validation: int
    test: int


def split_sizes(data: Data, facts: DatasetInfo, where: Location | str) -> SplitSizes:
    """Return how many rows each part gets; fractions are rounded to whole rows.

    Raises:
        ConfigError: the config sets a test fraction although there is an official test part, or a part has no rows.
    """
    where = Location.of(where)
    pool = facts.rows - facts.test_rows - (facts.repeated_rows if data.duplicates == "drop" else 0)
    if facts.test_rows and data.split.test is not None:
        raise ConfigError(
            where / "data" / "split" / "test",
            f"{facts.name} has an official test part of {facts.test_rows} rows: leave data.split.test out",
        )
    test = facts.test_rows or round((data.split.test or DEFAULT_TEST_FRACTION) * pool)
    validation = test if data.split.validation == "test" else round(data.split.validation * pool)
    train = pool - (0 if facts.test_rows else test) - (0 if data.split.validation == "test" else validation)
    limit = data.limit or facts.rows
    sizes = SplitSizes(min(train, limit), min(validation, limit), min(test, limit))
    if min(sizes.train, sizes.validation, sizes.test) < 1:
        parts = f"{max(train, 0)} train, {validation} validation, {test} test"
        raise ConfigError(where / "data" / "split", f"leaves a part without rows: {parts} of {pool} rows")
    return sizes


@dataclass(frozen=True)
class SplitIndices:
    """Row numbers into `Dataset.x`, int32."""

    train: RowIndices
    validation: RowIndices
    test: RowIndices


def split_rows(dataset: Dataset, settings: Data, sizes: SplitSizes, seed: int) -> SplitIndices:
    """Return the rows of each part, which depend on the seed only; train and validation are shuffled.

    With a `limit`, each part is the beginning of the part without a limit. An official test part becomes a sample in
    the order of the file. With `order: file` nothing is random. `sizes` comes from `split_sizes`.
    """
    whole = split_sizes(settings.model_copy(update={"limit": None}), dataset.facts, settings.name)
    if settings.split.order == "file":
        return _split_in_file_order(dataset, settings, whole, sizes)
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, STREAM])))
    same = settings.split.validation == "test"
    own = replace(whole, validation=0 if same else whole.validation, test=0 if dataset.facts.test_rows else whole.test)
    order = generator.permutation(_pool(dataset, settings))
    stratify = settings.split.stratify and bool(dataset.facts.classes)
    test, validation, train = _deal(order, dataset.y, own, stratify, generator)
    test = _official(dataset, sizes.test, generator) if dataset.facts.test_rows else test[: sizes.test]
    return SplitIndices(train[: sizes.train], test if same else validation[: sizes.validation], test)


def _split_in_file_order(dataset: Dataset, settings: Data, whole: SplitSizes, sizes: SplitSizes) -> SplitIndices:
    """Return the rows in the order of the file: training, validation and, without an official test part, test rows.

    Args:
        whole: the sizes of the parts without a limit.
        sizes: their sizes with it: each part keeps its first rows.
    """
    same = settings.split.validation == "test"
    ends = [whole.train, whole.train + (0 if same else whole.validation)]
    train, validation, test = np.split(_pool(dataset, settings), ends)
    if dataset.facts.test_rows:
        test = np.arange(dataset.facts.rows - dataset.facts.test_rows, dataset.facts.rows, dtype=np.int32)
    test = test[: sizes.test]
    return SplitIndices(train[: sizes.train], test if same else validation[: sizes.validation], test)


def _pool(dataset: Dataset, settings: Data) -> RowIndices:
    """Return the rows outside the official test part."""
    pool = np.arange(dataset.facts.rows - dataset.facts.test_rows, dtype=np.int32)
    return pool[~dataset.repeated[: len(pool)]] if settings.duplicates == "drop" else pool


def _official(dataset: Dataset, size: int, generator: np.random.Generator) -> RowIndices:
    rows = np.arange(dataset.facts.rows - dataset.facts.test_rows, dataset.facts.rows, dtype=np.int32)
    return rows if size == len(rows) else np.sort(generator.choice(rows, size, replace=False))


def _deal(
    order: RowIndices, labels: Array, sizes: SplitSizes, stratify: bool, generator: np.random.Generator
) -> tuple[RowIndices, RowIndices, RowIndices]:
    """Return the test, validation and train rows, each in the order that they have in `order`."""
    groups = labels[order] if stratify else np.zeros(len(order), np.int32)
    counts = np.bincount(groups)
    test = apportion(sizes.test, counts, counts, generator)
    validation = apportion(sizes.validation, counts, counts - test, generator)
    # The first rows of each class are test rows, the next ones validation rows.
    rank = _rank(groups)
    is_test = rank < test[groups]
    is_validation = ~is_test & (rank < (test + validation)[groups])
    return order[is_test], order[is_validation], order[~is_test & ~is_validation]


def apportion(size: int, counts: Array, available: Array, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return how many of `size` rows each class gives: its share by largest remainder, with ties broken at random.

    No class gives more rows than `available`. The result sums to `size`, which is at most the sum of `available`.
    """
    exact = size * counts / counts.sum()
    given: NDArray[np.int64] = np.minimum(np.floor(exact), available).astype(np.int64)
    # Rounding makes classes of equal size tie in spite of float errors.
    remainder = np.round(exact - given, 9)
    by_need = np.lexsort((generator.random(len(counts)), -remainder))
    while (left := size - int(given.sum())) > 0:
        takers = [k for k in by_need if available[k] > given[k]][:left]
        given[takers] += 1
    return given


def _rank(groups: Array) -> NDArray[np.int64]:
    """Return for each row how many earlier rows have the same group."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups))])
    rank = np.empty(len(groups), np.int64)
    rank[by_group] = np.arange(len(groups)) - starts[groups[by_group]]
    return rank


@dataclass(frozen=True)
class Scaling:
    """scaled = (x - shift) * factor; with `l2`, then divided by its norm along axis 1."""

    # Both have the shape () or facts.shape.
    shift: NDArray[np.float64]
    factor: NDArray[np.float64]
    l2: bool


def fit_scaling(dataset: Dataset, settings: Data, train_rows: RowIndices) -> Scaling:
    """Return the scaling that `settings.scale` names, fitted on the training rows.

    `none` and `l2` use the values as they are. `unit` maps the range of the format, or of the training rows of a table,
    to 0 to 1. `standard` maps the mean of each value to 0 and its standard deviation (ddof 0) to 1.

    A value that is constant in the training rows has no spread to divide by, but may differ in other rows. A table gets
    0 for it in every row. Data stored as whole numbers are divided by the range of their format, so that no pixel is
    larger than 1.
    """
    shift, factor = np.zeros(()), np.ones(())
    lowest, highest = dataset.value_range
    constant = 0.0 if dataset.facts.dtype == "float32" else 1 / (highest - lowest)
    if settings.scale == "unit" and dataset.facts.dtype == "float32":
        low, high = _range(dataset.x, train_rows)
        shift, factor = low, _inverse(high - low, constant)
    elif settings.scale == "unit":
        shift, factor = np.array(lowest), np.array(1 / (highest - lowest))
    elif settings.scale == "standard":
        mean, deviation = _moments(dataset.x, train_rows)
        shift, factor = mean, _inverse(deviation, constant)
    return Scaling(shift, factor, settings.scale == "l2")


def training_mean(dataset: Dataset, train_rows: RowIndices) -> NDArray[np.float64]:
    """Return the mean of the training rows as stored, of the shape of a row."""
    return _mean(dataset.x, train_rows)


def apply_scaling(scaling: Scaling, x: Array) -> NDArray[np.float64]:
    """Return rows (rows, *shape) scaled in float64; `l2` does the same as `keras.utils.normalize(x, axis=1)`."""
    scaled: NDArray[np.float64] = (np.asarray(x, np.float64) - scaling.shift) * scaling.factor
    if not scaling.l2:
        return scaled
    norm = np.sqrt(np.sum(scaled**2, axis=1, keepdims=True))
    return scaled / np.where(norm == 0, 1, norm)


def _inverse(spread: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    """Return 1 / spread, and `constant` where the spread is 0."""
    return np.where(spread == 0, constant, 1 / np.where(spread == 0, 1, spread))


def has_constant_value(settings: Data, facts: DatasetInfo, train: int) -> bool:
    """Return True if the training part of a seed may hold a value that is constant there and not in other rows.

    A value that differs from its most common one in k of n rows is constant among `train` of them with probability
    C(n - k, train) / C(n, train), which is at most (1 - train / n)^k and at most (1 - k / n)^train. False means that
    the sum of these bounds is below NEGLIGIBLE.
    """
    rows = facts.rows - facts.test_rows - (facts.repeated_rows if settings.duplicates == "drop" else 0)
    odds = [min((1 - train / rows) ** k, (1 - min(k, rows) / rows) ** train) for k in facts.rare_rows]
    # The values that are not listed differ in at least as many rows as the last one that is.
    unlisted = prod(facts.shape) - len(odds)
    return sum(odds) + (unlisted * odds[-1] if odds else 0) > NEGLIGIBLE


def _chunks(x: Array, rows: RowIndices) -> list[RowIndices]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _range(x: Array, rows: RowIndices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = [x[chunk] for chunk in _chunks(x, rows)]
    low, high = (
        np.min([part.min(axis=0) for part in parts], axis=0),
        np.max([part.max(axis=0) for part in parts], axis=0),
    )
    return low.astype(np.float64), high.astype(np.float64)


def _moments(x: Array, rows: RowIndices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and standard deviation of each value.

    Two passes are more exact: the squared distances from the mean lose no digits.
    """
    mean = _mean(x, rows)
    squares = np.sum([((x[chunk] - mean) ** 2).sum(axis=0) for chunk in _chunks(x, rows)], axis=0)
    return mean, np.sqrt(squares / len(rows))


def _mean(x: Array, rows: RowIndices) -> NDArray[np.float64]:
    sums = [x[chunk].sum(axis=0, dtype=np.float64) for chunk in _chunks(x, rows)]
    return np.asarray(np.sum(sums, axis=0) / len(rows))
