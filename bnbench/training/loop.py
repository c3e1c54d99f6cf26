"""Trains the trials of a cohort one after another on one compiled program.

In float64 the losses and scores equal those of `model.fit` (tests/training/test_loop.py).
"""

import math
import os
import time
import traceback
from collections.abc import Iterable, Iterator
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.analysis.columns import RESTORED_EPOCH
from bnbench.data.types import Dataset
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Divergence, Epoch, Fault, OnEpoch, Result, Saving, Scores, Series
from bnbench.store import model_card
from bnbench.store.results_dir import model_path
from bnbench.training.builder import stream_seed, with_scaling
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.compiled_programs import CompiledPrograms
from bnbench.training.epoch_run import EpochRun, batch_rows, run_epoch
from bnbench.training.failed_epochs import ENDED_EARLY, FailedEpochs
from bnbench.training.failure import FailureWatch, first_jump
from bnbench.training.keras_objects import keras_defaults, make_callbacks, restored_epoch
from bnbench.training.probes.registry import Recorder
from bnbench.training.probes.result_fields import as_result_fields
from bnbench.training.probes.types import When
from bnbench.training.seed_state import RowIndices, SeedState
from bnbench.training.threads import use_threads


def list_devices() -> list[str]:
    """Return the devices that TensorFlow can use, such as `CPU` or `GPU NVIDIA H200`."""
    devices = tf.config.list_physical_devices()
    names = [tf.config.experimental.get_device_details(device).get("device_name", "") for device in devices]
    return [f"{device.device_type} {name}".strip() for device, name in zip(devices, names, strict=True)]


def train_trials(
    program: Program,
    trials: Iterable[Trial],
    dataset: Dataset,
    saving: Saving,
    on_epoch: OnEpoch,
    programs: CompiledPrograms | None = None,
) -> Iterator[Result]:
    """Train the trials of a program; yield one result at a time. A fault ends only its own trial.

    The next trial is taken when the previous one has ended, so the caller may add trials meanwhile.

    Args:
        programs: has the program that was compiled last, which may serve this one, too.
    """
    programs = programs or CompiledPrograms()
    use_threads(program.train.threads)
    with keras_defaults(program.train.dtype):
        try:
            compiled = programs.get(program, dataset)
        # `check_program` already rejected bad configs, so this is a problem of the machine.
        except Exception as error:
            yield from (_failed(program, trial, error) for trial in trials)
            return
        for trial in trials:
            try:
                result = _train(compiled, trial, saving, on_epoch)
            # TensorFlow, Keras or the machine failed. The next trial may succeed, for example with more free memory.
            except Exception as error:
                result = _failed(program, trial, error)
            yield result


def compile_program(program: Program, dataset: Dataset, programs: CompiledPrograms) -> None:
    """Compile a program for the next call of `train_trials` with the same `programs`."""
    use_threads(program.train.threads)
    with keras_defaults(program.train.dtype):
        programs.get(program, dataset)


def _failed(program: Program, trial: Trial, error: Exception) -> Result:
    """Return the result of a trial that an error ended. Call it inside the `except` block: it stores the traceback."""
    fault = Fault(f"{type(error).__name__}: {error}"[:2000], traceback.format_exc())
    return Result(trial.id, program.key, program.parameters, fault=fault, worker=_worker())


def _worker() -> str:
    return f"pid {os.getpid()}"


def _train(compiled: CompiledProgram, trial: Trial, saving: Saving, on_epoch: OnEpoch) -> Result:
    began = time.perf_counter()
    program = compiled.program
    start = compiled.start(trial.seed)
    compiled.reset(start, trial.learning_rate)
    callbacks = make_callbacks(program, trial.id, saving.folder)
    callback_list = keras.callbacks.CallbackList(callbacks, model=compiled.model, add_history=False, add_progbar=False)
    training = TrialInTraining(compiled, trial, start, on_epoch)
    training.begin()
    callback_list.on_train_begin()
    for epoch, order in enumerate(epoch_orders(program, start.parts.train, trial.seed)):
        callback_list.on_epoch_begin(epoch)
        if logs := training.run_epoch(order):
            callback_list.on_epoch_end(epoch, logs)
        if training.stopped or compiled.model.stop_training:
            break
    # A callback may restore earlier weights here.
    callback_list.on_train_end()
    return training.finish(saving, began, restored_epoch(callbacks))


def first_order(program: Program, train_rows: RowIndices, seed: int) -> RowIndices:
    """Return the order of the training rows in the first epoch of a seed."""
    return next(epoch_orders(program, train_rows, seed))


