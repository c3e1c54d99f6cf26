"""Every layer that a config may use trains as in `fit`. Layers of one kind are compared together, in a chain."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from bnbench.data.splits import apply_scaling, fit_scaling
from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.seed_state import row_chunks
from bnbench.training.threads import use_threads
from support.examples import make_plan
from support.layer_cases import CASES, LayerCase, case_data, trained_classes

# It divides the 18 training rows, so there is no shorter last step to compile.
BATCH = 9
# A layer after a mask that does not use it, as `flatten`, ends the mask with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:Layer 'flatten_.*mask")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_threads(1)
    before = keras.config.floatx()
    # Compile only what the comparison runs.
    monkeypatch.setattr(CompiledProgram, "warm_up", lambda self: None)
    yield
    keras.config.set_floatx(before)


@contextmanager
def eagerly(eager: bool) -> Iterator[None]:
    tf.config.run_functions_eagerly(eager)
    yield
    tf.config.run_functions_eagerly(False)


def plan_case(case: LayerCase, data: Dataset, **changes: Any) -> Cohort:
    model = {"layers": [*case.layers, {"dense": "$classes"}]}
    settings = {
        "model": model, "variants": {"plain": {}}, "data__scale": case.scale, "train__dtype": case.dtype,
        "train__engine": "graph", "train__epochs": 2, "train__batch_size": BATCH, "sweep__learning_rate": [0.05],
    }  # fmt: skip
    return make_plan(data.facts, **(settings | changes)).cohorts[0]


def test_every_layer_that_trains_has_a_case() -> None:
    assert set().union(*(case.classes for case in CASES)) == trained_classes()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layer_trains_as_in_fit(case: LayerCase) -> None:
    keras.config.set_floatx(case.dtype)
    data = case_data(case)
    cohort = plan_case(case, data)
    program, trial = cohort.program, cohort.trials[1]
    compiled = CompiledProgram(program, data)
    start = compiled.start(trial.seed)
    compiled.reset(start, trial.learning_rate)
    validation = row_chunks(start.parts.validation)
    model = build_model(program.layers, program.facts.shape, case.dtype, trial.seed)
    optimizer = keras.optimizers.SGD(trial.learning_rate, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False, run_eagerly=not case.compiled)
    x, y = apply_scaling(start.scaling, data.x).astype(case.dtype), data.y
    ours, theirs = [], []
    for order in loop.epoch_orders(program, start.parts.train, trial.seed):
        # Validation leaves no trace in the training: Keras draws random numbers in inference in some layers.
        with eagerly(not case.compiled):
            compiled.evaluate(validation)
            losses, accuracy = compiled.train_epoch(order)
        ours += [losses.mean(), accuracy]
        history = model.fit(x[order], y[order], batch_size=BATCH, shuffle=False, verbose=0).history
        theirs += [history["loss"][0], history["accuracy"][0]]
    tolerance = 1e-7 if case.dtype == "float64" else 1e-3
    for our, their in zip(compiled.model.variables, model.variables, strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=tolerance, atol=tolerance, err_msg=our.path)
    with eagerly(not case.compiled):
        ours += compiled.evaluate(validation)[:2]
    theirs += model.evaluate(x[start.parts.validation], y[start.parts.validation], verbose=0)
    np.testing.assert_allclose(ours, theirs, rtol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_layer_but_batch_normalization_mixes_the_rows_of_a_batch(case: LayerCase) -> None:
    keras.config.set_floatx(case.dtype)
    data = case_data(case)
    program = plan_case(case, data).program
    layers = [layer for layer in program.layers if layer.class_name != "BatchNormalization"]
    x = apply_scaling(fit_scaling(data, program.data, np.arange(len(data.x), dtype=np.int32)), data.x).astype(
        case.dtype
    )
    others = np.concatenate([x[:1], x[10:14]])
    outputs = [
        np.asarray(build_model(layers, case.shape, case.dtype, seed=3)(rows, training=True))[0]
        for rows in (x[:5], others)
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-4)
