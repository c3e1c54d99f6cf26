"""Simulated sweeps whose truth is known: tables of trials as the analysis takes them, with edges, noise and collapses.

The curves are those of two small networks on digits: the score rises and falls slowly with log10 of the rate, falls
steeply just below the seed's own edge, and is at chance above it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.columns import KEYS, OUTCOMES, PRE_ACTIVATIONS, column_names

Numbers = NDArray[np.float64]
CHANCE, INITIAL_LOSS = 0.1, 2.3
# Seeds that the truth is computed from.
MANY = 40_000


@dataclass(frozen=True)
class Variant:
    """The mean score of a variant: `top` at `best` (log10 of a rate), less `bend` a decade squared, up to `edge`."""

    top: float
    best: float
    bend: float
    edge: float


PLAIN, NORMED = Variant(0.970, -0.9, 0.02, -0.72), Variant(0.978, -0.3, 0.006, 0.0)


@dataclass(frozen=True)
class Sweep:
    """A design and its noise.

    Attributes:
        step: of the grid, in decades.
        edge_sd: by which the edges of seeds differ, in decades.
        level_sd: by which seeds differ at every rate, the same for both variants.
        training_sd: by which a training differs on all rows.
        rows_sd: by which a training differs on the rows of one part.
        collapse: the share of trainings that end at chance.
        loss_sd: of the logarithm of a loss.
        ceiling: scores are rounded to this many rows, and no higher than 1; 0: neither.
        variants: the two that are compared.
    """

    step: float = 0.25
    edge_sd: float = 0.09
    level_sd: float = 0.007
    training_sd: float = 0.005
    rows_sd: float = 0.005
    collapse: float = 0.0
    loss_sd: float = 0.2
    ceiling: int = 0
    variants: Mapping[str, Variant] = field(default_factory=lambda: {"plain": PLAIN, "batchnorm": NORMED})

    @property
    def grid(self) -> Numbers:
        """log10 of the rates."""
        return np.arange(-2, 1 + self.step / 2, self.step)


@dataclass(frozen=True)
class Drawn:
    """What some seeds of a variant reach at each rate; arrays are (seeds, rates)."""

    validation: Numbers
    test: Numbers
    loss: Numbers


def draw(sweep: Sweep, n: int, generator: np.random.Generator, x: Numbers | None = None) -> dict[str, Drawn]:
    """Return what n seeds reach, by variant.

    Args:
        sweep: the design.
        n: number of seeds.
        generator: of the noise.
        x: log10 of the rates; by default the grid.
    """
    x = sweep.grid if x is None else x
    levels = generator.normal(0, sweep.level_sd, (2, n, 1))
    return {name: _draw_one(sweep, one, levels, generator, x) for name, one in sweep.variants.items()}


def _draw_one(sweep: Sweep, one: Variant, levels: Numbers, generator: np.random.Generator, x: Numbers) -> Drawn:
    n, shape = levels.shape[1], (levels.shape[1], len(x))
    edges = one.edge + generator.normal(0, sweep.edge_sd, (n, 1))
    mean = one.top - one.bend * (x - one.best) ** 2 - 0.03 * np.exp(np.minimum((x - edges) / 0.08, 0))
    mean = mean + generator.normal(0, sweep.training_sd, shape)
    failed = (x >= edges) | (generator.random(shape) < sweep.collapse)
    parts = [mean + level + generator.normal(0, sweep.rows_sd, shape) for level in levels]
    if sweep.ceiling:
        parts = [np.minimum(np.round(part * sweep.ceiling) / sweep.ceiling, 1) for part in parts]
    loss = 2.5 * (1 - np.minimum(mean, 0.99)) * np.exp(generator.normal(0, sweep.loss_sd, shape))
    validation, test = (np.where(failed, CHANCE, part) for part in parts)
    return Drawn(validation, test, np.where(failed, INITIAL_LOSS, np.minimum(loss, INITIAL_LOSS)))


def as_table(sweep: Sweep, drawn: Mapping[str, Drawn]) -> pd.DataFrame:
    """Return the trials of a sweep, as `trials.trial_table` would."""
    rates = (10**sweep.grid).round(8)
    parts = []
    for name, one in drawn.items():
        n, k = one.test.shape
        failed = one.validation.ravel() <= CHANCE
        parts.append(
            pd.DataFrame(
                {
                    "trial": [f"{name} {seed} {rate:g}" for seed in range(n) for rate in rates],
                    "variant": name, "learning_rate": np.tile(rates, n), "seed": np.repeat(np.arange(n), k),
                    "status": "completed", "outcome": np.where(failed, "chance", "ok"),
                    "validation_score": one.validation.ravel(), "test_score": one.test.ravel(),
                    "validation_loss": one.loss.ravel(), "test_loss": one.loss.ravel(),
                    "initial_loss": INITIAL_LOSS, "chance": CHANCE, "seconds_per_step": 0.001,
                    "train_score": one.validation.ravel(), "train_loss": one.loss.ravel(), "score_name": "accuracy",
                }
            )
        )  # fmt: skip
    table = pd.concat(parts, ignore_index=True)
    return table.reindex(columns=[*column_names(KEYS), *column_names(OUTCOMES)])


def no_history() -> pd.DataFrame:
    """Return a history without epochs."""
    columns = ["trial", "epoch", "step", "validation_score", "seconds", "train_loss", "train_score", "validation_loss"]
    return pd.DataFrame(columns=[*columns, *PRE_ACTIVATIONS]).astype(dict.fromkeys(columns[1:], float))


def truth(sweep: Sweep) -> dict[str, Any]:
    """Return the true values of a sweep, from the means of many seeds: of the second variant minus the first."""
    generator = np.random.default_rng(99)
    drawn = draw(sweep, MANY, generator)
    fine = np.arange(-2, 1.001, 0.02)
    widths = {
        name: _width(one.validation.mean(axis=0), fine) for name, one in draw(sweep, MANY // 8, generator, fine).items()
    }
    found = {}
    for name, one in drawn.items():
        validation, loss = one.validation.mean(axis=0), one.loss.mean(axis=0)
        best = int(validation.argmax())
        found[name] = {
            "at best": one.test.mean(axis=0)[best], "regret": validation.max() - validation.mean(),
            "sensitivity": loss.mean() - loss.min(), "width": widths[name],
            "log loss": np.log(one.loss).mean(axis=0), "test": one.test.mean(axis=0),
        }  # fmt: skip
    first, second = found.values()
    return {key: second[key] - first[key] for key in first} | {"of": found}


def _width(means: Numbers, x: Numbers) -> float:
    near, best = means >= means.max() - 0.01, int(means.argmax())
    low = high = best
    while low > 0 and near[low - 1]:
        low -= 1
    while high + 1 < len(x) and near[high + 1]:
        high += 1
    return float(x[high] - x[low])
