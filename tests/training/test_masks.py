"""Masks act as in `fit`: on layers, on the loss and on the accuracy, in the loop, in probes and in a saved model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Result, Saving
from bnbench.store.results_dir import model_path
from bnbench.training import loop
from bnbench.training.builder import build_model, load_saved_model
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

STEPS = {"masking": {"mask_value": 0.0}}
TOKENS = {"embedding": {"input_dim": 5, "output_dim": 3, "mask_zero": True}}
OUT = {"dense": "$classes"}
UNSAVED = Saving(Path("unused"))
# The layers, and the shape of a row: steps, tokens or numbers. The whole row is masked in the last two.
MODELS: list[tuple[list[Any], tuple[int, ...]]] = [
    ([STEPS, {"lstm": 4}, "norm", OUT], (6, 2)),
    ([STEPS, "norm", {"gru": {"units": 4, "go_backwards": True}}, OUT], (6, 2)),
    ([TOKENS, {"lstm": {"units": 3, "return_sequences": True}}, "global_average_pooling1d", "norm", OUT], (6,)),
    ([STEPS, {"dense": {"units": 4, "kernel_regularizer": "l2"}}, "norm", {"activation": "relu"}, OUT], (5,)),
    ([STEPS, OUT], (5,)),
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def cohort_of(items: list[Any], shape: tuple[int, ...], **changes: Any) -> Cohort:
    settings = {
        "model": {"layers": items},
        "variants": {"bn": {"norm": "batch" if "norm" in items else "none"}},
        "data__scale": "none",
        "train__dtype": "float64",
        "train__engine": "graph",
        "train__epochs": 2,
        "sweep__learning_rate": [0.1],
        "sweep__seeds": [1],
    }
    return make_plan(facts(shape), **(settings | changes)).cohorts[0]


def masked(of: Cohort) -> Dataset:
    """Return rows of which a part is zero: the first steps, the last tokens, or the whole row."""
    made, shape = dataset(of.program.facts), of.program.facts.shape
    generator = np.random.default_rng(1)
    if len(shape) == 2:
        x = made.x.copy()
        for row, length in zip(x, generator.integers(0, shape[0], len(x)), strict=True):
            row[:length] = 0
    elif of.program.layers[0].class_name == "Embedding":
        x = generator.integers(0, 5, made.x.shape).astype(np.float32)
    else:
        x = made.x * (generator.random(len(made.x)) < 0.7)[:, np.newaxis]
    return replace(made, x=x)


def trained(of: Cohort, compiled: CompiledProgram, saving: Saving = UNSAVED) -> Result:
    return loop._train(compiled, of.trials[0], saving, lambda trial, epoch: None)


def fitted(of: Cohort, compiled: CompiledProgram) -> tuple[list[list[float]], keras.Model]:
    """Return the loss and the scores of each epoch from `model.fit` on the same rows in the same order."""
    program, seed = of.program, of.trials[0].seed
    start, x, y = compiled.start(seed), compiled.dataset.x.astype(np.float64), compiled.dataset.y
    model = build_model(program.layers, program.facts.shape, "float64", seed)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss=loss, metrics=["accuracy"], run_eagerly=True)
    history = []
    for order in loop.epoch_orders(program, start.parts.train, seed):
        validation = x[start.parts.validation], y[start.parts.validation]
        logs = model.fit(
            x[order], y[order], batch_size=program.batch_size, shuffle=False, verbose=0, validation_data=validation
        ).history
        history.append([logs[name][0] for name in ("loss", "accuracy", "val_loss", "val_accuracy")])
    return history, model


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("items", "shape"), MODELS, ids=str)
def test_masked_steps_and_rows_train_as_in_fit(items: list[Any], shape: tuple[int, ...]) -> None:
    of = cohort_of(items, shape)
    # To compile a recurrent layer takes ten times as long as to train it eagerly.
    compiled = CompiledProgram(of.program, masked(of), eager=items is not MODELS[0][0] and len(shape) > 1)
    wanted, model = fitted(of, compiled)
    result = trained(of, compiled)
    for epoch, logs in zip(result.epochs[1:], wanted, strict=True):
        ours = [epoch.train_loss, epoch.train_accuracy, epoch.validation_loss, epoch.validation_accuracy]
        assert ours == pytest.approx(logs, rel=1e-8)
    if result.best_epoch == len(wanted):
        for our, their in zip(compiled.model.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(our, their, rtol=1e-8, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_a_row_that_is_masked_counts_neither_in_the_loss_nor_in_the_accuracy() -> None:
    of = cohort_of(*MODELS[4])
    rows = masked(of)
    compiled = CompiledProgram(of.program, rows)
    hidden = np.flatnonzero(~rows.x.any(axis=1)).astype(np.int32)
    shown = np.flatnonzero(rows.x.any(axis=1)).astype(np.int32)
    compiled.reset(compiled.start(1), 0.1)
    loss, accuracy, _ = compiled.evaluate(compiled.chunks(shown[:6]), is_train=True)
    both = np.concatenate([shown[:6], hidden[:2]])
    assert compiled.evaluate(compiled.chunks(both), is_train=True)[:2] == pytest.approx((loss, accuracy))
    assert compiled.evaluate(compiled.chunks(hidden[:3]), is_train=True)[:2] == (0, 0)


def test_layers_one_by_one_see_the_masks_that_the_model_sees() -> None:
    layers = [STEPS, {"lstm": 4}, {"activation": "relu"}, OUT]
    of = cohort_of(layers, (6, 2), train__dtype="float32")
    compiled = CompiledProgram(of.program, masked(of), eager=True)
    compiled.reset(compiled.start(1), 0.1)
    rows = np.arange(8, dtype=np.int32)
    seen = compiled.inputs_of("activation_0", rows)
    wanted = keras.Sequential(compiled.model.layers[:2])(compiled.dataset.x[rows])
    np.testing.assert_allclose(seen, wanted, rtol=1e-6)


def test_a_saved_model_masks_the_same_steps(tmp_path: Path) -> None:
    of = cohort_of(*MODELS[0], train__dtype="float32", train__epochs=1)
    compiled = CompiledProgram(of.program, masked(of), eager=True)
    trained(of, compiled, Saving(tmp_path, "final"))
    x = compiled.dataset.x[:9]
    outputs = load_saved_model(model_path(tmp_path, of.trials[0].id))(x)
    np.testing.assert_allclose(outputs, compiled.model(x, training=False), rtol=1e-5, atol=1e-6)
