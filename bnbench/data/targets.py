"""Standardizes targets that are numbers, for `data.target_scale`, and brings predictions back into the user's unit."""

from dataclasses import dataclass

import numpy as np

from bnbench.config.schema import Data
from bnbench.data.splits import RowIndices
from bnbench.data.types import Array, Dataset


@dataclass(frozen=True)
class TargetScale:
    """The mean and the standard deviation of the training targets; 0 and 1 if targets are used as they are."""

    mean: float = 0.0
    deviation: float = 1.0

    @property
    def changes_targets(self) -> bool:
        """Whether the model learns other numbers than those of the data set."""
        return (self.mean, self.deviation) != (0.0, 1.0)

    def standardize(self, y: Array) -> Array:
        """Return targets as the model learns them, in float64; the targets themselves if they are used as they are."""
        return (y.astype(np.float64) - self.mean) / self.deviation if self.changes_targets else y

    def restore(self, outputs: Array) -> Array:
        """Return outputs of the model in the unit of the data set."""
        return outputs * self.deviation + self.mean if self.changes_targets else outputs


UNSCALED = TargetScale()


def fit_target_scale(dataset: Dataset, settings: Data, train_rows: RowIndices) -> TargetScale:
    """Return the scale that `data.target_scale` names, fitted on the training rows.

    `standard` gives the training targets mean 0 and standard deviation 1 (ddof 0). If they are all equal, they are only
    shifted.
    """
    if settings.target_scale == "none":
        return UNSCALED
    y = dataset.y[train_rows].astype(np.float64)
    # The rounding error of a mean would make the deviation of equal numbers tiny instead of 0.
    return TargetScale(float(y.mean()), float(y.std()) if y.min() < y.max() else 1.0)
