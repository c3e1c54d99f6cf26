"""Splits the rows of a data set by seed, and fits the scaling on the training part only."""

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data, Split
from bnbench.data.deal import deal_rows
from bnbench.data.groups import deal_whole_groups, group_sizes, plan_dealing, without_official_groups
from bnbench.data.types import Array, Dataset, DatasetInfo
from bnbench.data.validate import CHUNK
from bnbench.errors import ConfigError
from bnbench.location import Location

# Makes these random numbers independent of all others with the same seed.
STREAM = int.from_bytes(b"split", "big")
# The fraction of test rows if a data set has no official test part and the config gives none.
DEFAULT_TEST_FRACTION = 0.2
DEFAULT_SPLIT = Split()
RowIndices = NDArray[np.int32]
# The rows of the test, validation and training part.
Parts = tuple[RowIndices, ...]
# What is less probable than this is taken as impossible: no shipped experiment has more than a few dozen seeds.
NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class SplitSizes:
    """How many rows each part has; the same for every seed."""

    train: int
    validation: int
    test: int
    # Rows that are in no part, because the rows of a group stay together. Rows beyond `data.limit` do not count.
    left_out: int = 0


def split_sizes(data: Data, facts: DatasetInfo, where: Location | str) -> SplitSizes:
    """Return how many rows each part gets; fractions are rounded to whole rows, or to whole groups.

    Raises:
        ConfigError: the config sets a fraction although there is an official part, or a part has no rows.
    """
    where = Location.of(where)
    _check_fractions(data, facts, where / "data" / "split")
    whole = _whole_sizes(data, facts)
    if min(whole.train, whole.validation, whole.test) < 1:
        raise _no_rows(whole, data, facts, where / "data")
    limit = data.limit or facts.rows
    train, validation, test = (min(rows, limit) for rows in (whole.train, whole.validation, whole.test))
    return SplitSizes(train, validation, test, whole.left_out)


def _check_fractions(data: Data, facts: DatasetInfo, where: Location) -> None:
    """Raise if the config sets the fraction of an official part; the default, which recorded configs have, is none."""
    for part, rows in (("test", facts.test_rows), ("validation", facts.validation_rows)):
        if rows and getattr(data.split, part) != getattr(DEFAULT_SPLIT, part):
            raise ConfigError(
                where / part, f"{facts.name} has an official {part} part of {rows} rows: leave data.split.{part} out"
            )


def _whole_sizes(data: Data, facts: DatasetInfo) -> SplitSizes:
    """Return the sizes without a limit; a part may have no rows or fewer."""
    groups = group_sizes(facts, data.duplicates == "drop")
    free = _free_rows(data, facts)
    pool = free if facts.group_rows is None else int(groups.sum())
    same = data.split.validation == "test"
    wanted = [] if facts.test_rows else [round((data.split.test or DEFAULT_TEST_FRACTION) * pool)]
    if data.split.validation != "test" and not facts.validation_rows:
        wanted.append(round(data.split.validation * pool))
    dealt = plan_dealing(groups, wanted, data.split.order == "file")
    parts = list(dealt.parts)
    test = facts.test_rows or parts.pop(0)
    validation = test if same else facts.validation_rows or parts.pop(0)
    train = pool - sum(dealt.parts) - dealt.surplus
    return SplitSizes(train, validation, test, left_out=free - sum(dealt.parts) - train)


def _free_rows(data: Data, facts: DatasetInfo) -> int:
    """Return the number of rows outside the official parts, without repeated rows if they are dropped."""
    official = facts.test_rows + facts.validation_rows
    return facts.rows - official - (facts.repeated_rows if data.duplicates == "drop" else 0)


def _no_rows(whole: SplitSizes, data: Data, facts: DatasetInfo, where: Location) -> ConfigError:
    parts = f"{max(whole.train, 0)} train, {whole.validation} validation, {whole.test} test"
    if facts.group_rows is None:
        free = _free_rows(data, facts)
        return ConfigError(where / "split", f"leaves a part without rows: {parts} of {free} rows")
    sizes = group_sizes(facts, data.duplicates == "drop")
    found = f"{len(sizes)} groups with up to {sizes.max(initial=0)} rows"
    problem = f"the groups are too large to stay whole: {found} leave {parts} rows"
    return ConfigError(where / "group", f"{problem}; smaller fractions in data.split may help")


