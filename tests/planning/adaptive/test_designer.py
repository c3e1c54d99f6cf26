"""Adaptive designs on made-up networks: what they train, what they find, and how they go on after an interrupt."""

import math
from collections import Counter

import pytest

from bnbench.planning.adaptive.designer import StoredTrial, continue_record
from bnbench.planning.adaptive.record import DesignRecord, read_record
from support.designs import Judge, World, make_design_plan, make_designer, train

EDGE = {"edge": {"within": 0.1, "at_most": 60}}
ALL = {**EDGE, "best": True, "seeds": {"at_most": 12}}


def counts(record: DesignRecord) -> Counter[tuple[str, str, str]]:
    return Counter((one.stage, one.variant, one.form) for one in record.places[0].entries)


def test_the_edge_is_found_as_closely_as_it_was_asked_for() -> None:
    designer = make_designer(make_design_plan(EDGE))
    world = World()
    train(designer, world)
    for name, end in designer.record.places[0].edges.items():
        assert end.reason == "within"
        assert end.edge
        assert end.low
        assert end.high
        assert math.log10(end.high / end.low) / 2 <= 0.1 / math.sqrt(2)
        # The interval misses the truth in one of twenty designs, and this is one design.
        assert abs(math.log10(end.edge) - world.edges[name]) < 0.15


def test_each_training_for_an_edge_has_a_seed_of_its_own() -> None:
    designer = make_designer(make_design_plan(EDGE))
    train(designer, World())
    for name in ("plain", "batchnorm"):
        seeds = [one.seed for one in designer.record.places[0].entries if one.variant == name and one.stage == "edge"]
        chosen = {one.seed for one in designer.record.places[0].entries if one.stage == "choose"}
        assert len(seeds) == len(set(seeds))
        assert not set(seeds) & chosen


def test_a_search_for_edges_alone_trains_one_rate_a_decade_with_three_seeds_before() -> None:
    designer = make_designer(make_design_plan(EDGE))
    train(designer, World())
    first = [one for one in designer.record.places[0].entries if one.stage == "choose" and one.variant == "plain"]
    assert {one.rate for one in first} == {1e-3, 0.01, 0.1, 1.0, 10.0}
    assert {one.seed for one in first} == {0, 1, 2}


def test_the_best_rates_are_chosen_from_short_and_then_whole_trainings() -> None:
    designer = make_designer(make_design_plan(ALL))
    train(designer, World())
    counted = counts(designer.record)
    assert counted["choose", "plain", "short"] == 9
    # Five rates with one seed, three with two, two with six; those of an earlier round are kept.
    assert counted["choose", "plain", "whole"] == 5 + 3 + 2 * 4
    assert designer.record.places[0].best == {"plain": pytest.approx(10**-1.5), "batchnorm": 0.01}


def test_the_level_of_a_training_that_trains_is_halfway_to_the_best_mean() -> None:
    designer = make_designer(make_design_plan(ALL))
    train(designer, World())
    assert designer.record.places[0].level == pytest.approx((1 / 3 + 0.97) / 2, abs=0.003)


def test_judging_takes_seeds_that_nothing_else_has_used_and_stops_when_decided() -> None:
    judge = Judge(decides_at=5)
    designer = make_designer(make_design_plan(ALL), judge=judge)
    train(designer, World())
    place = designer.record.places[0]
    (judging,) = place.judgings
    assert judging.ended == "decided"
    assert judge.asked == [3, 4, 5]
    others = {one.seed for one in place.entries if one.stage != "judge"}
    assert not others & set(judging.seeds)
    assert len(judging.seeds) == 12
    judged = {one.seed for one in place.entries if one.stage == "judge"}
    assert judged == set(judging.seeds[:5])
    assert {one.rate for one in place.entries if one.stage == "judge" and one.variant == "batchnorm"} == {0.01}


@pytest.mark.parametrize("seats", [2, 4, 7])
def test_any_number_of_workers_finds_the_edges(seats: int) -> None:
    designer = make_designer(make_design_plan(ALL))
    world = World()
    train(designer, world, seats)
    for name, end in designer.record.places[0].edges.items():
        assert end.reason == "within"
        assert abs(math.log10(end.edge or 1) - world.edges[name]) < 0.15


@pytest.mark.parametrize("after", [3, 20, 40, 60])
def test_a_design_that_was_interrupted_goes_on_where_it_was(after: int) -> None:
    plan, world = make_design_plan(ALL), World()
    whole = make_designer(plan)
    order = [trial.id for trial in train(whole, world)]
    first = make_designer(plan)
    begun = train(first, world, at_most=after)
    # What was chosen and not trained is in the record, too.
    first.next_trials(1, set())
    record = read_record(first.record.to_text())
    assert record is not None
    second = make_designer(plan, record)
    second.outcomes.update({trial.id: world.outcome(trial) for trial in begun})
    rest = train(second, world)
    assert [trial.id for trial in [*begun, *rest]] == order
    assert second.record.places[0].edges == whole.record.places[0].edges


