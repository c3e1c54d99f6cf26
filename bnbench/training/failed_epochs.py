"""Ends a trial that has failed: its training loss is that of a network which learned nothing, epoch after epoch."""

import math

from bnbench.config.schema import WarmupSteps
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.constant_prediction import constant_training_loss
from bnbench.training.seed_state import SeedState

# Relative error of a float32 mean over many rows: a constant prediction may seem to be this much better than it is.
ROUNDING = 1e-5
# What a trial measures if it ends like this: its last step.
ENDED_EARLY = "ended_early"


class FailedEpochs:
    """Counts the failed epochs in a row, and says when there are `train.stop_failed` of them.

    An epoch has failed if its training loss is not below the loss of the untrained model and that of the best constant
    prediction, whichever is lower. At the end of a trial this makes its outcome `chance`.
    """

    def __init__(self, compiled: CompiledProgram, start: SeedState) -> None:
        train = compiled.program.train
        self._most = train.stop_failed or math.inf
        self._warmup = train.warmup.steps if isinstance(train.warmup, WarmupSteps) else 0
        self._weight = start.mean_weight
        constant = constant_training_loss(compiled, start) if train.stop_failed else None
        self._constant = math.inf if constant is None else constant
        self._bound, self._count = math.inf, 0

    def note_untrained(self, loss: float) -> None:
        """Record the loss of the untrained model, which is not weighted by class."""
        initial = loss * self._weight if math.isfinite(loss) else math.inf
        self._bound = min(initial, self._constant) * (1 - ROUNDING)

    def note_epoch(self, train_loss: float, step: int) -> bool:
        """Record the training loss of an epoch; return whether the trial should end.

        Args:
            train_loss: the mean over the epoch; it may be infinite or NaN.
            step: the last step of the epoch.
        """
        if step <= self._warmup:
            return False
        # A comparison with NaN is false.
        self._count = 0 if train_loss < self._bound else self._count + 1
        return self._count >= self._most
