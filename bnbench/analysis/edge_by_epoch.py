"""Trials and their histories -> the edge of each variant after each of some epochs: it falls while training goes on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.cells import Cell, Cells, Place
from bnbench.analysis.edge import Edge, EdgePosterior, Numbers, Outcome, seed_outcomes
from bnbench.analysis.epoch_values import values_by_epoch
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.lr_metrics import ROUNDING, half_level

# The most epochs that are looked at, and the fewest that show a course. An edge also needs several rates.
MAX_EPOCHS, MIN_EPOCHS, MIN_RATES = 12, 5, 3
COLUMNS = ("epoch", "edge", "edge_low", "edge_high", "n")


def edges_by_epoch(cells: Cells, history: pd.DataFrame, places: Sequence[Place]) -> pd.DataFrame:
    """Return a row for each variant, setting and epoch with an edge.

    A training trains if its validation score after that epoch is at least halfway from chance to the best mean after
    the same epoch, as if training had ended there; from the best rate upward, as for the edge of whole trials.

    Args:
        cells: the trials that did not fail.
        history: their epochs.
        places: those of `cells` that are looked at.

    Returns:
        The columns `variant`, the further axes and COLUMNS; `n` is the number of seeds. Epochs come first in which the
        best mean is not yet halfway to that of the last epoch: they have no row, nor have variants with few seeds,
        rates or epochs.
    """
    rows = []
    for place in places:
        enough = [cell for cell in place.cells.values() if _has_enough(cell)]
        starts = accumulate((len(cell.rows) for cell in enough), initial=0)
        own = [_Trained.of(cell, start) for cell, start in zip(enough, starts, strict=False)]
        scores = _scores_by_epoch(cells, own, history) if own else pd.DataFrame()
        last = int(scores.columns.max()) if len(scores) else 0
        if last < MIN_EPOCHS or not any(one.cell.trains for one in own):
            continue
        least = _level(own, scores[last].to_numpy())
        for epoch in shown_epochs(last):
            rows += [
                (variant, *place.values.values(), epoch, *edge.rates, edge.n)
                for variant, edge in _edges_after(own, scores[epoch].to_numpy(), least)
            ]
    return pd.DataFrame(rows, columns=["variant", *cells.axes, *COLUMNS])


def shown_epochs(last: int) -> list[int]:
    """Return at most MAX_EPOCHS epochs from the first to the last one, evenly spread on a logarithmic scale."""
    return sorted({round(epoch) for epoch in np.geomspace(1, last, MAX_EPOCHS).tolist()})


def _has_enough(cell: Cell) -> bool:
    enough_seeds = len(np.unique(cell.values("seed"))) >= MIN_VALUES
    return enough_seeds and len(np.unique(cell.values("learning_rate"))) >= MIN_RATES


@dataclass(frozen=True)
class _Trained:
    """The trials of a variant.

    Attributes:
        cell: the trials.
        rates: the learning rate of each.
        grid: the learning rates, ascending.
        at: the position of each trial's rate in `grid`.
        part: the rows of a table of all variants that are its own.
        known: the edges that were found, by the outcomes of the seeds: most epochs have those of the epoch before.
    """

    cell: Cell
    rates: Numbers
    grid: Numbers
    at: NDArray[np.intp]
    part: slice
    known: dict[tuple[Outcome, ...], Edge] = field(default_factory=dict)

    @classmethod
    def of(cls, cell: Cell, start: int) -> Self:
        """Return the trials of a cell, whose rows begin at a position."""
        rates = cell.values("learning_rate")
        return cls(cell, rates, *np.unique(rates, return_inverse=True), slice(start, start + len(rates)))

    def means(self, scores: Numbers) -> Numbers:
        """Return the mean score at each rate; where a score is unknown, the lowest possible mean."""
        means = np.bincount(self.at, scores[self.part]) / np.bincount(self.at)
        return np.where(np.isnan(means), -np.inf, means)

    def edge(self, scores: Numbers, level: float) -> Edge:
        """Return the edge if the trials with a score from this level on train."""
        best = float(self.grid[int(np.argmax(self.means(scores)))])
        outcomes = seed_outcomes(self.rates, self.cell.values("seed"), scores[self.part] >= level - ROUNDING, best)
        key = tuple(sorted(outcomes.values()))
        if key not in self.known:
            low, high = np.log10(self.grid[[0, -1]]).tolist()
            self.known[key] = EdgePosterior(outcomes, low, high).edge()
        return self.known[key]


def _scores_by_epoch(cells: Cells, own: Sequence[_Trained], history: pd.DataFrame) -> pd.DataFrame:
    """Return the validation score of each trial, a row a trial and a column an epoch, variant by variant."""
    trials = cells.scored.iloc[np.concatenate([one.cell.rows for one in own])]
    return values_by_epoch(trials, history, "validation_score").reindex(trials["trial"])


def _edges_after(own: Sequence[_Trained], scores: Numbers, least: float) -> Iterator[tuple[str, Edge]]:
    """Yield the edge of each variant, given the scores after an epoch; none if no mean reaches the least score."""
    if max(float(one.means(scores).max()) for one in own) >= least:
        level = _level(own, scores)
        yield from ((one.cell.variant, one.edge(scores, level)) for one in own)


def _level(own: Sequence[_Trained], scores: Numbers) -> float:
    """Return the lowest score at which a training counts as trained: halfway from chance to the best mean."""
    best = max(float(one.means(scores).max()) for one in own)
    return half_level(float(own[0].cell.values("chance")[0]), best)
