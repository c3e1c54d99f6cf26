"""Results whose trials have a confusion matrix."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.planning.plan import Trial
from bnbench.planning.trial import Result, Series
from bnbench.results.results import Results
from support import kept
from support.kept import Cells, compared

# At rate 0.1 the second seed of plain has the highest validation score, and the first one of batchnorm.
CELLS: Cells = {"plain": [[0.8, 0.8], [0.9, 0.92]], "batchnorm": [[0.8, 0.8], [0.97, 0.95]]}


def confused(folder: Path, monkeypatch: pytest.MonkeyPatch, *places: Cells, **changes: Any) -> Results:
    """Return results whose trials take `10 + seed` rows of class 0 for class 1 and have all others right."""
    end = kept.end

    def ended(trial: Trial, accuracy: float | str, steps: int = 6) -> Result:
        cells, rows = np.array([0.0, 1, 4, 8]), np.array([20.0, 10 + trial.seed, 30, 40])
        ks, shares = np.array([2.0]), np.array([0.75])
        series = [Series("test_confusion", "", "", cells, rows), Series("test_top_k", "", "", ks, shares)]
        series.append(Series("test_macro_f1", "", "", np.array([1.0]), np.array([0.5])))
        return replace(end(trial, accuracy, steps), measurements=tuple(series))

    monkeypatch.setattr(kept, "end", ended)
    return compared(folder, *(places or (CELLS,)), **changes)
