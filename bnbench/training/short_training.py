"""Trains the first steps of a program again and again, for the predictors of the edge."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from statistics import fmean

import numpy as np

from bnbench.config.schema import WarmupSteps
from bnbench.data.types import Dataset
from bnbench.planning.constant_loss import has_penalty
from bnbench.planning.plan import Program
from bnbench.planning.predictors.types import Predictor
from bnbench.planning.rate_guess import RateGuess
from bnbench.planning.task import loss_class
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.loop import epoch_orders
from bnbench.training.probes.constant_prediction import constant_training_loss
from bnbench.training.seed_state import RowIndices
from bnbench.training.threads import use_threads

# The loss of the untrained network is the mean over so many batches.
UNTRAINED = 10
# Steps for which the order of the rows is known: more than any predictor trains behind a warm-up.
MAX_STEPS = 1000


def guess_rates(program: Program, dataset: Dataset, seed: int, predictors: Sequence[Predictor]) -> list[RateGuess]:
    """Return what each predictor says about the edge of a program.

    Args:
        program: what is trained. Its rates, seeds and callbacks do not matter.
        dataset: its rows.
        seed: fixes split, order and initial weights, as in a trial.
        predictors: in this order.

    Raises:
        ConfigError: Keras rejects a part of the program.
    """
    use_threads(program.train.threads)
    with keras_defaults(program.train.dtype):
        compiled = CompiledProgram(program, dataset, warm=False)
        return [_guess(ProgramInShort(compiled, seed), predictor) for predictor in predictors]


def _guess(training: "ProgramInShort", predictor: Predictor) -> RateGuess:
    program = training.compiled.program
    training.compile()
    began = time.perf_counter()
    found = predictor.find(training)
    return RateGuess(
        program=program.key,
        predictor=predictor.name,
        seed=training.seed,
        found=found.rate,
        reason=found.reason,
        offset=predictor.offset,
        steps=training.steps,
        training_steps=program.train.epochs * program.steps_per_epoch,
        seconds=time.perf_counter() - began,
    )


class ProgramInShort:
    """A `ShortTraining` of a compiled program.

    Attributes:
        steps: how many steps it has trained so far.
    """

    def __init__(self, compiled: CompiledProgram, seed: int) -> None:
        self.compiled, self.seed, self.steps = compiled, seed, 0
        self._start = compiled.start(seed)
        program = compiled.program
        self._warmup = program.train.warmup.steps if isinstance(program.train.warmup, WarmupSteps) else 0
        epochs = -(-(self._warmup + MAX_STEPS) // program.steps_per_epoch)
        longer = replace(program, train=program.train.model_copy(update={"epochs": epochs}))
        self._further_orders = epoch_orders(longer, self._start.parts.train, seed)
        self._orders: list[RowIndices] = []

    def compile(self) -> None:
        """Compile the training step now, so that no predictor includes the time for it."""
        self.compiled.compile_epoch(len(self._order(0)))

    @cached_property
    def chance(self) -> float:
        """The loss below which the network has learned something.

        It is the lower one of the loss of the untrained network and that of the best constant prediction, as far as
        this is known: of classes for a cross-entropy, of numbers for the squared error, both without penalties.
        """
        losses = []
        for step in range(UNTRAINED):
            # The loss of a step is that before its update.
            self.compiled.reset(self._start, 1.0)
            losses += self._train(step, step + 1)
        constant = self._constant_loss()
        return fmean(losses) if constant is None else min(fmean(losses), constant)

    def _constant_loss(self) -> float | None:
        program = self.compiled.program
        if program.facts.classes:
            return constant_training_loss(self.compiled, self._start)
        squared = loss_class(program.train.loss) == "MeanSquaredError" and not has_penalty(program.layers)
        return self._start.spreads["train"] if squared else None

    def at(self, rate: float, steps: int) -> list[float]:
        """Begin a trial at a rate and return the mini-batch losses of its first steps behind the warm-up.

        A schedule acts as in a trial. The warm-up is trained in front, because the whole rate comes behind it.
        """
        self.compiled.reset(self._start, rate)
        return self._train(0, self._warmup + steps)[self._warmup :]

    def along(self, rates: Sequence[float]) -> list[float]:
        """Train one step at each of these rates, without warm-up and schedule, and return the mini-batch losses."""
        self.compiled.reset(self._start, rates[0])
        losses: list[float] = []
        for step, rate in enumerate(rates):
            self._set_rate(rate)
            losses += self._train(step, step + 1)
            if not np.isfinite(losses[-1]):
                break
        return losses

    def _set_rate(self, rate: float) -> None:
        """Let the next step have this rate, whatever the schedule and the warm-up would make of it."""
        compiled = self.compiled
        compiled.rate.assign(rate)
        if not compiled.program.train.changes_rate:
            compiled.optimizer.learning_rate = rate
            return
        planned = float(compiled.optimizer.learning_rate)
        # A schedule may end at a rate of 0, which no factor changes.
        if planned > 0:
            compiled.rate.assign(rate * rate / planned)

    def _train(self, first: int, last: int) -> list[float]:
        """Train the steps of a range, counted over all epochs; return their losses, up to one that is not finite."""
        losses: list[float] = []
        for order, begin, end in self._parts(first, last):
            found, _ = self.compiled.train_steps(order, begin, end)
            losses += found.tolist()
            broken = np.flatnonzero(~np.isfinite(losses))
            if broken.size:
                losses = losses[: broken[0] + 1]
                break
        self.steps += len(losses)
        return losses

    def _parts(self, first: int, last: int) -> Iterator[tuple[RowIndices, int, int]]:
        """Yield the rows of each epoch that a range of steps touches, with the steps inside this epoch."""
        count = self.compiled.program.steps_per_epoch
        for epoch in range(first // count, -(-last // count)):
            yield self._order(epoch), max(first - epoch * count, 0), min(last - epoch * count, count)

    def _order(self, epoch: int) -> RowIndices:
        while len(self._orders) <= epoch:
            self._orders.append(next(self._further_orders))
        return self._orders[epoch]
