"""Trials -> the trials of each variant at each value of the further axes, split once for all tables."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.collapses import collapsed_trials
from bnbench.analysis.leave_one_out import judged_rates
from bnbench.analysis.lr_metrics import ROUNDING, RateCurve, curve_of, curve_values, half_level
from bnbench.analysis.trials import axes_of, scored_trials

Positions = NDArray[np.int64]


class Part(NamedTuple):
    """Some rows of a table: one variant at one value of each further axis.

    Attributes:
        number: of the values of the further axes, in the order in which they first occur.
        variant: its name.
        place: the values of the further axes; NaN for a missing one.
        rows: the positions in the table.
    """

    number: int
    variant: str
    place: dict[str, Any]
    rows: Positions


def split_table(table: pd.DataFrame, axes: list[str]) -> list[Part]:
    """Return the rows of each variant at each value of the further axes, place by place, as they first occur."""
    if table.empty:
        return []
    groups = table.groupby(axes, sort=False, dropna=False).ngroup() if axes else pd.Series(0, table.index)
    numbers, names = groups.to_numpy(), table["variant"].to_numpy()
    codes, variants = pd.factorize(names)
    # Place by place.
    rows = sorted(_rows_by_key(numbers * len(variants) + codes), key=lambda part: int(numbers[part[0]]))
    first = [part[0] for part in rows]
    # `tolist` returns numbers of Python.
    values = {axis: [math.nan if pd.isna(v) else v for v in table[axis].iloc[first].tolist()] for axis in axes}
    return [
        Part(int(numbers[part[0]]), str(names[part[0]]), {axis: values[axis][i] for axis in axes}, part)
        for i, part in enumerate(rows)
    ]


class Cells:
    """The trials that did not fail, as `scored_trials` returns them, split by the further axes and by variant.

    A table has a row for each cell or more, and each pandas call takes a tenth of a millisecond. So the table of trials
    is split once, and most numbers are computed from arrays.

    Args:
        trials: as `trial_table` returns them.

    Attributes:
        axes: the further axes.
    """

    def __init__(self, trials: pd.DataFrame) -> None:
        self._trials, self.axes = trials, axes_of(trials)
        self._columns: dict[str, NDArray[Any]] = {}

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The trials that did not fail, with a new index."""
        return scored_trials(self._trials).reset_index(drop=True)

    @cached_property
    def places(self) -> list["Place"]:
        """The values of the further axes, in the order of the experiment."""
        places: dict[int, Place] = {}
        for part in split_table(self.scored, self.axes):
            place = places.setdefault(part.number, Place(part.place, {}))
            place.cells[part.variant] = Cell(self, part.variant, place.values, part.rows)
        return list(places.values())

    def __iter__(self) -> Iterator["Cell"]:
        """Yield the cells, place by place."""
        for place in self.places:
            yield from place.cells.values()

    @cached_property
    def curve_values(self) -> NDArray[np.float64]:
        """The `lr_metrics.curve_values` of all trials."""
        return curve_values(self.scored)

    @cached_property
    def level(self) -> NDArray[np.float64]:
        """For each trial of `scored` the score that trains: halfway from chance to the best mean of any variant there.

        Where no trial of any variant is ok, it is infinite, and none trains: the best mean is that of luck.
        """
        levels = np.full(len(self.scored), math.inf)
        for place in self.places:
            if any(cell.trains for cell in place.cells.values()):
                best = max(float(cell.curve.score.max()) for cell in place.cells.values())
                for cell in place.cells.values():
                    levels[cell.rows] = half_level(float(cell.values("chance")[0]), best)
        return levels

    @cached_property
    def half(self) -> NDArray[np.bool_]:
        """Whether each trial of `scored` trains: its score is at least `level`."""
        return np.asarray(self.column("validation_score") >= self.level - ROUNDING)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of `scored`; one of numbers as floats, NaN if a value is missing."""
        if name not in self._columns:
            values = self.scored[name]
            numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
            self._columns[name] = values.to_numpy(float, na_value=math.nan) if numeric else values.to_numpy()
        return self._columns[name]


@dataclass(frozen=True)
class Place:
    """The cells at one value of each further axis, by variant."""

    values: dict[str, Any]
    cells: dict[str, "Cell"]


class Cell:
    """The trials of one variant at one value of each further axis.

    Attributes:
        variant: its name.
        place: the values of the further axes.
        rows: the positions of its trials in `Cells.scored`.
    """

    def __init__(self, cells: Cells, variant: str, place: dict[str, Any], rows: Positions) -> None:
        self._cells, self.variant, self.place, self.rows = cells, variant, place, rows

    @property
    def key(self) -> dict[str, Any]:
        """The first columns of its row in a table: the variant and the further axes."""
        return {"variant": self.variant, **self.place}

    @cached_property
    def curve(self) -> RateCurve:
        """The means over seeds at each learning rate."""
        return curve_of(self.curve_values)

    @property
    def curve_values(self) -> NDArray[np.float64]:
        """The `lr_metrics.curve_values` of its trials."""
        return np.asarray(self._cells.curve_values[:, self.rows])

    @property
    def best_rate(self) -> float:
        """The rate with the highest mean validation score; if several are equal, the lowest."""
        return float(self.curve.rates[self.curve.best])

    @cached_property
    def at_best(self) -> Positions:
        """The positions of the trials at the best rate."""
        return self.at(self.best_rate)

    @cached_property
    def judged_rates(self) -> dict[int, float]:
        """The rate at which each seed is judged: the best one of the other seeds (`leave_one_out`)."""
        rates, scores = self._cells.curve_values[:2, self.rows]
        return judged_rates(rates, self.values("seed"), scores)

    @cached_property
    def judged(self) -> Positions:
        """The positions of the trials at these rates; a seed without a trial there has none."""
        rates = np.array([self.judged_rates[int(seed)] for seed in self.values("seed")], float)
        return np.asarray(self.rows[self.values("learning_rate") == rates])

    def at(self, rate: float) -> Positions:
        """Return the positions of the trials at a learning rate."""
        return np.asarray(self.rows[self._cells.column("learning_rate")[self.rows] == rate])

    def collapsed_at(self, rows: Positions) -> NDArray[np.bool_]:
        """Return which of the trials at some positions, one of each seed, collapsed (`find_collapses`)."""
        level = self._cells.level[rows[0]] if len(rows) else math.nan
        return collapsed_trials(self._cells.scored.iloc[rows], level)

    @property
    def half(self) -> NDArray[np.bool_]:
        """Whether each of its trials trains: `Cells.half`."""
        return self.half_at(self.rows)

    def half_at(self, rows: Positions) -> NDArray[np.bool_]:
        """Return whether the trials at some positions train."""
        return self._cells.half[rows]

    @property
    def trains(self) -> bool:
        """Whether any trial is ok."""
        return bool(self.curve.n_ok.any())

    def values(self, name: str, rows: Positions | None = None) -> NDArray[Any]:
        """Return a column of its trials, or of the trials at some positions."""
        return self._cells.column(name)[self.rows if rows is None else rows]


def rows_judged(cells: Cells) -> pd.DataFrame:
    """Return the trials by which each seed is judged, cell by cell.

    Further columns: picks_differ (whether the seeds of a cell are judged at different rates), collapsed (whether the
    trial is one of those that collapsed, `find_collapses`).
    """
    parts = [(cell, cell.judged, len(set(cell.values("learning_rate", cell.judged))) > 1) for cell in cells]
    positions = np.array([row for _, rows, _ in parts for row in rows], np.int64)
    collapsed = np.array([flag for cell, rows, _ in parts for flag in cell.collapsed_at(rows)], bool)
    picks_differ = np.array([differ for _, rows, differ in parts for _ in rows], bool)
    return cells.scored.iloc[positions].assign(picks_differ=picks_differ, collapsed=collapsed)


def _rows_by_key(keys: NDArray[np.int64]) -> list[Positions]:
    """Return the positions of each key, in the order in which the keys first occur."""
    codes, _ = pd.factorize(keys)
    return np.split(np.argsort(codes, kind="stable"), np.bincount(codes).cumsum()[:-1])
