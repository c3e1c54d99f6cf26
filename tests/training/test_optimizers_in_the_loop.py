"""Optimizers, schedules and callbacks inside the loop, and that none of them touches the next trial."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.model import catalog
from bnbench.training.threads import use_threads
from support.equality import optimizer_names
from support.small_trials import EVEN, cohorts, compiled_program, results, trained


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("optimizer", optimizer_names())
def test_every_optimizer_trains_and_resets_with_xla(optimizer: str) -> None:
    """Only the epoch is compiled. Without a compiler, each optimizer is compared with `fit` in test_equal_to_fit.py."""
    cohort = cohorts(train__optimizer=optimizer, train__engine="xla", train__batch_size=EVEN)[1]
    compiled = compiled_program(cohort)
    weights = []
    for seed in (1, 0, 1):
        start = compiled.start(seed)
        compiled.reset(start, 0.01)
        compiled.train_epoch(start.parts.train)
        weights.append(compiled.model.get_weights())
    assert all(np.isfinite(values).all() for values in weights[0])
    assert all(map(np.array_equal, weights[0], weights[2]))
    assert not all(map(np.array_equal, weights[0], weights[1]))


@pytest.mark.parametrize(
    "schedule",
    [
        {"cosine": {"decay_steps": 10}},
        {"cosine": {"decay_steps": 5, "warmup_steps": 5, "warmup_target": 1.0}},
        {"exponential": {"decay_steps": 3, "decay_rate": 0.5}},
        {"piecewise_constant": {"boundaries": [4, 8], "values": [1.0, 0.1, 0.01]}},
        {"polynomial": {"decay_steps": 10}},
        {"cosine_decay_restarts": {"first_decay_steps": 4}},
    ],
    ids=str,
)
@pytest.mark.usefixtures("untraced")
def test_a_schedule_is_a_factor_of_the_rate(schedule: dict[str, Any]) -> None:
    cohort = cohorts(train__schedule=schedule, sweep__learning_rate=[0.5], sweep__seeds=1)[0]
    compiled = compiled_program(cohort)
    compiled.reset(compiled.start(0), 0.5)
    named = cohort.program.train.schedule
    assert named is not None
    kind = getattr(keras.optimizers.schedules, catalog.resolve_class("schedules", named.name, ""))
    start = {} if "values" in named.arguments else {"initial_learning_rate": 1.0}
    factor = kind(**start, **named.arguments)
    for step in (0, 3, 5, 9):
        compiled.optimizer.iterations.assign(step)
        assert float(compiled.optimizer.learning_rate) == pytest.approx(0.5 * float(factor(step)))


def test_early_stopping_ends_a_trial() -> None:
    callbacks = [{"early_stopping": {"monitor": "val_loss", "patience": 2, "min_delta": 100.0}}]
    cohort = cohorts(train__epochs=50, train__callbacks=callbacks, sweep__seeds=1)[0]
    # The first epoch counts as the best so far.
    assert [result.epochs[-1].epoch for result in results(cohort)] == [3, 3]


def test_reduce_lr_on_plateau_acts_and_is_undone_for_the_next_trial() -> None:
    callbacks = [{"reduce_lr_on_plateau": {"patience": 1, "factor": 0.1, "min_delta": 100.0}}]
    cohort = cohorts(train__epochs=6, train__callbacks=callbacks, sweep__learning_rate=[0.1])[0]
    compiled = compiled_program(cohort)
    rates = []
    for trial in cohort.trials:
        trained(compiled, trial)
        rates.append(float(compiled.optimizer.learning_rate))
    assert rates[0] == rates[1] == pytest.approx(0.1 * 0.1**5)


def test_checkpoints_and_logs_go_under_the_results(tmp_path: Path) -> None:
    callbacks = [{"model_checkpoint": {"save_best_only": True}}, "tensorboard"]
    cohort = cohorts(train__callbacks=callbacks, sweep__learning_rate=[0.1], sweep__seeds=1)[0]
    (result,) = results(cohort, tmp_path)
    assert result.status == "completed", result.fault
    assert (tmp_path / "checkpoints" / f"{result.trial}.keras").is_file()
    assert list((tmp_path / "tensorboard" / result.trial).glob("**/events*"))
