"""The rates of a warm-up in front of every schedule, and in checkpoints."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.config.schema import Named, Train, WarmupSteps
from bnbench.location import Location
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults, make_schedule
from bnbench.training.loop import Saving
from bnbench.training.schedules import WarmUp
from bnbench.training.threads import use_threads
from support.equality import tiny_cohort, without_compilation
from support.examples import dataset

WHERE = Location.of("tiny.yaml")
SCHEDULES: tuple[Mapping[str, Any], ...] = (
    {"name": "cosine", "decay_steps": 5, "alpha": 0.1},
    {"name": "cosine_decay_restarts", "first_decay_steps": 2, "t_mul": 2.0},
    {"name": "exponential", "decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    {"name": "inverse_time", "decay_steps": 1, "decay_rate": 0.5},
    {"name": "piecewise_constant", "boundaries": [1, 3], "values": [0.5, 1.0, 0.1]},
    {"name": "polynomial", "decay_steps": 4, "end_learning_rate": 0.2, "power": 2.0},
)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def rates(schedule: Callable[[Any], Any], steps: range) -> list[float]:
    return [float(schedule(keras.ops.convert_to_tensor(step, "int64"))) for step in steps]


@pytest.mark.parametrize("arguments", SCHEDULES, ids=lambda one: str(one["name"]))
def test_a_warm_up_rises_to_the_start_of_any_schedule_and_then_follows_it_from_its_step_0(
    arguments: Mapping[str, Any],
) -> None:
    with keras_defaults("float64"):
        train = Train(epochs=1, dtype="float64", warmup=WarmupSteps(steps=4))
        factor = make_schedule(Named.model_validate(arguments), train, WHERE)
        alone = rates(factor, range(8))
        found = rates(WarmUp(factor, 4), range(12))
    np.testing.assert_allclose(found, [alone[0] * share for share in (0.25, 0.5, 0.75, 1)] + alone, rtol=1e-15)


def test_in_front_of_a_constant_rate_it_rises_to_that() -> None:
    with keras_defaults("float64"):
        one = keras.ops.ones((), "float64")
        assert rates(WarmUp(one, 5), range(7)) == [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1]
        assert rates(WarmUp(one, 1), range(3)) == [1, 1, 1]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    "schedule", [None, {"cosine": {"decay_steps": "all"}}, {"exponential": {"decay_steps": 2, "decay_rate": 0.5}}]
)
def test_a_checkpoint_has_the_warm_up_of_the_trial(
    schedule: Mapping[str, Any] | None, steps: int, tmp_path: Path
) -> None:
    cohort = tiny_cohort(
        train__warmup={"steps": steps},
        train__schedule=schedule,
        train__callbacks=["model_checkpoint"],
        sweep__learning_rate=[0.5],
        sweep__seeds=1,
    )
    with keras_defaults("float64"), without_compilation():
        compiled = CompiledProgram(cohort.program, dataset(cohort.program.facts))
        loop._train(compiled, cohort.trials[0], Saving(tmp_path), lambda trial, epoch: None)
    (path,) = tmp_path.glob("checkpoints/*.keras")
    loaded = keras.saving.load_model(path, safe_mode=True)
    for step in range(6):
        for optimizer in (compiled.optimizer, loaded.optimizer):
            optimizer.iterations.assign(step)
        assert float(loaded.optimizer.learning_rate) == pytest.approx(float(compiled.optimizer.learning_rate))
    # Without a schedule the rates of a warm-up are those of a schedule of Keras, so that Keras alone can load it.
    named = loaded.optimizer.get_config()["learning_rate"]
    assert (named["registered_name"] is None) == (schedule is None)
