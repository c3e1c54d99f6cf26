"""Parts a data set's rows by seed, and fits scaling on the training part alone."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.types import Array, Dataset, DatasetInfo
from bnbench.data.validate import CHUNK
from bnbench.errors import ConfigError
from bnbench.location import Location

STREAM = int.from_bytes(b"split", "big")  # so that a seed's other draws are independent of this one
OWN_TEST_PART = 0.2  # of the rows, where a set has no official test part and the config names no share
RowIndices = NDArray[np.int32]


@dataclass(frozen=True)
class SplitSizes:
    """Rows in each part; the same for every seed."""

    train: int
    validation: int
    test: int


def split_sizes(data: Data, facts: DatasetInfo, where: Location | str) -> SplitSizes:
    """How many rows each part gets; shares are rounded to whole rows.

    Raises:
        ConfigError: a share of the test part where it is given officially, or a part without rows.
    """
    where = Location.of(where)
    pool = facts.rows - facts.test_rows - (facts.repeated_rows if data.duplicates == "drop" else 0)
    if facts.test_rows and data.split.test is not None:
        raise ConfigError(
            where / "data" / "split" / "test",
            f"{facts.name} has an official test part of {facts.test_rows} rows: leave it out",
        )
    test = facts.test_rows or round((data.split.test or OWN_TEST_PART) * pool)
    validation = test if data.split.validation == "test" else round(data.split.validation * pool)
    train = pool - (0 if facts.test_rows else test) - (0 if data.split.validation == "test" else validation)
    limit = data.limit or facts.rows
    sizes = SplitSizes(min(train, limit), min(validation, limit), min(test, limit))
    if min(sizes.train, sizes.validation, sizes.test) < 1:
        parts = f"{max(train, 0)} train, {validation} validation, {test} test"
        raise ConfigError(where / "data" / "split", f"leaves a part without rows: {parts} of {pool}")
    return sizes


@dataclass(frozen=True)
class SplitIndices:
    """Row numbers into `Dataset.x`, int32."""

    train: RowIndices
    validation: RowIndices
    test: RowIndices


def split_rows(dataset: Dataset, settings: Data, sizes: SplitSizes, seed: int) -> SplitIndices:
    """The rows of each part, decided by the seed alone; train and validation are shuffled.

    With a `limit` each part is the beginning of the part without, and of an official test part a sample in file order.
    `sizes` are those of `part_sizes`.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, STREAM])))
    whole = split_sizes(settings.model_copy(update={"limit": None}), dataset.facts, settings.name)
    same = settings.split.validation == "test"
    own = replace(whole, validation=0 if same else whole.validation, test=0 if dataset.facts.test_rows else whole.test)
    order = generator.permutation(_pool(dataset, settings))
    stratify = settings.split.stratify and bool(dataset.facts.classes)
    test, validation, train = _deal(order, dataset.y, own, stratify, generator)
    test = _official(dataset, sizes.test, generator) if dataset.facts.test_rows else test[: sizes.test]
    return SplitIndices(train[: sizes.train], test if same else validation[: sizes.validation], test)


def _pool(dataset: Dataset, settings: Data) -> RowIndices:
    """The rows that may be trained on."""
    pool = np.arange(dataset.facts.rows - dataset.facts.test_rows, dtype=np.int32)
    return pool[~dataset.repeated[: len(pool)]] if settings.duplicates == "drop" else pool


def _official(dataset: Dataset, size: int, generator: np.random.Generator) -> RowIndices:
    rows = np.arange(dataset.facts.rows - dataset.facts.test_rows, dataset.facts.rows, dtype=np.int32)
    return rows if size == len(rows) else np.sort(generator.choice(rows, size, replace=False))


