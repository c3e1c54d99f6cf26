"""Trains trials of the small experiment in this process, on made-up rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from bnbench.planning.plan import Cohort, Trial
from bnbench.planning.trial import Result, Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from support.examples import dataset, facts, make_plan

DENSE = [
    {"dense": {"units": 6, "kernel_regularizer": {"l2": 1e-2}}},
    "norm",
    {"activation": "tanh"},
    {"dense": "$classes"},
]


IMAGES = (6, 6, 1)


UNSAVED = Saving(Path("unused"))


# A batch size that divides the 45 training rows, so there is no shorter last step to compile.
EVEN = 15


def cohorts(shape: tuple[int, ...] = (5,), **changes: Any) -> tuple[Cohort, ...]:
    """Return the cohorts of the small experiment with the engine `graph`: XLA takes four times as long to compile.

    Tests of XLA set `train__engine="auto"`.
    """
    return make_plan(facts(shape), **({"train__engine": "graph"} | changes)).cohorts


def compiled_program(cohort: Cohort) -> CompiledProgram:
    return CompiledProgram(cohort.program, dataset(cohort.program.facts))


def trained(compiled: CompiledProgram, trial: Trial, saving: Saving = UNSAVED) -> Result:
    return loop._train(compiled, trial, saving, lambda trial, epoch: None)


def evaluated(model: keras.Model, x: Any, y: Any, **arguments: Any) -> list[float]:
    """Return loss and accuracy from Keras' own `evaluate`, run eagerly because it is called only once."""
    model.compile(loss=model.loss, metrics=["accuracy"], run_eagerly=True)
    return list(model.evaluate(x, y, verbose=0, **arguments))


def results(cohort: Cohort, folder: Path = Path("unused"), models: str = "none") -> list[Result]:
    rows = dataset(cohort.program.facts)
    return list(
        loop.train_trials(cohort.program, cohort.trials, rows, Saving(folder, models), lambda trial, epoch: None)
    )


def values_of(result: Result) -> tuple[Any, ...]:
    """Return everything in a result except its times and its worker."""
    epochs = tuple(replace(epoch, seconds=0.0) for epoch in result.epochs)
    return (epochs, result.step_losses.tobytes(), result.divergence, result.test, result.best_epoch, result.best_test)
