"""Grids of made-up trials whose variants are subsets of two ingredients."""

from pathlib import Path
from typing import Any

from bnbench.results.results import Results
from support.kept import Cells, compared

SUBSETS = {"plain": [], "layernorm": ["a"], "batchnorm": ["b"], "rms": ["a", "b"]}
VARIANTS = {"plain": {}, "layernorm": {"norm": "layer"}, "batchnorm": {"norm": "batch"}, "rms": {"norm": "rms"}}
GOOD, BAD = [0.9] * 5, [0.34] * 5


def ends(trained: int) -> list[list[float]]:
    """Return how the trials end if the lowest rates train: at 0.01, 0.1, 1 and 10."""
    return [GOOD] * trained + [BAD] * (4 - trained)


CELLS: Cells = {"plain": ends(1), "layernorm": ends(2), "batchnorm": ends(2), "rms": ends(3)}


def credited(folder: Path, *places: Cells, **changes: Any) -> Results:
    return compared(folder, *places, variants=VARIANTS, credit={"subsets": SUBSETS}, **changes)
