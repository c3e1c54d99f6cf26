"""The times of pairs are kept in a note, next to the trials and apart from their checksums."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bnbench.planning.plan import Plan
from bnbench.planning.step_times import StepTimes
from bnbench.store import integrity, store
from bnbench.store.store import DATABASE, Store
from support.examples import make_plan

ROUNDS = ((0.1, 0.2), (0.1, 0.15))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(sweep__grid={"model.params.units": [4, 6]})


@pytest.fixture
def opened(plan: Plan, tmp_path: Path) -> Iterator[Store]:
    with store.open_for_writing(tmp_path) as one:
        one.set_plan(plan)
        yield one


def times(plan: Plan, cell: int = 0, **changes: Any) -> StepTimes:
    first, second = (cohort.program.key for cohort in plan.cohorts[2 * cell : 2 * cell + 2])
    values: dict[str, Any] = {"learning_rate": 0.01, "seed": 0, "steps": 6, "clock": "processor", "rounds": ROUNDS}
    return StepTimes(first, second, **{**values, **changes})


def test_what_is_stored_is_read_again(opened: Store, plan: Plan) -> None:
    assert opened.step_times() == {}
    reason = StepTimes("a", "b", reason="batches of 8 and 16 rows")
    for one in (times(plan), reason):
        opened.add_step_times(one)
    assert opened.step_times() == {(one.first, one.second): one for one in (times(plan), reason)}
    opened.add_step_times(times(plan, rounds=((1.0, 2.0),)))
    assert opened.step_times()[times(plan).first, times(plan).second].rounds == ((1.0, 2.0),)


def test_the_variants_of_the_plan_have_their_times(opened: Store, plan: Plan) -> None:
    opened.add_step_times(times(plan, cell=1))
    opened.add_step_times(StepTimes("a", "b", reason="of another plan"))
    (planned,) = opened.planned_step_times()
    assert (planned.variant, planned.over, planned.axes) == ("batchnorm", "plain", '{"model.params.units": 6}')
    assert planned.times == times(plan, cell=1)


def test_a_renamed_variant_keeps_its_times(opened: Store, plan: Plan) -> None:
    opened.add_step_times(times(plan))
    renamed = {"plain": {}, "bn": {"norm": {"batch": {"momentum": 0.9}}}}
    opened.set_plan(make_plan(sweep__grid={"model.params.units": [4, 6]}, variants=renamed))
    assert [(one.variant, one.over) for one in opened.planned_step_times()] == [("bn", "plain")]


@pytest.mark.parametrize(
    "change",
    [
        {"rounds": [[0.1]]},
        {"rounds": [[0.1, -1.0]]},
        {"rounds": [[0.1, float("nan")]]},
        {"rounds": [["x", 1.0]]},
        {"rounds": 7},
        {"seed": "0"},
        {"learning_rate": None},
        {"steps": 0},
        {"reason": "x" * 1000},
        {"further": 1},
    ],
    ids=str,
)
def test_a_note_that_bnbench_did_not_write_is_ignored(opened: Store, plan: Plan, change: dict[str, Any]) -> None:
    opened.add_step_times(times(plan))
    path = opened.folder / DATABASE
    with sqlite3.connect(path) as connection:
        (text,) = connection.execute("SELECT text FROM notes WHERE name = 'step_times'").fetchone()
        changed = json.dumps([json.loads(text)[0] | change])
        checksum = integrity.rows_checksum([(changed,)])
        connection.execute("UPDATE notes SET text = ?, checksum = ? WHERE name = 'step_times'", (changed, checksum))
    connection.close()
    assert opened.step_times() == {}
    assert opened.planned_step_times() == []


def test_a_changed_note_is_ignored(opened: Store, plan: Plan) -> None:
    opened.add_step_times(times(plan))
    with sqlite3.connect(opened.folder / DATABASE) as connection:
        connection.execute("UPDATE notes SET text = replace(text, '0.15', '0.95') WHERE name = 'step_times'")
    connection.close()
    assert opened.step_times() == {}
