"""What a finished trial hands back: plain records that any worker can send and the store can keep."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.planning.plan import Trial

# Python's, NumPy's and TensorFlow's errors.
OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "ResourceExhaustedError")


@dataclass(frozen=True)
class Epoch:
    """The figures at the end of one epoch; epoch 0 is the untrained model and has no training figures.

    Training figures are the running means over the epoch's batches, as Keras reports them. None: not a number.
    """

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


OnEpoch = Callable[[Trial, Epoch], None]


@dataclass(frozen=True)
class Saving:
    """Where a trial may leave files of its own."""

    folder: Path  # the results folder
    models: str = "none"  # final, best: a `.keras` file a trial


@dataclass(frozen=True)
class Scores:
    """Loss and accuracy on one part, in inference mode."""

    loss: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Probe:
    """What the final weights do on the validation part, or on 1,000 rows of it, in inference mode.

    A unit is a feature of a hidden dense layer or a channel of a convolution. It is dead where its activation passes
    no gradient on any row and at any place: relu gives exactly 0, a sigmoid or tanh is within 0.01 of an end.
    """

    prediction_share: float | None = None  # of rows with the commonest predicted class; of numbers: near the median
    majority_share: float | None = None  # the same of what should have been predicted
    dead_share: float | None = None  # of units, in the layer that has most; None: no layer can have dead units
    dead_layer: str | None = None  # its name


@dataclass(frozen=True)
class Series:
    """The values of one name that a probe measured in one layer of a trial."""

    name: str
    # Empty: of the whole model.
    layer: str
    # Empty: a number without a unit.
    unit: str
    # (n,) where each value was measured: epochs, unless the probe says otherwise.
    positions: NDArray[np.float64]
    # (n,) NaN: not known.
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Fault:
    """Why a trial could not be trained."""

    reason: str
    traceback: str

    @property
    def out_of_memory(self) -> bool:
        """Whether there was too little memory, of which another try may find more."""
        return self.reason.partition(":")[0] in OUT_OF_MEMORY


@dataclass(frozen=True)
class Divergence:
    """When and how a trial left the range in which training means anything (METRICS: outcome of a trial)."""

    kind: str  # nonfinite, blown
    step: int  # counted from 1, over all epochs


@dataclass(frozen=True)
class Result:
    """One trial as it ended."""

    trial: str  # its id
    program: str
    parameters: int
    epochs: tuple[Epoch, ...] = ()
    step_losses: NDArray[np.float32] = field(
        default_factory=lambda: np.empty(0, np.float32)
    )  # (steps,) mini-batch losses
    divergence: Divergence | None = None
    test: Scores = Scores()  # of the final weights
    best_epoch: int | None = None  # highest validation accuracy, then lowest validation loss
    best_test: Scores = Scores()  # of the weights at best_epoch
    fitted: Scores = Scores()  # of the final weights on the training part: what `train` tells is as they were trained
    bn_mode_gap: float | None = None  # validation accuracy by the statistics of each batch minus by the moving ones
    probe: Probe = Probe()
    gradient_growth: float | None = None  # a layer, of its square, before the first step; None: not deep enough
    pre_activations: tuple[tuple[float | None, ...], ...] = ()  # PERCENTILES after each of the epochs, if asked for
    measurements: tuple[Series, ...] = ()  # of all other probes; one series for each name and layer
    seconds: float = 0.0
    seconds_per_step: float | None = None  # median over the whole epochs; None: there was none
    engine: str = ""
    worker: str = ""
    fault: Fault | None = None

    @property
    def status(self) -> str:
        """`completed`, `diverged` or `failed`."""
        if self.fault:
            return "failed"
        return "diverged" if self.divergence else "completed"
