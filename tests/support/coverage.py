"""How often the intervals of bnbench contain the truth, by simulation: the table of docs/explanation/intervals.md."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.intervals import clopper_pearson, t_interval

NUMBERS = (3, 5, 10, 30)
SAMPLES = 10_000
Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Values]


def _collapse(generator: np.random.Generator, shape: tuple[int, int]) -> Values:
    """Return scores of which a fifth are at chance level, 0.1, and the others about 0.9."""
    return np.where(generator.random(shape) < 0.2, 0.1, generator.normal(0.9, 0.01, shape))


# Name -> (draw values, their true mean).
CASES: Mapping[str, tuple[Draw, float]] = {
    "a normal distribution": (lambda generator, shape: generator.normal(0.0, 1.0, shape), 0.0),
    "a skewed distribution (exponential)": (lambda generator, shape: generator.exponential(1.0, shape), 1.0),
    "one training in five collapses": (_collapse, 0.74),
}


def t_coverage(case: str, n: int, samples: int = SAMPLES) -> tuple[float, float]:
    """Return the share of intervals of n values that contain the true mean, and the share of samples that have one."""
    draw, mean = CASES[case]
    found = [t_interval(values) for values in draw(np.random.default_rng(0), (samples, n))]
    given = [one for one in found if not np.isnan(one.low)]
    return float(np.mean([one.low <= mean <= one.high for one in given])), len(given) / samples


def share_coverage(share: float, n: int, samples: int = SAMPLES) -> float:
    """Return the share of Clopper-Pearson intervals of n trainings that contain the true share of those that train."""
    counts = np.random.default_rng(0).binomial(n, share, samples)
    ends = [clopper_pearson(int(count), n) for count in range(n + 1)]
    return float(np.mean([ends[count][0] <= share <= ends[count][1] for count in counts]))
