"""The keys `data.split.order`, `data.shift_test` and `data.unit`: ids, axes and messages."""

from dataclasses import replace
from typing import Any

import pytest

from bnbench.config.load import check_config
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError
from bnbench.planning.plan import Plan, make_plan
from support.examples import facts, values

IMAGES = facts((8, 8, 1))
FLAT = {"layers": ["flatten", "norm", {"dense": "$classes"}]}
NUMBER = {"layers": [{"dense": 4}, "norm", {"dense": 1}]}


def plan(of: DatasetInfo = IMAGES, **changes: Any) -> Plan:
    config = check_config(values(**({"model": FLAT} | changes)), "tiny.yaml")
    return make_plan(config, lambda data: replace(of, name=data.name), "tiny.yaml")


def roads(**changes: Any) -> Plan:
    changes = {"data": {"name": "road_distance"}, "train__loss": "mean_squared_error", "model": NUMBER} | changes
    config = check_config(values(**changes), "tiny.yaml")
    known = facts((4,), classes=0)
    return make_plan(config, lambda data: replace(known, name=data.name, fingerprint=data.unit or "scaled"), "")


def ids(of: Plan) -> list[str]:
    return [trial.id for trial in of.trials]


@pytest.mark.parametrize(
    "changes",
    [
        {"data__split__order": "random"},
        {"data__shift_test": {}},
        {"data__shift_test": {"brightness": 0}},
        {"data__shift_test__brightness": -0.0},
        {"data__unit": None},
    ],
    ids=str,
)
def test_a_default_that_is_written_out_changes_no_id(changes: dict[str, Any]) -> None:
    assert ids(plan(**changes)) == ids(plan())


@pytest.mark.parametrize("changes", [{"data__split__order": "file"}, {"data__shift_test__brightness": 0.2}], ids=str)
def test_another_value_changes_every_id(changes: dict[str, Any]) -> None:
    assert not set(ids(plan(**changes))) & set(ids(plan()))


def test_stratify_is_no_part_of_the_id_in_the_order_of_the_file() -> None:
    one, other = (plan(data__split={"order": "file", "stratify": stratify}) for stratify in (True, False))
    assert ids(one) == ids(other)
    with pytest.raises(ConfigError, match=r"stratify\[1\]: the same setting twice"):
        plan(data__split={"order": "file"}, sweep__grid={"data.split.stratify": [True, False]})


def test_the_brightness_is_an_axis() -> None:
    swept = plan(sweep__grid={"data.shift_test.brightness": [-0.4, 0, 0.4]})
    assert [one.program.data.shift_test.brightness for one in swept.cohorts] == [-0.4] * 2 + [0.0] * 2 + [0.4] * 2
    assert [one.id for one in swept.cohorts[2].trials] == [one.id for one in plan().cohorts[0].trials]
    assert swept.trials[0].name == "plain brightness=-0.4 lr=0.01 seed=0"


def test_the_order_and_the_unit_are_axes() -> None:
    orders = plan(sweep__grid={"data.split.order": ["random", "file"]})
    assert [one.program.data.split.order for one in orders.cohorts] == ["random"] * 2 + ["file"] * 2
    units = roads(sweep__grid={"data.unit": ["scaled", "meters"]})
    assert [one.program.facts.fingerprint for one in units.cohorts] == ["scaled"] * 2 + ["meters"] * 2


def test_metres_are_meters() -> None:
    assert roads(data={"name": "road_distance", "unit": "metres"}).experiment.data.unit == "meters"
    with pytest.raises(ConfigError, match=r"data.unit\[1\]: the same setting twice: 'metres' trains the same"):
        roads(sweep__grid={"data.unit": ["meters", "metres"]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data__split__order": "files"},
            "data.split.order: 'files' is not one of random, file (did you mean 'file'?)",
        ),
        ({"data__shift_test__bright": 0.1}, "data.shift_test.bright: unknown key (did you mean 'brightness'?)"),
        ({"data__shift_test__brightness": 51}, "data.shift_test.brightness: found 51, wanted -1 to 1"),
        ({"data__shift_test__brightness": "high"}, "data.shift_test.brightness: found 'high', wanted a number"),
        ({"data__shift_test": 0.2}, "data.shift_test: found 0.2, wanted a mapping"),
        ({"data__unit": "meters"}, "data.unit: found 'meters', but digits has only one unit: leave it out"),
        ({"data": {"name": "leaff", "unit": "meters"}}, "data.name: 'leaff' is not one of"),
        (
            {"data__shift_test__brightness": 0.2, "data__split": {"validation": "test"}},
            "data.shift_test.brightness: data.split.validation: test would shift the validation rows, too",
        ),
        (
            {"data__split": {"validation": "test"}, "sweep__grid": {"data.shift_test.brightness": [0, 0.2]}},
            "sweep.grid.data.shift_test.brightness[1]: data.split.validation: test would shift",
        ),
        (
            {"sweep__grid": {"data.shift_test.brightness": [0, 2]}},
            "sweep.grid.data.shift_test.brightness[1]: found 2, wanted -1 to 1",
        ),
    ],
    ids=str,
)
def test_a_wrong_value_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(**changes)
    assert str(caught.value).startswith(f"tiny.yaml: {message}")


def test_rows_without_brightness_are_refused() -> None:
    with pytest.raises(ConfigError, match="brightness: the rows of digits are no images, so they have no brightness"):
        plan(facts((5,)), data__shift_test__brightness=0.2)


def test_an_unknown_unit_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"data.unit: 'meter' is not one of scaled, meters \(did you mean 'meters'"):
        roads(data={"name": "road_distance", "unit": "meter"})


@pytest.mark.parametrize(("brightness", "accepted"), [(0.25, True), (0.2, False)])
def test_shifted_pixels_that_are_no_whole_numbers_are_no_tokens(brightness: float, accepted: bool) -> None:
    """The pixels of digits reach from 0 to 16: a fifth of that is 3.2."""
    layers = ["flatten", {"embedding": {"input_dim": 17, "output_dim": 2}}, "flatten", "norm", {"dense": "$classes"}]
    changes = {
        "data": {"name": "digits", "scale": "none", "shift_test": {"brightness": brightness}},
        "model": {"layers": layers},
    }
    if accepted:
        assert plan(replace(IMAGES, dtype="uint8"), **changes).trials
        return
    with pytest.raises(ConfigError, match="whole numbers"):
        plan(replace(IMAGES, dtype="uint8"), **changes)
