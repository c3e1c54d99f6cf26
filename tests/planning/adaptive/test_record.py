"""Records of designs come from databases that may be damaged, or of another person."""

import json
from typing import Any

import pytest

from bnbench.planning.adaptive.record import DesignRecord, Entry, Judging, PlaceRecord, read_record

RECORD = DesignRecord(
    settings={"rates": [0.1, 1.0], "edge": {"within": 0.1}},
    programs=["a"],
    places=[
        PlaceRecord(
            axes={"train.epochs": 3},
            entries=[Entry(stage="edge", variant="plain", rate=0.3, seed=7, form="early", trial="0123456789abcdef")],
            level=0.5,
            best={"plain": 0.1},
            judgings=[Judging(most=12, seeds=[1, 2], rates={"plain": [0.1]})],
        )
    ],
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert read_record(RECORD.to_text()) == RECORD


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (["version"], 2),
        (["places", 0, "entries", 0, "rate"], -1.0),
        (["places", 0, "entries", 0, "rate"], 0),
        (["places", 0, "entries", 0, "seed"], -1),
        (["places", 0, "entries", 0, "stage"], "guess"),
        (["places", 0, "judgings", 0, "most"], 7),
        (["places", 0, "judgings", 0, "rates"], {"plain": []}),
        (["places", 0, "best"], {"plain": "high"}),
        (["settings"], {}),
        (["settings", "rates"], [0.0]),
        (["settings", "rates"], []),
        (["further"], 1),
    ],
)
def test_a_record_with_impossible_values_is_none(steps: list[Any], value: Any) -> None:
    values = json.loads(RECORD.to_text())
    inner = values
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    assert read_record(json.dumps(values)) is None


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"places": 3}'])
def test_other_texts_are_no_record(text: str) -> None:
    assert read_record(text) is None
