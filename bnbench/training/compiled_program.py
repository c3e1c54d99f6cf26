"""A compiled program: its model, optimizer and data as variables, and an epoch as one function.

The data are tensors in memory, the order of the rows is an input, a loop gathers each batch, and the layers, losses and
optimizers of Keras compute the step. A program is compiled once; a trial only resets its variables.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.splits import SplitIndices, fit_scaling, split_rows
from bnbench.data.targets import TargetScale, fit_target_scale
from bnbench.data.types import Dataset
from bnbench.errors import ConfigError
from bnbench.planning import task
from bnbench.planning.compile_key import compile_key
from bnbench.planning.plan import Program
from bnbench.training import startup
from bnbench.training.builder import build_model, initial_state, layers_in_order, states_drawn_in_inference
from bnbench.training.class_weights import class_weights, mean_weight
from bnbench.training.data_tensors import DataTensors
from bnbench.training.keras_errors import blamed_on
from bnbench.training.keras_objects import loss_targets, make_keras_object, make_optimizer
from bnbench.training.layer_calls import call_layers
from bnbench.training.optimizer_slots import InitialSlots
from bnbench.training.seed_state import EVALUATION_ROWS, RowIndices, SeedState, row_chunks
from bnbench.training.stable_names import stable_names
from bnbench.training.step import has_mask, loss_and_outputs, training_step, unmasked_rows

# The gap between the statistics of batch normalization is measured on this many batches.
GAP_BATCHES = 50
# The maximum size of the cache of seed states.
CACHE_BYTES = 2**26
Tool = TypeVar("Tool")


class CompiledProgram:
    """A program with its variables. It is built once and reset for each trial.

    Args:
        program: the program.
        dataset: its rows.
        eager: compile nothing; for a check of a few steps, which would take less time than to compile them.
        warm: compile the functions now. If not, each is compiled when it is called for the first time.
    """

    def __init__(self, program: Program, dataset: Dataset, eager: bool = False, warm: bool = True) -> None:
        self.dtype = tf.as_dtype(program.train.dtype)
        self.model = build_model(program.layers, program.facts.shape, program.train.dtype, seed=0)
        self.layers = layers_in_order(program.layers, self.model)
        self.parameters: int = self.model.count_params()
        self.loss = make_keras_object("losses", program.train.loss, program.train_location / "loss")
        self.rate = keras.Variable(1.0, dtype=program.train.dtype, trainable=False, name="rate")
        make = partial(make_optimizer, program.train, self.rate, program.train_location)
        self.optimizer = make()
        with blamed_on(program.train_location / "optimizer", type(self.optimizer).__name__):
            self.optimizer.build(self.model.trainable_variables)
        self.initial_slots = InitialSlots(make, self.model.trainable_variables, program.train_location / "optimizer")
        self.model.compile(optimizer=self.optimizer, loss=self.loss, metrics=["accuracy"])
        random = any(hasattr(layer, "seed_generator") or hasattr(layer, "generator") for layer in self.model.layers)
        norms = [layer for layer in self.model.layers if isinstance(layer, keras.layers.BatchNormalization)]
        self.has_moving_statistics = bool(norms) and not random
        self.random_states = states_drawn_in_inference(program.layers, self.model)
        # Whether the model masks whole rows, which then count neither in the loss nor in the accuracy.
        self.masks_rows = has_mask(self.model.outputs[0])
        if self.masks_rows and not program.facts.classes:
            problem = "R2 would be of other rows than the mean it is compared with"
            raise ConfigError(program.where, f"a mask reaches the outputs and hides whole rows: {problem}")
        self._take_rows(program, dataset)
        self._make_functions(eager)
        if warm and not eager:
            self.warm_up()

    def _take_rows(self, program: Program, dataset: Dataset) -> None:
        self.program, self.dataset = program, dataset
        self.stops_when_nonfinite = program.train.on_divergence == "stop"
        # The loss of masked rows depends on the chunks: these are the chunks of `fit`.
        self.evaluation_rows = program.batch_size if self.masks_rows else EVALUATION_ROWS
        self.data = DataTensors(program, dataset)
        self.starts: dict[int, SeedState] = {}

    def _make_functions(self, eager: bool) -> None:
        """Make the functions that trials call. Each is compiled when it is called for the first time."""
        self.is_eager = eager
        # What probes have made of this program, by the class of the tool.
        self._tools: dict[Any, Any] = {}
        weighted = partial(self._evaluate_rows, weighted=True)
        if eager:
            self.epoch, self.evaluate_rows, self.forward = self._epoch, self._evaluate_rows, self._forward
            self.evaluate_train_rows, self.predict_any = weighted, self._predict_rows
            return
        jit = self.program.train.engine == "xla"
        self.epoch = tf.function(self._epoch, jit_compile=jit, autograph=False)
        self.evaluate_rows = tf.function(self._evaluate_rows, jit_compile=jit, autograph=False)
        # What a trial does once is not worth a compilation, unless its bits depend on the processor without it.
        jit = jit and startup.is_portable()
        any_rows = [tf.TensorSpec([None], tf.int32)]
        self.evaluate_train_rows = tf.function(weighted, input_signature=any_rows, jit_compile=jit, autograph=False)
        self.forward = tf.function(self._forward, jit_compile=jit, autograph=False)
        self.predict_any = tf.function(self._predict_rows, input_signature=any_rows, jit_compile=jit, autograph=False)

    def compile_for(self, program: Program, dataset: Dataset) -> None:
        """Become the program that has been checked on a handful of rows: take its own rows and compile its functions.

        Args:
            program: with the same layers, optimizer and loss.
            dataset: its rows.
        """
        self.layers = layers_in_order(program.layers, self.model)
        self._take_rows(program, dataset)
        self._make_functions(eager=False)
        self.warm_up()

    def adopt(self, program: Program, dataset: Dataset) -> None:
        """Become another program with the same `compile_key`: what differs is in no function, only in what is reset."""
        self.program, self.dataset = program, dataset
        self.layers = layers_in_order(program.layers, self.model)
        self.data.adopt(program, dataset)
        # Their parts and initial weights may be others.
        self.starts.clear()

    def tool(self, make: "Callable[[CompiledProgram], Tool]") -> "Tool":
        """Return what a probe has made of this program, for example functions that it has compiled; made once.

        Args:
            make: the class of the tool.
        """
        if make not in self._tools:
            self._tools[make] = make(self)
        tool: Tool = self._tools[make]
        return tool

    def warm_up(self) -> None:
        """Compile the functions now, so that no trial includes the time for it. Nothing is trained."""
        steps = self.program.train.steps_per_epoch
        self.compile_epoch(steps * self.program.batch_size if steps else self.program.sizes.train)
        for size in sorted(self._evaluated_sizes()):
            with stable_names(f"{compile_key(self.program)}/evaluate/{size}"):
                self.evaluate(self.chunks(np.zeros(size, np.int32)))

    def compile_epoch(self, rows: int) -> None:
        """Compile the function of an epoch of so many rows. Nothing is trained."""
        with stable_names(f"{compile_key(self.program)}/epoch/{rows}"):
            self.train_steps(np.zeros(rows, np.int32), 0, 0)

    def _evaluated_sizes(self) -> set[int]:
        """Return the numbers of rows of the chunks in which the validation part and the test part are evaluated."""
        sizes = self.program.sizes
        return {
            len(chunk) for part in (sizes.validation, sizes.test) for chunk in self.chunks(np.zeros(part, np.int32))
        }

    def try_graphs(self, rows: RowIndices) -> None:
        """Make the graphs of a training step, and of an evaluation of any number of rows, and run what would run.

        Some layers and regularizers of Keras work on tensors with values, and not in a graph. Some operations of
        TensorFlow work alone, and fail where a graph fuses them.

        Args:
            rows: at least one batch.
        """
        of_batch, of_any = (tf.TensorSpec([size], tf.int32) for size in (self.program.batch_size, None))
        step = tf.function(self._step, autograph=False).get_concrete_function(of_batch)
        evaluate = tf.function(self._evaluate_rows, autograph=False).get_concrete_function(of_any)
        # Without `--portable`, not even `engine: xla` compiles the evaluation of the training part.
        evaluate(tf.constant(rows))
        if self.program.train.engine == "graph":
            step(tf.constant(rows[: self.program.batch_size]))

    def chunks(self, rows: RowIndices) -> list[tf.Tensor]:
        """Split row numbers into chunks, as `evaluate` takes them."""
        return row_chunks(rows, self.evaluation_rows)

    def train_epoch(self, order: RowIndices) -> tuple[NDArray[Any], float]:
        """Train one epoch; return the mini-batch losses, up to one that stops a trial, and the mean credit."""
        losses, right = self.train_steps(order, 0, self.steps_of(order))
        return losses, self.mean_credit(right, len(order))

    def steps_of(self, order: RowIndices) -> int:
        """Return the number of steps of an epoch with so many rows."""
        return -(-len(order) // self.program.batch_size)

    def mean_credit(self, right: NDArray[Any], rows: int) -> float:
        """Return the mean credit of the rows of an epoch, from the sum that `train_steps` returned last."""
        credit, count = right if self.masks_rows else (right, rows)
        return _mean(credit, count)

    def train_steps(
        self, order: RowIndices, first: int, last: int, right: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Train some steps of an epoch. Steps that follow each other have the bits of one call for all of them.

        Args:
            order: the rows of the whole epoch, in the order of training.
            first: the number of the first step, from 0.
            last: the number of the step before which to stop.
            right: what the call for the steps before returned; None for the first steps of an epoch.

        Returns:
            The mini-batch losses, (last - first,), or fewer, up to one that stops a trial; and the `_credit_sum` of the
            epoch so far.
        """
        before = self._no_credit() if right is None else tf.constant(right, self.dtype)
        every, sums = self.epoch(tf.constant(order), tf.constant(first), tf.constant(last), before)
        losses = every.numpy()[first:last]
        broken = np.flatnonzero(~np.isfinite(losses))
        stopped = self.stops_when_nonfinite and broken.size
        return losses[: broken[0] + 1] if stopped else losses, sums.numpy()

    def start(self, seed: int) -> SeedState:
        """Return what a seed fixes.

        The states of the last few seeds are cached for trials with other learning rates.
        """
        if seed not in self.starts:
            if sum(start.nbytes for start in self.starts.values()) > CACHE_BYTES:
                self.starts.clear()
            self.starts[seed] = self._make_start(seed)
        return self.starts[seed]

    def _make_start(self, seed: int) -> SeedState:
        program, dataset = self.program, self.dataset
        parts = split_rows(dataset, program.data, program.sizes, seed)
        target_scale = fit_target_scale(dataset, program.data, parts.train)
        labels = dataset.y[parts.train]
        weights = class_weights(program.train.class_weight, program.facts.classes, labels)
        return SeedState(
            parts=parts,
            scaling=fit_scaling(dataset, program.data, parts.train),
            validation=self.chunks(parts.validation),
            state=initial_state(program.layers, self.model, program.train.dtype, seed),
            spreads=self._spreads(parts, target_scale),
            target_scale=target_scale,
            class_weights=weights,
            mean_weight=mean_weight(weights, labels),
        )

    def reset(self, start: SeedState, learning_rate: float) -> None:
        """Set every variable to its value before the first step of a trial."""
        for variable, value in zip(self.model.variables, start.state, strict=True):
            variable.assign(value)
        # They may depend on the weights, so the weights come first.
        for variable, value in zip(self.optimizer.variables, self.initial_slots.values(), strict=True):
            variable.assign(value)
        self.rate.assign(learning_rate)
        if not self.program.train.changes_rate:
            self.optimizer.learning_rate = learning_rate
        self.data.place(start)
        self.model.stop_training = False

    def _credit(self, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the credit of each row, (rows,); `score` turns the mean credit into the accuracy or R2.

        For classes the credit is 1 if the prediction is correct, else 0. For numbers it is the squared error.
        """
        if not self.program.facts.classes:
            return tf.square(tf.cast(outputs[:, 0], self.dtype) - y)
        if outputs.shape[-1] == 1:
            predicted = tf.cast(outputs[:, 0] > task.class_threshold(self.program.train.loss), tf.int32)
        else:
            predicted = tf.argmax(outputs, axis=-1, output_type=tf.int32)
        return tf.cast(predicted == y, self.dtype)

    def _credit_sum(self, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return the sum of the credit of the rows, (); with masked rows, this sum and the number of the others, (2,).

        The number is left out if no row is masked, so that such programs compute nothing more.
        """
        credit = self._credit(y, outputs)
        if not self.masks_rows:
            return tf.reduce_sum(credit)
        weights = unmasked_rows(outputs)
        return tf.stack([tf.reduce_sum(credit * weights), tf.reduce_sum(weights)])

    def _spreads(self, parts: SplitIndices, target_scale: TargetScale) -> dict[str, float]:
        if self.program.facts.classes:
            return {}
        y = target_scale.standardize(self.dataset.y).astype(np.float64)
        mean = y[parts.train].mean()
        return {name: float(np.mean((y[rows] - mean) ** 2)) for name, rows in vars(parts).items()}

    def score(self, credit: float, start: SeedState, part: str) -> float:
        """Return the accuracy, which is the mean credit of the rows of a part; for numbers it is R2, but at least 0.

        R2 is 1 minus the squared error divided by the squared error of always predicting the training mean.
        """
        if self.program.facts.classes:
            return credit
        return max(0.0, 1 - credit / start.spreads[part]) if start.spreads[part] else 0.0

    def _step(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Update once; return the loss before it, with regularizers, and the `_credit_sum` of its rows."""
        x, y = self.data.batch(rows)
        loss, outputs = training_step(self.model, self.loss, self.optimizer, x, y, self.data.row_weights(y))
        return loss, self._credit_sum(y, outputs)

    def _no_credit(self) -> tf.Tensor:
        return tf.zeros((2,) if self.masks_rows else (), self.dtype)

    def _epoch(
        self, order: tf.Tensor, first: tf.Tensor, last: tf.Tensor, right: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Train some steps on the rows in this order, up to a loss that is not finite.

        The range of steps is an input, so that nothing is compiled anew to look at a model within an epoch. If it is
        empty, the function is compiled but nothing is trained.

        Args:
            order: row numbers, (rows,).
            first: the first step, from 0.
            last: the step before which to stop.
            right: the `_credit_sum` of the rows before.

        Returns:
            The mini-batch losses (steps of an epoch,) and the `_credit_sum` of the rows. Losses of other steps, and
            after a loss that is not finite, mean nothing.
        """
        size = self.program.batch_size
        whole, rest = divmod(int(order.shape[0]), size)

        def goes_on(step: tf.Tensor, loss: tf.Tensor) -> tf.Tensor:
            wanted = step < last
            return wanted & tf.math.is_finite(loss) if self.stops_when_nonfinite else wanted

        def one(step: tf.Tensor, right: tf.Tensor, losses: tf.TensorArray, loss: tf.Tensor) -> tuple[Any, ...]:
            loss, correct = self._step(tf.slice(order, [step * size], [size]))
            return step + 1, right + correct, losses.write(step, loss), loss

        zero = tf.zeros((), self.dtype)
        step, right, losses, loss = tf.while_loop(
            lambda step, right, losses, loss: (step < whole) & goes_on(step, loss),
            one,
            (first, right, tf.TensorArray(self.dtype, whole, element_shape=()), zero),
            maximum_iterations=whole,
        )
        every = losses.stack()
        if rest:
            none = zero, self._no_credit()
            short = tf.cond(goes_on(step, loss), lambda: self._step(order[whole * size :]), lambda: none)
            every, right = tf.concat([every, [short[0]]], 0), right + short[1]
        return every, right

    def _evaluate_rows(self, rows: tf.Tensor, weighted: bool = False) -> tf.Tensor:
        """Return the sum of losses, whether all weights are finite (1 or 0), and the `_credit_sum`, as (3,) or (4,).

        Args:
            rows: row numbers.
            weighted: weight the losses as in training, by `train.class_weight`.
        """
        x, y = self.data.batch(rows)
        states = [tf.identity(state.value) for state in self.random_states]
        row_weights = self.data.row_weights(y) if weighted else None
        loss, outputs = loss_and_outputs(self.model, self.loss, x, y, training=False, row_weights=row_weights)
        # Validation must not change what training draws, as it does not in a `fit` without validation.
        for state, value in zip(self.random_states, states, strict=True):
            state.assign(value)
        credit = self._credit_sum(y, outputs)
        return tf.stack(
            [
                loss * tf.cast(tf.shape(rows)[0], self.dtype),
                tf.cast(self._has_finite_weights(), self.dtype),
                *(tf.unstack(credit) if self.masks_rows else [credit]),
            ]
        )

    def predict(self, rows: RowIndices) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the outputs of the model, (rows, outputs), and the targets of some rows, in inference mode.

        Rows that are masked are left out, as in the accuracy. Everything stays as it is.
        """
        chunks = [[part.numpy() for part in self.predict_any(chunk)] for chunk in self.chunks(rows)]
        outputs, targets, weights = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
        return outputs[weights > 0], targets[weights > 0]

    def _predict_rows(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return outputs, targets and weights of rows; the weight of a masked row is 0."""
        x, y = self.data.batch(rows)
        states = [tf.identity(state.value) for state in self.random_states]
        outputs = self.model(x, training=False)
        for state, value in zip(self.random_states, states, strict=True):
            state.assign(value)
        weights = unmasked_rows(outputs) if self.masks_rows else tf.ones(tf.shape(rows), self.dtype)
        return outputs, y, weights

    def output_gradients(self, rows: RowIndices, names: Collection[str]) -> dict[str, float]:
        """Return the squared norm of the gradient of the loss with respect to the outputs of some layers, by name.

        The rows are one mini-batch in training mode: moving statistics and random numbers change as in training.
        Nothing is compiled.
        """
        values, y = self.data.batch(tf.constant(rows))
        outputs = {}
        with tf.GradientTape() as tape:
            # Otherwise the tape records nothing before the first trainable variable.
            tape.watch(values)
            for call in call_layers(self.layers, values, training=True):
                values = call.outputs
                if call.layer.name in names:
                    outputs[call.layer.name] = values
            loss = self.loss(loss_targets(self.loss, y, values), values, self.data.row_weights(y))
        gradients = tape.gradient(loss, outputs)
        return {name: float(tf.reduce_sum(tf.square(gradient))) for name, gradient in gradients.items()}

    def inputs_of(self, name: str, rows: RowIndices) -> NDArray[Any]:
        """Return the inputs of a layer for the rows, taken as one mini-batch in training mode.

        All variables stay as they are. Nothing is compiled.
        """
        values, _ = self.data.batch(tf.constant(rows))
        with self.unchanged_state():
            calls = call_layers(self.layers, values, training=True)
            return np.asarray(next(call.inputs for call in calls if call.layer.name == name))

    def mode_gap(self, start: SeedState) -> float | None:
        """Return the score with batch statistics minus the score with moving statistics, on the same batches.

        The moving statistics stay as they are. None if the model has no batch normalization, or if other layers also
        act differently in training: the gap would then not come from the statistics alone.
        """
        if not self.has_moving_statistics:
            return None
        size = min(self.program.batch_size, len(start.parts.validation))
        count = min(len(start.parts.validation) // size, GAP_BATCHES)
        batches = tf.constant(start.parts.validation[: count * size].reshape(count, size))
        with self.unchanged_state():
            moving, own = (self.forward(batches, tf.constant(training)).numpy() for training in (False, True))
        return self.score(float(own), start, "validation") - self.score(float(moving), start, "validation")

    @contextmanager
    def unchanged_state(self) -> Iterator[None]:
        """Restore moving statistics and random states at the end, because training mode changes them."""
        before = [variable.numpy() for variable in self.model.non_trainable_variables]
        yield
        for variable, value in zip(self.model.non_trainable_variables, before, strict=True):
            variable.assign(value)

    def _forward(self, batches: tf.Tensor, training: tf.Tensor) -> tf.Tensor:
        """Return the mean credit of batches of rows, (batches, rows), each batch by itself, in one of the two modes."""

        def one(rows: tf.Tensor) -> tf.Tensor:
            x, y = self.data.batch(rows)

            def credit(mode: bool) -> tf.Tensor:
                outputs = self.model(x, training=mode)
                if self.masks_rows:
                    return tf.math.divide_no_nan(*tf.unstack(self._credit_sum(y, outputs)))
                return tf.reduce_mean(self._credit(y, outputs))

            return tf.cond(training, partial(credit, True), partial(credit, False))

        return tf.reduce_mean(tf.map_fn(one, batches, fn_output_signature=self.dtype, parallel_iterations=1))

    def _has_finite_weights(self) -> tf.Tensor:
        """Return whether all weights are finite, ()."""
        values = [weight.value for weight in self.model.weights]
        flat = [tf.reshape(value, [-1]) for value in values if value.dtype.is_floating]
        # XLA compiles a reduction of each weight for as long as all the rest of an evaluation.
        return tf.reduce_all(tf.math.is_finite(tf.concat(flat, axis=0)))

    def evaluate(self, part: Sequence[tf.Tensor], is_train: bool = False) -> tuple[float, float, bool]:
        """Return the mean loss, with regularizers, the mean credit, and whether all weights are finite.

        Args:
            part: row numbers, as `chunks` returns them.
            is_train: whether these are the rows of the training part. Their losses are weighted as in training, and the
                function for them takes chunks of any size.
        """
        evaluate = self.evaluate_train_rows if is_train else self.evaluate_rows
        sums = np.asarray([evaluate(rows).numpy() for rows in part], np.float64).sum(axis=0)
        count = sum(int(rows.shape[0]) for rows in part)
        return (
            float(sums[0]) / count,
            _mean(sums[2], sums[3] if self.masks_rows else count),
            bool(sums[1] == len(part)),
        )


def _mean(total: Any, count: Any) -> float:
    """Return the mean; 0 if nothing counts, as in the metrics of Keras."""
    return float(total) / float(count) if count else 0.0