def _deal(
    order: RowIndices, labels: Array, sizes: SplitSizes, stratify: bool, generator: np.random.Generator
) -> tuple[RowIndices, RowIndices, RowIndices]:
    """Test, validation and train rows, each in the order in which `order` has them."""
    groups = labels[order] if stratify else np.zeros(len(order), np.int32)
    counts = np.bincount(groups)
    test = apportion(sizes.test, counts, counts, generator)
    validation = apportion(sizes.validation, counts, counts - test, generator)
    rank = _rank(groups)  # a class' first rows are test rows, its next ones validation rows
    is_test = rank < test[groups]
    is_validation = ~is_test & (rank < (test + validation)[groups])
    return order[is_test], order[is_validation], order[~is_test & ~is_validation]


def apportion(size: int, counts: Array, room: Array, generator: np.random.Generator) -> NDArray[np.int64]:
    """How many of `size` rows each class gives: its share by largest remainder, ties broken by the generator.

    No class gives more than it has `room` for; the shares sum to `size`, which is at most the whole room.
    """
    exact = size * counts / counts.sum()
    given: NDArray[np.int64] = np.minimum(np.floor(exact), room).astype(np.int64)
    remainder = np.round(exact - given, 9)  # equal classes tie, whatever the last bit says
    by_need = np.lexsort((generator.random(len(counts)), -remainder))
    while (left := size - int(given.sum())) > 0:
        takers = [k for k in by_need if room[k] > given[k]][:left]
        given[takers] += 1
    return given


def _rank(groups: Array) -> NDArray[np.int64]:
    """For each row, how many rows of its group stand before it."""
    by_group = np.argsort(groups, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(groups))])
    rank = np.empty(len(groups), np.int64)
    rank[by_group] = np.arange(len(groups)) - starts[groups[by_group]]
    return rank


@dataclass(frozen=True)
class Scaling:
    """scaled = (x - shift) * factor, then for l2: divided by its norm along axis 1."""

    shift: NDArray[np.float64]  # of shape () or facts.shape
    factor: NDArray[np.float64]  # the same
    l2: bool


def fit_scaling(dataset: Dataset, settings: Data, train_rows: RowIndices) -> Scaling:
    """The scaling that `settings.scale` asks for, fitted on the training rows.

    none and l2 take the values as they are; unit brings the format's range, or a table's own range, to 0 to 1;
    standard brings each value's mean to 0 and its standard deviation (ddof 0) to 1. What is constant is only shifted.
    """
    shift, factor = np.zeros(()), np.ones(())
    if settings.scale == "unit" and dataset.facts.dtype == "float32":
        low, high = _range(dataset.x, train_rows)
        shift, factor = low, _inverse(high - low)
    elif settings.scale == "unit":
        lowest, highest = dataset.value_range
        shift, factor = np.array(lowest), np.array(1 / (highest - lowest))
    elif settings.scale == "standard":
        mean, deviation = _moments(dataset.x, train_rows)
        shift, factor = mean, _inverse(deviation)
    return Scaling(shift, factor, settings.scale == "l2")


def apply_scaling(scaling: Scaling, x: Array) -> NDArray[np.float64]:
    """Rows (rows, *shape) scaled in float64; with l2 as `keras.utils.normalize(x, axis=1)` does."""
    scaled: NDArray[np.float64] = (np.asarray(x, np.float64) - scaling.shift) * scaling.factor
    if not scaling.l2:
        return scaled
    norm = np.sqrt(np.sum(scaled**2, axis=1, keepdims=True))
    return scaled / np.where(norm == 0, 1, norm)


def _inverse(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / np.where(spread == 0, 1, spread)


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
    """Mean and standard deviation of each value, in two passes: squares of distances from the mean lose no digits."""
    chunks = _chunks(x, rows)
    mean = np.sum([x[chunk].sum(axis=0, dtype=np.float64) for chunk in chunks], axis=0) / len(rows)
    squares = np.sum([((x[chunk] - mean) ** 2).sum(axis=0) for chunk in chunks], axis=0)
    return mean, np.sqrt(squares / len(rows))