@dataclass(frozen=True)
class SplitIndices:
    """Row numbers into `Dataset.x`, int32."""

    train: RowIndices
    validation: RowIndices
    test: RowIndices


def split_rows(dataset: Dataset, settings: Data, sizes: SplitSizes, seed: int) -> SplitIndices:
    """Return the rows of each part, which depend on the seed only; train and validation are shuffled.

    With a `limit`, each part is the beginning of the part without a limit. An official part becomes a sample in the
    order of the file. With `order: file` nothing is random. `sizes` comes from `split_sizes`.
    """
    facts = dataset.facts
    whole = split_sizes(settings.model_copy(update={"limit": None}), facts, facts.name)
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, STREAM])))
    same = settings.split.validation == "test"
    dealt = replace(
        whole,
        validation=0 if same or facts.validation_rows else whole.validation,
        test=0 if facts.test_rows else whole.test,
    )
    test, validation, train = _deal_pool(dataset, settings, dealt, generator)
    sample = None if settings.split.order == "file" else generator
    before_test = facts.rows - facts.test_rows
    if facts.validation_rows:
        validation = _official(before_test - facts.validation_rows, before_test, sizes.validation, sample)
    if facts.test_rows:
        test = _official(before_test, facts.rows, sizes.test, sample)
    test = test[: sizes.test]
    return SplitIndices(train[: sizes.train], test if same else validation[: sizes.validation], test)


def _official(start: int, end: int, size: int, generator: np.random.Generator | None) -> RowIndices:
    """Return an official part: all of its rows, or a random sample of them; without a generator its first rows."""
    rows = np.arange(start, end, dtype=np.int32)
    if size == len(rows):
        return rows
    return rows[:size] if generator is None else np.sort(generator.choice(rows, size, replace=False))


def _deal_pool(dataset: Dataset, settings: Data, sizes: SplitSizes, generator: np.random.Generator) -> Parts:
    """Return the test, validation and training rows outside the official parts."""
    pool = _pool(dataset, settings)
    stratify = settings.split.stratify and bool(dataset.facts.classes)
    if dataset.groups is not None:
        random = None if settings.split.order == "file" else generator
        labels = dataset.y[pool] if stratify else None
        dealt = deal_whole_groups(dataset.groups[pool], labels, (sizes.test, sizes.validation, sizes.train), random)
        return tuple(pool[rows] for rows in dealt)
    if settings.split.order == "file":
        # Training rows come first in the file, then validation rows, then test rows.
        train, validation, test = np.split(pool, [sizes.train, sizes.train + sizes.validation])
        return test, validation, train
    order = generator.permutation(pool)
    return deal_rows(order, dataset.y[order] if stratify else None, sizes.test, sizes.validation, generator)


def _pool(dataset: Dataset, settings: Data) -> RowIndices:
    """Return the rows outside the official parts, and outside of their groups."""
    official = dataset.facts.test_rows + dataset.facts.validation_rows
    kept = np.ones(dataset.facts.rows - official, bool)
    if settings.duplicates == "drop":
        kept &= ~dataset.repeated[: len(kept)]
    if dataset.groups is not None:
        kept &= without_official_groups(dataset.groups, official)
    return np.flatnonzero(kept).astype(np.int32)


@dataclass(frozen=True)
class Scaling:
    """scaled = (x - shift) * factor, with `fill` in place of NaN; with `l2`, then divided by its norm along axis 1."""

    # Both have the shape () or facts.shape.
    shift: NDArray[np.float64]
    factor: NDArray[np.float64]
    l2: bool
    # What stands for missing values, of the shape facts.shape. None if no value may be missing.
    fill: NDArray[np.float64] | None = None


