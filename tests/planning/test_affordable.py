"""What a time suffices for: two variants, nine rates, five seeds; a trial takes 10 s, all around it 10 s."""

from collections.abc import Collection

import pytest

from bnbench.planning import affordable
from bnbench.planning.affordable import Affordable, find_affordable
from bnbench.planning.part import Part
from bnbench.planning.plan import Plan
from bnbench.planning.runtime import PROGRAM_SECONDS
from bnbench.planning.trial import Result
from bnbench.planning.trial_times import TrialTimes
from support.examples import make_plan

RATES = {"from": 1e-4, "to": 1e4, "points": 9}
PLAN = make_plan(sweep__learning_rate=RATES, sweep__seeds=5)
# A seed of the whole grid takes 18 trials of 10 s, and all around them 10 s.
SEED = 180.0


@pytest.fixture(autouse=True)
def _ten_seconds_around(monkeypatch: pytest.MonkeyPatch) -> None:
    # With the two compilations of one worker.
    monkeypatch.setattr(affordable, "START_SECONDS", 10.0 - 2 * PROGRAM_SECONDS)
    monkeypatch.setattr(affordable, "estimate_pair_seconds", lambda pairs, training: 0.0)


def find(seconds: float, plan: Plan = PLAN, ended: Collection[str] = (), workers: int = 1) -> Affordable:
    times = TrialTimes({})
    for cohort in plan.cohorts:
        times.add(cohort.program, Result("t", cohort.program.key, 1, seconds=10.0))
    found = find_affordable(plan, ended, times, workers, seconds)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seconds", "seeds"),
    [(SEED + 9, 0), (SEED + 10, 1), (2 * SEED + 9, 1), (5 * SEED + 10, 5), (7 * SEED + 10, 7), (1e9, 1000)],
)
def test_the_time_suffices_for_whole_seeds(seconds: float, seeds: int) -> None:
    found = find(seconds)
    assert found.seeds == seeds
    assert (found.planned_seeds, found.planned_rates, found.needed) == (5, 9, 5 * SEED + 10)
    assert found.seed_seconds == SEED + 10


def test_two_workers_train_twice_as_many() -> None:
    assert find(2 * SEED + 10, workers=2).seeds == 4


@pytest.mark.parametrize(
    ("rates", "chosen"),
    # A rate with all seeds takes 100 s.
    [(8, [1e-4, 1e-2, 1, 1e2, 1e4]), (5, [1e-4, 1e-2, 1, 1e2, 1e4]), (4, [1e-3, 1, 1e3]), (3, [1e-3, 1, 1e3]), (2, [])],
)
def test_with_all_seeds_it_suffices_for_every_second_rate_or_fewer(rates: int, chosen: list[float]) -> None:
    assert list(find(100 * rates + 10).rates) == chosen


def test_a_time_that_suffices_for_all_needs_no_coarser_rates() -> None:
    assert find(5 * SEED + 10).rates == ()


def test_stored_trials_cost_nothing() -> None:
    ended = {trial.id for trial in PLAN.trials if trial.seed < 3}
    assert find(20, ended=ended).seeds == 3
    assert find(SEED + 10, ended=ended).seeds == 4
    assert find(210, ended=ended).rates == (1e-4, 1e-2, 1.0, 1e2, 1e4)
    everything = {trial.id for trial in PLAN.trials}
    assert (find(20, ended=everything).seeds, find(20, ended=everything).needed) == (5, 0)
    assert find(SEED + 10, ended=everything).seeds == 6


def test_a_part_has_no_further_seeds() -> None:
    found = find(1e9, PLAN.of_part(Part(1, 2)))
    assert (found.seeds, found.planned_seeds) == (3, 3)


def test_a_program_of_two_settings_is_trained_once() -> None:
    plan = make_plan(sweep__learning_rate=RATES, variants={"a": {"norm": "none"}, "b": {"norm": "none"}})
    assert len(plan.cohorts) == 2
    assert find(1e5, plan).seed_seconds == 90 + 10 - 2 * PROGRAM_SECONDS


def test_an_unknown_time_leaves_it_open() -> None:
    plan = make_plan(
        model__layers=[
            {"dense": "$units"},
            {"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 6}},
            {"dense": "$classes"},
        ],
        variants={"plain": {}},
    )
    assert find_affordable(plan, (), TrialTimes({}), 1, 100) is None
