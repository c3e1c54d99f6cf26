"""Results whose trials have scores with statistics that were re-estimated over the training part."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.planning.trial import Result, Series
from bnbench.results.results import Results
from support import kept
from support.kept import Cells, compared


def reestimated(
    folder: Path, monkeypatch: pytest.MonkeyPatch, cells: Cells, variant: str, gain: float, **changes: Any
) -> Results:
    """Return results in which every finished trial of a variant scores this much more with re-estimated statistics.

    Batch statistics score 12.5 points more.
    """
    end = kept.end

    def ended(trial: Any, accuracy: float | str, steps: int = 6) -> Result:
        result = end(trial, accuracy, steps)
        if trial.variant != variant or isinstance(accuracy, str):
            return result
        series = Series("reestimated_score", "", "", np.ones(1), np.array([accuracy + gain]))
        return replace(result, bn_mode_gap=0.125, measurements=(series,))

    monkeypatch.setattr(kept, "end", ended)
    return compared(folder, cells, **changes)
