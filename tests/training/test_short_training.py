"""Short trainings are the beginnings of real trials, at constant rates or along rates that rise."""

import math
from typing import Any

import numpy as np
import pytest

from bnbench.data.types import Dataset
from bnbench.planning.plan import Program
from bnbench.planning.predictors.registry import find_predictors
from bnbench.planning.trial import Saving
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.short_training import UNTRAINED, ProgramInShort, guess_rates
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

WARMUP = {"train__warmup": {"steps": 9}, "train__schedule": {"cosine": {"decay_steps": "all"}}}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    use_threads(1)


def program_of(variant: int = 1, classes: int = 3, **changes: Any) -> Program:
    """Return a program of 6 steps an epoch, the last of which has fewer rows."""
    of = facts(classes=classes)
    return make_plan(of, **{"train__engine": "graph", "train__epochs": 20, **changes}).cohorts[variant].program


def short(program: Program, seed: int = 0) -> ProgramInShort:
    with keras_defaults(program.train.dtype):
        return ProgramInShort(CompiledProgram(program, rows_of(program), warm=False), seed)


def rows_of(program: Program) -> Dataset:
    return dataset(program.facts)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("variant", [0, 1])
def test_constant_rates_are_the_first_steps_of_a_real_trial(variant: int, dtype: str, tmp_path: Any) -> None:
    changes = {"train__dtype": dtype, "sweep__learning_rate": [0.1], "sweep__seeds": [3], "train__epochs": 20}
    cohort = make_plan(train__engine="graph", **changes).cohorts[variant]
    (trial,) = cohort.trials
    trained = loop.train_trials(cohort.program, [trial], rows_of(cohort.program), Saving(tmp_path), lambda *_: None)
    (result,) = trained
    assert len(result.step_losses) == 120
    training = short(cohort.program, seed=3)
    # What was trained before does not matter.
    training.at(7.0, 5)
    losses = training.at(0.1, 100)
    # Trials keep their losses as float32.
    assert np.array_equal(np.float32(losses), result.step_losses[:100])
    assert training.steps == 105


def test_a_warm_up_is_trained_in_front_and_its_losses_are_left_out(tmp_path: Any) -> None:
    plan = make_plan(train__engine="graph", train__epochs=20, sweep__learning_rate=[0.1], sweep__seeds=1, **WARMUP)
    cohort = plan.cohorts[0]
    (result,) = loop.train_trials(
        cohort.program, list(cohort.trials), rows_of(cohort.program), Saving(tmp_path), lambda *_: None
    )
    training = short(cohort.program)
    assert np.array_equal(np.float32(training.at(0.1, 100)), result.step_losses[9:109])
    assert training.steps == 109


def test_rising_rates_are_those_that_were_asked_for_whatever_the_schedule() -> None:
    rates = np.geomspace(0.001, 1, 30).tolist()
    plain, scheduled = (short(program_of(train__dtype="float64", **more)).along(rates) for more in ({}, WARMUP))
    assert scheduled == pytest.approx(plain, rel=1e-6)
    assert len(plain) == 30


def test_the_same_rate_again_and_again_is_a_constant_rate() -> None:
    training = short(program_of(train__dtype="float64"))
    assert training.along([0.05] * 20) == training.at(0.05, 20)


def test_a_loss_that_is_not_finite_ends_a_short_training() -> None:
    for on_divergence in ("stop", "continue"):
        training = short(program_of(0, train__on_divergence=on_divergence))
        for losses in (training.at(1e30, 100), training.along([1e30] * 100)):
            assert 1 < len(losses) < 100
            assert np.isfinite(losses[:-1]).all()
            assert not np.isfinite(losses[-1])


def test_chance_is_the_entropy_of_the_labels_where_the_network_starts_above_it() -> None:
    large = {"dense": {"units": "$classes", "kernel_initializer": {"random_normal": {"stddev": 10}}}}
    training = short(program_of(0, model__layers=[{"dense": "$units"}, "norm", {"activation": "relu"}, large]))
    labels = rows_of(training.compiled.program).y[training.compiled.start(0).parts.train]
    shares = np.bincount(labels) / len(labels)
    assert training.chance == pytest.approx(-sum(share * math.log(share) for share in shares))
    assert training.steps == UNTRAINED


def test_chance_is_the_loss_of_the_untrained_network_where_it_starts_below() -> None:
    zeros = {"dense": {"units": "$classes", "kernel_initializer": "zeros"}}
    layers = [{"dense": "$units"}, "norm", {"activation": "relu"}, zeros]
    training = short(program_of(0, model__layers=layers))
    # Equal outputs have a loss of ln 3, which is at least the entropy of the labels.
    assert training.chance <= math.log(3)
    assert training.chance == pytest.approx(math.log(3), abs=0.02)


def test_chance_of_numbers_is_at_most_the_variance_of_the_targets() -> None:
    layers = [{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}]
    training = short(program_of(0, classes=0, model__layers=layers, train__loss="mean_squared_error"))
    of = rows_of(training.compiled.program)
    targets = of.y[training.compiled.start(0).parts.train]
    # Their mean is about 3, so that an untrained network is far off.
    assert training.chance == pytest.approx(targets.var(), rel=1e-4)


def test_chance_of_another_loss_of_numbers_is_that_of_the_untrained_network() -> None:
    layers = [
        {"dense": "$units"},
        "norm",
        {"activation": "relu"},
        {"dense": {"units": 1, "kernel_initializer": "zeros"}},
    ]
    training = short(program_of(0, classes=0, model__layers=layers, train__loss="mean_absolute_error"))
    targets = rows_of(training.compiled.program).y[training.compiled.start(0).parts.train]
    # The first ten batches of 8 rows, with batches of 5 at the end of an epoch of 45 rows.
    assert training.chance == pytest.approx(float(np.abs(targets).mean()), rel=0.2)


def test_the_predictors_that_ship_find_an_edge_of_a_small_network() -> None:
    program = program_of(1)
    constant, rising = guess_rates(program, rows_of(program), 0, find_predictors())
    assert (constant.program, constant.predictor, constant.seed) == (program.key, "constant", 0)
    assert constant.training_steps == 120
    assert constant.steps >= 600
    assert 200 < rising.steps + UNTRAINED <= 230 or rising.found is not None
    for one in (constant, rising):
        assert (one.found is None) == bool(one.reason)
        assert one.seconds > 0