def fit_scaling(dataset: Dataset, settings: Data, train_rows: RowIndices) -> Scaling:
    """Return the scaling that `settings.scale` names, fitted on the training rows.

    `none` and `l2` use the values as they are. `unit` maps the range of the format, or of the training rows of a table,
    to 0 to 1. `standard` maps the mean of each value to 0 and its standard deviation (ddof 0) to 1.

    A value that is constant in the training rows has no spread to divide by, but may differ in other rows. A table gets
    0 for it in every row. Data stored as whole numbers are divided by the range of their format, so that no pixel is
    larger than 1.

    A missing value gets the mean of the training rows that have this value, or 0 if none of them has it. The scaling is
    fitted on rows without missing values.
    """
    shift, factor = np.zeros(()), np.ones(())
    fill = _fit_fill(dataset, train_rows)
    lowest, highest = dataset.value_range
    constant = 0.0 if dataset.facts.dtype == "float32" else 1 / (highest - lowest)
    if settings.scale == "unit" and dataset.facts.dtype == "float32":
        low, high = _range(dataset.x, train_rows, fill)
        shift, factor = low, _inverse(high - low, constant)
    elif settings.scale == "unit":
        shift, factor = np.array(lowest), np.array(1 / (highest - lowest))
    elif settings.scale == "standard":
        mean, deviation = _moments(dataset.x, train_rows, fill)
        shift, factor = mean, _inverse(deviation, constant)
    return Scaling(shift, factor, settings.scale == "l2", fill)


def _fit_fill(dataset: Dataset, train_rows: RowIndices) -> NDArray[np.float64] | None:
    """Return the mean of the values that are not missing, for each value of a row that may be missing; 0 elsewhere."""
    if not dataset.facts.filled:
        return None
    columns = np.array(dataset.facts.filled)
    values = dataset.x.reshape(len(dataset.x), -1)
    parts = [values[np.ix_(chunk, columns)].astype(np.float64) for chunk in _chunks(dataset.x, train_rows)]
    counts = np.sum([np.isfinite(part).sum(axis=0) for part in parts], axis=0)
    fill = np.zeros(values.shape[1])
    fill[columns] = np.sum([np.nansum(part, axis=0) for part in parts], axis=0) / np.maximum(counts, 1)
    return fill.reshape(dataset.facts.shape)


def fill_missing(x: Array, fill: NDArray[np.float64] | None) -> Array:
    """Return rows (rows, *shape) with `fill` in place of NaN; without a fill, the rows themselves."""
    return x if fill is None else np.where(np.isnan(x), fill, x)


def training_mean(dataset: Dataset, train_rows: RowIndices) -> NDArray[np.float64]:
    """Return the mean of the training rows as stored, of the shape of a row."""
    return _mean(dataset.x, train_rows, None)


def apply_scaling(scaling: Scaling, x: Array) -> NDArray[np.float64]:
    """Return rows (rows, *shape) scaled in float64; `l2` does the same as `keras.utils.normalize(x, axis=1)`."""
    known = fill_missing(np.asarray(x, np.float64), scaling.fill)
    scaled: NDArray[np.float64] = (known - scaling.shift) * scaling.factor
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
    rows = _free_rows(settings, facts)
    odds = [min((1 - train / rows) ** k, (1 - min(k, rows) / rows) ** train) for k in facts.rare_rows]
    # The values that are not listed differ in at least as many rows as the last one that is.
    unlisted = prod(facts.shape) - len(odds)
    return sum(odds) + (unlisted * odds[-1] if odds else 0) > NEGLIGIBLE


def _chunks(x: Array, rows: RowIndices) -> list[RowIndices]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]


def _range(
    x: Array, rows: RowIndices, fill: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = [fill_missing(x[chunk], fill) for chunk in _chunks(x, rows)]
    low, high = (
        np.min([part.min(axis=0) for part in parts], axis=0),
        np.max([part.max(axis=0) for part in parts], axis=0),
    )
    return low.astype(np.float64), high.astype(np.float64)


def _moments(
    x: Array, rows: RowIndices, fill: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and standard deviation of each value.

    Two passes are more exact: the squared distances from the mean lose no digits.
    """
    mean = _mean(x, rows, fill)
    squares = np.sum([((fill_missing(x[chunk], fill) - mean) ** 2).sum(axis=0) for chunk in _chunks(x, rows)], axis=0)
    return mean, np.sqrt(squares / len(rows))


def _mean(x: Array, rows: RowIndices, fill: NDArray[np.float64] | None) -> NDArray[np.float64]:
    sums = [fill_missing(x[chunk], fill).sum(axis=0, dtype=np.float64) for chunk in _chunks(x, rows)]
    return np.asarray(np.sum(sums, axis=0) / len(rows))