def epoch_orders(program: Program, train_rows: RowIndices, seed: int) -> Iterator[RowIndices]:
    """Yield the order of the training rows for each epoch: a new permutation for each pass over the data.

    With `steps_per_epoch`, an epoch takes the next rows, so it may cross the end of a pass.
    """
    generator = np.random.Generator(np.random.PCG64(stream_seed(seed, "order")))
    steps, queue = program.train.steps_per_epoch, np.empty(0, np.int32)
    for _ in range(program.train.epochs):
        if steps is None:
            yield generator.permutation(train_rows)
            continue
        count = steps * program.batch_size
        while len(queue) < count:
            queue = np.concatenate([queue, generator.permutation(train_rows)])
        yield queue[:count]
        queue = queue[count:]


class TrialInTraining:
    """A trial that is being trained: its history so far, its best weights and whether it has diverged."""

    def __init__(self, compiled: CompiledProgram, trial: Trial, start: SeedState, on_epoch: OnEpoch) -> None:
        self.compiled, self.trial, self.start, self.on_epoch = compiled, trial, start, on_epoch
        order = first_order(compiled.program, start.parts.train, trial.seed)
        self.recorder = Recorder(compiled, start, order[: compiled.program.batch_size])
        self.epochs: list[Epoch] = []
        self.losses: list[NDArray[Any]] = []
        self.steps = 0
        self.training_seconds = 0.0
        self.step_seconds: list[float] = []
        self.nonfinite: int | None = None
        self.failed_epochs = FailedEpochs(compiled, start)
        self.failure = FailureWatch(compiled)
        self.ended_early = False
        self.best: tuple[float, float] = (-1.0, 0.0)
        self.best_epoch: int | None = None
        self.best_weights: list[NDArray[Any]] = []

    def begin(self) -> None:
        """Evaluate the untrained model: epoch 0."""
        self.recorder.measure(When.BEFORE_FIRST_STEP, epoch=0)
        loss, credit, _ = self.compiled.evaluate(self.start.validation)
        self._record(None, None, loss, self._score(credit, "validation"))
        self.failed_epochs.note_untrained(loss)

    @property
    def stopped(self) -> bool:
        """Whether the trial ended before its last epoch: it diverged, or too many of its epochs failed."""
        return self._has_diverged or self.ended_early

    @property
    def _has_diverged(self) -> bool:
        return self.nonfinite is not None and self.compiled.stops_when_nonfinite

    def run_epoch(self, order: RowIndices) -> dict[str, float]:
        """Train and validate for one epoch.

        Returns:
            What `fit` passes to callbacks at the end of an epoch: the losses and scores by the names of Keras. Empty if
            the epoch did not reach its end because the trial diverged.
        """
        self.failure.begin_epoch(order, self.steps)
        run = self._train(order)
        losses, credit, seconds = run.losses, run.credit, run.seconds
        self.training_seconds += seconds
        self.failure.end_epoch(losses)
        self.losses.append(losses)
        broken = np.flatnonzero(~np.isfinite(losses))
        if broken.size and self.nonfinite is None:
            self.nonfinite = self.steps + int(broken[0]) + 1
        self.steps += len(losses)
        if self._has_diverged:
            return {}
        self.step_seconds.append(seconds / len(losses))
        rows = np.full(len(losses), self.compiled.program.batch_size)
        # A smaller last batch has a smaller weight, so that the mean is over rows, as in Keras.
        rows[-1] = len(order) - rows[:-1].sum()
        loss, validated, finite = self.compiled.evaluate(self.start.validation)
        accuracy, trained = self._score(validated, "validation"), self._score(credit, "train")
        train_loss = float(np.average(losses, weights=rows))
        self._record(train_loss, trained, loss, accuracy)
        if self.nonfinite is None and not (np.isfinite(loss) and finite):
            self.nonfinite = self.steps
            self.failure.note_nonfinite()
        self._keep_best(loss, accuracy)
        self.ended_early = self.failed_epochs.note_epoch(train_loss, self.steps)
        logs = {"loss": train_loss, "accuracy": trained, "val_loss": loss, "val_accuracy": accuracy}
        return {name: _within_float32(value) for name, value in logs.items()}

    def _train(self, order: RowIndices) -> EpochRun:
        """Train one epoch, with the looks of the probes that measure in it."""
        first, epoch = self.steps, len(self.epochs)

        def look(step: int) -> None:
            self.recorder.measure_at(first + step, batch_rows(self.compiled, order, step), epoch)

        looks = self.recorder.looks(first, first + self.compiled.steps_of(order))
        return run_epoch(self.compiled, order, [step - first for step in looks], look)

    def _record(
        self, loss: float | None, accuracy: float | None, validation_loss: float, validation_accuracy: float
    ) -> None:
        record = Epoch(
            epoch=len(self.epochs),
            step=self.steps,
            train_loss=_finite_or_none(loss),
            train_accuracy=accuracy,
            validation_loss=_finite_or_none(validation_loss),
            validation_accuracy=validation_accuracy,
            seconds=self.training_seconds,
        )
        self.epochs.append(record)
        self.recorder.measure(When.AFTER_EACH_EPOCH, record.epoch, self.steps)
        self.on_epoch(self.trial, record)

    def _keep_best(self, loss: float, accuracy: float) -> None:
        if self.nonfinite is None and (accuracy, -loss) > self.best:
            self.best, self.best_epoch = (accuracy, -loss), self.epochs[-1].epoch
            self.best_weights = self.compiled.model.get_weights()

    def finish(self, saving: Saving, began: float, restored: int | None) -> Result:
        """Return the result of the trial. The test part is evaluated here and nowhere else.

        Args:
            restored: the epoch whose weights the model has, if a callback has restored them.
        """
        divergence = self._divergence()
        test = best_test = fitted = Scores()
        final = self.epochs[-1 if restored is None else restored]
        # Restored weights are finite if they are from before the divergence.
        finite = self.nonfinite is None or (restored is not None and final.step < self.nonfinite)
        if finite:
            self.recorder.measure(When.AT_THE_END, final.epoch, final.step)
            self.save(saving, "final")
            fitted = self._scores("train")
            test = best_test = self._scores("test")
        if self.best_epoch is not None and not (finite and self.best_epoch == final.epoch):
            self.compiled.model.set_weights(self.best_weights)
            best_test = self._scores("test")
        if self.best_epoch is not None:
            self.save(saving, "best")
        measured = as_result_fields(self.recorder.series())
        losses = np.concatenate(self.losses) if self.losses else np.empty(0)
        found = self.failure.examine(divergence) if divergence else ()
        return Result(
            trial=self.trial.id,
            program=self.compiled.program.key,
            parameters=self.compiled.parameters,
            epochs=tuple(self.epochs),
            step_losses=losses.astype(np.float32),
            divergence=divergence,
            test=test,
            best_epoch=self.best_epoch,
            best_test=best_test,
            fitted=fitted,
            bn_mode_gap=measured.bn_mode_gap,
            probe=measured.probe,
            gradient_growth=measured.gradient_growth,
            pre_activations=measured.pre_activations,
            measurements=measured.measurements
            + _restored_series(restored, self.epochs[-1].epoch)
            + self._early_series()
            + found,
            seconds=time.perf_counter() - began,
            seconds_per_step=median(self.step_seconds) if self.step_seconds else None,
            engine=self.compiled.program.train.engine,
            worker=_worker(),
        )

    def _early_series(self) -> tuple[Series, ...]:
        """Return the last step as a series of one value, if the trial ended because its epochs failed."""
        if not self.ended_early or self.epochs[-1].epoch == self.compiled.program.train.epochs:
            return ()
        step = np.array([self.steps], np.float64)
        return (Series(ENDED_EARLY, "", "step", step, step),)

    def _scores(self, part: str) -> Scores:
        rows = self.compiled.chunks(getattr(self.start.parts, part))
        loss, credit, _ = self.compiled.evaluate(rows, is_train=part == "train")
        return Scores(_finite_or_none(loss), self._score(credit, part))

    def _score(self, credit: float, part: str) -> float:
        return self.compiled.score(credit, self.start, part)

    def _divergence(self) -> Divergence | None:
        if self.nonfinite:
            return Divergence("nonfinite", self.nonfinite)
        jump = first_jump(np.concatenate(self.losses))
        start, end = self.epochs[0].validation_loss, self.epochs[-1].train_loss
        # The training loss is weighted by class, the validation loss is not.
        recovered = start is not None and end is not None and end < start * self.start.mean_weight
        return Divergence("blown", jump) if jump and not recovered else None

    def save(self, saving: Saving, which: str) -> None:
        """Save the model with its card, if these weights are to be saved."""
        if saving.models == which:
            path = model_path(saving.folder, self.trial.id)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part.keras")
            # A file with this name may be a link to a file outside the folder, which Keras would overwrite.
            temporary.unlink(missing_ok=True)
            program = self.compiled.program
            saved = with_scaling(
                program.layers,
                self.compiled.model,
                self.start.scaling,
                program.facts.shape,
                self.start.target_scale,
            )
            saved.save(temporary)
            # Remove the old model first: if the run is killed here, no old model is next to a new card.
            path.unlink(missing_ok=True)
            card = model_card.describe_model(
                program,
                self.compiled.dataset,
                self.start.parts.train,
                which,
                self.start.scaling,
                self.start.target_scale,
            )
            model_card.write_card(path, card)
            temporary.replace(path)


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _within_float32(value: float) -> float:
    """Return a value as a callback can compare it: TensorFlow raises for a Python number beyond float32."""
    return math.copysign(math.inf, value) if abs(value) > np.finfo(np.float32).max else value


def _restored_series(restored: int | None, last: int) -> tuple[Series, ...]:
    """Return the restored epoch as a series of one value, measured after the last epoch."""
    if restored is None:
        return ()
    return (Series(RESTORED_EPOCH, "", "", np.array([last], np.float64), np.array([restored], np.float64)),)