def test_trials_of_a_grid_are_used_and_not_trained_again() -> None:
    plan, world = make_design_plan(EDGE), World()
    grid = [trial for cohort in plan.cohorts for trial in cohort.trials.with_seeds((0, 1, 2), 0)]
    programs = {cohort.variant: cohort.program.key for cohort in plan.cohorts}
    stored = [StoredTrial(programs[one.variant], one.learning_rate, one.seed, one.id) for one in grid]
    designer = make_designer(plan, stored=stored)
    designer.outcomes.update({trial.id: world.outcome(trial) for trial in grid})
    trained = train(designer, world)
    assert not {trial.id for trial in trained} & {trial.id for trial in grid}
    assert {one.stage for one in designer.record.places[0].entries} == {"stored", "edge"}
    alone = make_designer(plan)
    assert len(trained) < len(train(alone, world)) - 20


def test_an_edge_above_the_range_is_said_and_followed_on_request() -> None:
    world = World(edges={"plain": 1.6, "batchnorm": -0.1})
    designer = make_designer(make_design_plan(EDGE))
    train(designer, world)
    assert designer.record.places[0].edges["plain"].reason == "above"
    assert designer.record.places[0].edges["plain"].high is None
    followed = make_designer(make_design_plan({"edge": {"within": 0.1, "at_most": 60, "extend": True}}))
    train(followed, world)
    assert followed.record.places[0].edges["plain"].reason == "within"
    assert followed.record.places[0].edges["plain"].edge == pytest.approx(10**1.6, rel=0.4)


def test_a_network_that_trains_at_no_rate_has_no_edge_and_ends_the_design() -> None:
    world = World(edges={"plain": -5.0, "batchnorm": -0.1})
    designer = make_designer(make_design_plan(ALL))
    train(designer, world)
    place = designer.record.places[0]
    assert place.edges["plain"].reason == "no rate"
    assert place.edges["batchnorm"].reason == "within"
    nothing = make_designer(make_design_plan(ALL))
    train(nothing, World(edges={"plain": -5.0, "batchnorm": -5.0}))
    assert nothing.record.places[0].best == {}
    assert {end.reason for end in nothing.record.places[0].edges.values()} == {"no rate"}


def test_the_number_of_trainings_of_an_edge_is_limited() -> None:
    designer = make_designer(make_design_plan({"edge": {"within": 0.01, "at_most": 8}}))
    train(designer, World(sd=0.2))
    assert {end.reason for end in designer.record.places[0].edges.values()} == {"at most"}
    assert counts(designer.record)["edge", "plain", "early"] == 8


def test_a_design_with_a_narrower_edge_goes_on_and_one_with_other_rates_begins_anew() -> None:
    plan, world = make_design_plan({"edge": {"within": 0.2}}), World()
    designer = make_designer(plan)
    train(designer, world)
    narrower = make_design_plan(EDGE)
    record = continue_record(narrower, designer.record)
    assert record is not None
    assert record.places[0].edges == {}
    assert record.places[0].level == designer.record.places[0].level
    other = make_design_plan(EDGE, sweep__learning_rate=[0.01, 0.1, 1.0])
    assert continue_record(other, designer.record) is None
    assert continue_record(make_design_plan(EDGE, train__epochs=11), designer.record) is None


def test_a_raised_number_of_seeds_judges_on_fresh_seeds_unless_it_was_decided() -> None:
    asked = {"best": True, "seeds": {"at_most": 5}}
    world, never = World(), Judge(decides_at=1_000)
    designer = make_designer(make_design_plan(asked), judge=never)
    train(designer, world)
    (first,) = designer.record.places[0].judgings
    assert first.ended == "all seeds"
    more = make_design_plan({"best": True, "seeds": {"at_most": 8}})
    record = continue_record(more, designer.record)
    assert record is not None
    again = make_designer(more, record, Judge(decides_at=3))
    again.outcomes.update(designer.outcomes)
    train(again, world)
    before, after = again.record.places[0].judgings
    assert before == first
    assert not set(after.seeds) & set(before.seeds)
    assert after.ended == "decided"
    most = make_design_plan({"best": True, "seeds": {"at_most": 30}})
    record = continue_record(most, again.record)
    assert record is not None
    decided = make_designer(most, record)
    decided.outcomes.update(again.outcomes)
    assert train(decided, world) == []


def test_the_plan_of_a_design_numbers_its_trials_in_the_order_of_their_programs() -> None:
    designer = make_designer(make_design_plan(ALL))
    trained = train(designer, World())
    planned = designer.planned()
    numbers = [trial.number for cohort in planned.cohorts for trial in cohort.trials]
    assert numbers == list(range(1, len(trained) + 1))
    assert {trial.id for cohort in planned.cohorts for trial in cohort.trials} == {trial.id for trial in trained}
    keys = {cohort.program.key for cohort in planned.cohorts}
    assert len(keys) == 6


def test_another_first_seed_repeats_a_design_on_other_seeds() -> None:
    first = make_designer(make_design_plan(ALL))
    other = make_designer(make_design_plan({**ALL, "first_seed": 1000}))
    world = World()
    train(first, world)
    train(other, world)
    seeds = [{one.seed for one in designer.record.places[0].entries} for designer in (first, other)]
    assert min(seeds[1]) == 1000
    assert not seeds[0] & seeds[1]
    assert continue_record(make_design_plan({**ALL, "first_seed": 1}), first.record) is None
