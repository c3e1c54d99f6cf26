"""The result of a trial: plain records that a worker can send and the store can save."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.planning.machine import Machine
from bnbench.planning.plan import Program, Trial

# The names of the errors that Python, NumPy and TensorFlow raise if memory runs out.
OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "ResourceExhaustedError")


@dataclass(frozen=True)
class Epoch:
    """The scores at the end of one epoch. Epoch 0 is the untrained model, which has no training scores.

    Training scores are the running means over the epoch's batches, as Keras reports them. A value is None if it is not
    finite or not measured.
    """

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


OnEpoch = Callable[[Trial, Epoch], None]
# Says of a trial, right before it starts, whether it may.
MayStart = Callable[[Program, Trial], bool]


def start_always(program: Program, trial: Trial) -> bool:
    """Return True."""
    return True


@dataclass(frozen=True)
class Saving:
    """Where a trial may write files, and whether it saves its model."""

    # The results folder.
    folder: Path
    # `final` or `best`: save these weights as a `.keras` file per trial.
    models: str = "none"


@dataclass(frozen=True)
class Scores:
    """Loss and accuracy (R2 if the targets are numbers) on one part of the data, in inference mode."""

    loss: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class FinalProbeValues:
    """What the final weights do on the validation part, or on about 1,000 rows of it, in inference mode.

    A unit is a feature of a hidden dense layer or a channel of a convolution. It is dead if its activation passes no
    gradient for any row and at any position: relu returns exactly 0, a sigmoid or tanh is within 0.01 of an end.
    """

    # Share of rows with the most frequent prediction. For predicted numbers, the share of rows near their median.
    prediction_share: float | None = None
    # The same share for the targets.
    majority_share: float | None = None
    # Largest share of dead units of any layer. None if no layer can have dead units.
    dead_share: float | None = None
    # The name of the layer with this share.
    dead_layer: str | None = None


@dataclass(frozen=True)
class Series:
    """The values of one name that a probe measured in one layer of a trial."""

    name: str
    # Empty if the values are about the whole model.
    layer: str
    # Empty if the values have no unit.
    unit: str
    # Shape (n,): where each value was measured, in epochs unless the probe says otherwise.
    positions: NDArray[np.float64]
    # Shape (n,). NaN if a value is unknown.
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Fault:
    """Why a trial could not be trained."""

    reason: str
    traceback: str

    @property
    def out_of_memory(self) -> bool:
        """Return True if memory ran out. Another try may find more."""
        return self.reason.partition(":")[0] in OUT_OF_MEMORY


@dataclass(frozen=True)
class Divergence:
    """When and how training diverged; docs/explanation/metrics.md defines the outcomes of a trial."""

    # `nonfinite` or `blown`.
    kind: str
    # Counted from 1, over all epochs.
    step: int


@dataclass(frozen=True)
class Result:
    """A finished trial."""

    # The id of the trial.
    trial: str
    program: str
    parameters: int
    epochs: tuple[Epoch, ...] = ()
    # Mini-batch losses, shape (steps,).
    step_losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    divergence: Divergence | None = None
    # Test scores of the final weights.
    test: Scores = Scores()
    # The epoch with the highest validation accuracy; if several are equal, the one with the lowest validation loss.
    best_epoch: int | None = None
    # Test scores of the weights at best_epoch.
    best_test: Scores = Scores()
    # Scores of the final weights on the training part. The training scores of an epoch come from changing weights.
    fitted: Scores = Scores()
    # Validation accuracy with batch statistics minus validation accuracy with moving statistics.
    bn_mode_gap: float | None = None
    probe: FinalProbeValues = FinalProbeValues()
    # Factor by which the squared gradient norm grows per layer toward the input, before the first step. None if the
    # model has too few layers.
    gradient_growth: float | None = None
    # The PERCENTILES of one unit after each epoch, if the settings ask for them.
    pre_activations: tuple[tuple[float | None, ...], ...] = ()
    seconds: float = 0.0
    # Median over the complete epochs. None if no epoch was completed.
    seconds_per_step: float | None = None
    engine: str = ""
    worker: str = ""
    fault: Fault | None = None
    # The fingerprint of the arrays that the trial was trained on.
    fingerprint: str = ""
    # Where it was trained, and the threads of TensorFlow. None if it has not begun.
    machine: Machine | None = None
    threads: int = 0
    # The values of all other probes: one series for each name and layer.
    measurements: tuple[Series, ...] = ()

    @property
    def status(self) -> str:
        """`completed`, `diverged` or `failed`."""
        if self.fault:
            return "failed"
        return "diverged" if self.divergence else "completed"
