"""A sweep that is too large is refused by its size alone, and one at the limit is planned in little memory."""

import tracemalloc
from typing import Any

import pytest

from bnbench.cli.format_plan import format_cohorts, format_estimate, format_matrix
from bnbench.config.load import check_config
from bnbench.errors import ConfigError
from bnbench.planning import identity, plan
from support.examples import make_plan, values

AXIS = list(range(1, 101))
MANY_RATES = {"from": 1e-4, "to": 10, "points": 1000}


def fail(settings: object) -> Any:
    raise AssertionError(f"{settings} was described before the size was known")


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            {"learning_rate": MANY_RATES, "seeds": 501},
            "sweep: 2 variants x 1,000 learning rates x 501 seeds = 1,002,000 trials: wanted at most 1,000,000; take "
            "fewer values (learning rates has 1,000), or split the experiment into several files",
        ),
        (
            {"learning_rate": [0.1], "seeds": 1, "grid": {"model.params.units": AXIS, "train.epochs": AXIS}},
            "sweep.grid: 2 variants x 100 model.params.units x 100 train.epochs = 20,000 programs, each compiled on "
            "its own: wanted at most 10,000; take fewer values (model.params.units has 100)",
        ),
        (
            {"learning_rate": MANY_RATES, "seeds": 50, "grid": {"train.batch_size": AXIS}},
            "2 variants x 100 train.batch_size x 1,000 learning rates x 50 seeds = 10,000,000 trials",
        ),
    ],
    ids=["rates and seeds", "grid", "all axes"],
)
def test_a_sweep_is_refused_by_the_whole_number_of_its_trials(sweep: dict[str, Any], message: str) -> None:
    experiment = check_config(values(sweep=sweep), "tiny.yaml")
    with pytest.raises(ConfigError) as raised:
        plan.make_plan(experiment, fail, "tiny.yaml")
    assert str(raised.value).startswith("tiny.yaml: sweep")
    assert message in str(raised.value)


def test_trials_are_the_same_by_position_in_turn_and_in_slices() -> None:
    planned = make_plan(sweep={"learning_rate": [0.1, 0.01, 1.0], "seeds": [4, 2], "grid": {"train.epochs": [1, 2]}})
    trials = list(planned.trials)
    assert [trial.number for trial in trials] == list(range(1, 25))
    assert [planned.trials[i] for i in range(24)] == trials == list(planned.trials[:])
    assert planned.trials[-1] == trials[-1]
    assert planned.trials[5:8] == tuple(trials[5:8])
    cohort = planned.cohorts[2]
    assert list(cohort.trials[1:3]) == trials[13:15]
    assert list(cohort.trials.ids()) == [trial.id for trial in cohort.trials]
    assert [planned.cohort_of(trial) for trial in cohort.trials] == [cohort] * 6
    assert [(t.learning_rate, t.seed) for t in cohort.trials.seed_by_seed()] == [
        (1.0, 4), (0.1, 4), (0.01, 4), (1.0, 2), (0.1, 2), (0.01, 2),
    ]  # fmt: skip
    left = cohort.trials.without({trials[13].id, trials[12].id})
    assert list(left) == trials[14:18]
    with pytest.raises(IndexError):
        planned.trials[24]


@pytest.mark.parametrize("rate", [0.1, 1e-05, 1.2e-38, 0.00215443469003, 1e16, 3.4e38, 1.0])
def test_the_fast_text_of_a_trial_is_its_json(rate: float) -> None:
    assert identity.trial_id("0123456789abcdef", rate, 7) == identity._digest(["0123456789abcdef", rate, 7])


def test_a_long_grid_is_planned_point_by_point() -> None:
    """Each point once took time in proportion to the whole axis: a thousand values of an axis took minutes."""
    grid = {"model.params.units": list(range(1, 101)), "train.batch_size": [4, 8]}
    planned = make_plan(sweep={"learning_rate": [0.1], "seeds": 1, "grid": grid})
    assert len({cohort.program.key for cohort in planned.cohorts}) == 400
    # Points that differ only in how they train share their layers.
    assert planned.cohorts[0].program.layers is planned.cohorts[2].program.layers


def test_a_million_trials_are_planned_in_the_memory_of_a_few() -> None:
    tracemalloc.start()
    planned = make_plan(sweep={"learning_rate": MANY_RATES | {"points": 500}, "seeds": 1000})
    shown = [format_matrix(planned, {}), format_cohorts(planned), format_estimate(planned, {}, {}, 2)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
    assert sum(len(text.splitlines()) for text in shown) < 10
    assert "1000000 trials: 1000000 new" in shown[-1]
