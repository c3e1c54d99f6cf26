"""The keys `data.target_scale` and `train.class_weight`: ids, axes and messages."""

from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.planning.plan import Plan
from support.examples import facts, make_plan

NUMBER = {"model": {"layers": [{"dense": 4}, "norm", {"dense": 1}]}, "train__loss": "mse"}


def of_numbers(**changes: Any) -> Plan:
    return make_plan(facts(classes=0), **(NUMBER | changes))


def ids(of: Plan) -> list[str]:
    return [trial.id for trial in of.trials]


def test_defaults_that_are_written_out_change_no_id() -> None:
    assert ids(of_numbers(data__target_scale="none")) == ids(of_numbers())
    assert ids(make_plan(train__class_weight=None)) == ids(make_plan())


def test_other_values_change_every_id() -> None:
    assert not set(ids(of_numbers(data__target_scale="standard"))) & set(ids(of_numbers()))
    weights: list[Any] = [None, "balanced", {"class 1": 2}, {"class 1": 3}]
    found = [ids(make_plan(train__class_weight=one)) for one in weights]
    assert len({one for some in found for one in some}) == sum(map(len, found))


def test_a_weight_is_the_same_as_a_whole_number_and_with_a_fraction() -> None:
    assert ids(make_plan(train__class_weight={"class 1": 2})) == ids(make_plan(train__class_weight={"class 1": 2.0}))


def test_both_are_axes() -> None:
    weights = make_plan(sweep__grid={"train.class_weight": [None, "balanced", {"class 0": 2}]})
    assert [one.program.train.class_weight for one in weights.cohorts[::2]] == [None, "balanced", {"class 0": 2}]
    scales = of_numbers(sweep__grid={"data.target_scale": ["none", "standard"]})
    assert [one.program.data.target_scale for one in scales.cohorts[::2]] == ["none", "standard"]


def test_a_variant_may_weight_classes() -> None:
    made = make_plan(variants={"plain": {}, "weighted": {"train": {"class_weight": "balanced"}}})
    assert [one.program.train.class_weight for one in made.cohorts] == [None, "balanced"]


def test_names_of_classes_may_be_numbers() -> None:
    made = make_plan(facts(classes=3), train__class_weight={"class 0": 1, "class 2": 0.5})
    assert made.cohorts[0].program.train.class_weight == {"class 0": 1, "class 2": 0.5}
    with pytest.raises(ConfigError, match=r"train\.class_weight\.7: '7' is not one of class 0, class 1, class 2"):
        make_plan(train__class_weight={7: 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__class_weight": "balance"}, "train.class_weight: found 'balance', wanted balanced, or a mapping"),
        ({"train__class_weight": {}}, "train.class_weight: found an empty mapping"),
        ({"train__class_weight": {"class 1": 0}}, "train.class_weight.class 1: found 0, wanted a number above 0"),
        ({"train__class_weight": {"class 1": "many"}}, "train.class_weight.class 1: found 'many', wanted a number"),
        ({"train__class_weight": [1, 2]}, "train.class_weight: found [1, 2], wanted"),
        ({"train__class_weight": 2}, "train.class_weight: found 2, wanted"),
        (
            {"train__class_weight": {"class 11": 2}},
            "train.class_weight.class 11: 'class 11' is not one of class 0, class 1, class 2 (did you mean 'class 1'?)",
        ),
        ({"data__target_scale": "standard"}, "data.target_scale: the rows of digits have classes, and only numbers"),
        ({"data__target_scale": "std"}, "data.target_scale: 'std' is not one of none, standard"),
    ],
    ids=str,
)
def test_a_wrong_value_is_named_with_its_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(**changes)
    assert str(caught.value).startswith(f"tiny.yaml: {message}")


def test_data_with_numbers_have_no_classes_to_weight() -> None:
    with pytest.raises(ConfigError, match="class_weight: digits has a number for each row and no classes: leave it"):
        of_numbers(train__class_weight="balanced")
