"""Predicted edges are kept in a note, next to the trials and apart from their checksums."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bnbench.planning.plan import Plan
from bnbench.planning.predictors.types import NONE_PASSES
from bnbench.planning.rate_guess import RateGuess
from bnbench.store import store
from bnbench.store.merge import merge_folders
from bnbench.store.notes import write_note
from bnbench.store.rate_guesses import NOTE
from bnbench.store.store import DATABASE, Store
from support.examples import make_plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(sweep__grid={"model.params.units": [4, 6]})


@pytest.fixture
def opened(plan: Plan, tmp_path: Path) -> Iterator[Store]:
    with store.open_for_writing(tmp_path) as one:
        one.set_plan(plan)
        yield one


def guess(plan: Plan, cell: int = 0, **changes: Any) -> RateGuess:
    of = RateGuess(plan.cohorts[cell].program.key, "constant", 0, 0.25, "", -0.1, 710, 1000, 1.5)
    return replace(of, **changes)


def test_what_is_stored_is_read_again(opened: Store, plan: Plan) -> None:
    assert opened.rate_guesses() == {}
    guesses = [guess(plan), guess(plan, predictor="range-test", found=None, reason=NONE_PASSES)]
    opened.add_rate_guesses(guesses)
    assert list(opened.rate_guesses().values()) == guesses
    # A later guess replaces the one of the same program and predictor.
    opened.add_rate_guesses([guess(plan, found=0.5)])
    assert [one.found for one in opened.rate_guesses().values()] == [0.5, None]


def test_the_variants_of_the_plan_have_their_guesses_in_its_order(opened: Store, plan: Plan) -> None:
    opened.add_rate_guesses([guess(plan, 3), guess(plan, 0), guess(plan, program="of another plan")])
    found = [(one.variant, one.axes, one.guess) for one in opened.planned_rate_guesses()]
    assert found == [
        ("plain", '{"model.params.units": 4}', guess(plan, 0)),
        ("batchnorm", '{"model.params.units": 6}', guess(plan, 3)),
    ]


def test_guesses_may_come_before_the_plan(tmp_path: Path, plan: Plan) -> None:
    with store.open_for_writing(tmp_path) as opened:
        opened.add_rate_guesses([guess(plan)])
        assert opened.planned_rate_guesses() == []
        opened.set_plan(plan)
        assert [one.guess for one in opened.planned_rate_guesses()] == [guess(plan)]


@pytest.mark.parametrize(
    "change",
    [
        {"found": -1.0}, {"found": "0.1"}, {"found": None}, {"reason": "because"}, {"seed": 0.5}, {"steps": -1},
        {"training_steps": 0}, {"offset": 1e9}, {"offset": "x"}, {"seconds": None}, {"program": 5}, {"further": 1},
        {"predictor": "x" * 1000}, {"found": 1e300},
    ],
)  # fmt: skip
def test_a_note_that_bnbench_does_not_write_has_no_guesses(opened: Store, plan: Plan, change: dict[str, Any]) -> None:
    opened.add_rate_guesses([guess(plan)])
    with closing(sqlite3.connect(opened.folder / DATABASE)) as connection, connection:
        (text,) = connection.execute("SELECT text FROM notes WHERE name = ?", (NOTE,)).fetchone()
        (row,) = json.loads(text)
        write_note(connection, NOTE, json.dumps([{**row, **change}]))
    assert opened.rate_guesses() == {}
    assert opened.planned_rate_guesses() == []


def test_a_merge_keeps_guesses(tmp_path: Path, plan: Plan) -> None:
    for name, found in (("a", 0.1), ("b", 0.2)):
        with store.open_for_writing(tmp_path / name) as opened:
            opened.set_plan(plan)
            opened.add_rate_guesses([guess(plan, found=found), guess(plan, predictor=name)])
    merge_folders(tmp_path / "out", [tmp_path / "a", tmp_path / "b"])
    with store.open_for_reading(tmp_path / "out") as opened:
        found = {one.predictor: one.found for one in opened.rate_guesses().values()}
    assert found == {"constant": 0.1, "a": 0.25, "b": 0.25}
