import pytest

from bnbench.config.credit import needed_subsets
from bnbench.config.load import check_config
from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError
from support.examples import values


def read(credit: object, **changes: object) -> Experiment:
    return check_config(values(credit=credit, **changes), "a.yaml")


def test_the_key_is_written_only_where_it_is_used() -> None:
    plain = check_config(values(), "a.yaml")
    assert "credit" not in plain.dump()
    assert all("norm_slots" not in variant for variant in plain.dump()["variants"].values())
    asked = read({"slots": "all"})
    assert asked.dump()["credit"] == {"slots": "all"}
    assert check_config(asked.dump(), "a.yaml") == asked


def test_variants_fill_some_slots() -> None:
    variants = {"plain": {"norm": "none"}, "first": {"norm": "batch", "norm_slots": [1]}}
    assert check_config(values(variants=variants), "a.yaml").dump()["variants"]["first"]["norm_slots"] == [1]


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        ([], "found an empty list, wanted at least one slot; without a norm, write norm: none"),
        ([2, 1], "wanted ascending numbers, each once"),
        ([1, 1], "wanted ascending numbers, each once"),
        ([0], "wanted at least 1"),
    ],
)
def test_slots_are_ascending_numbers(slots: list[int], message: str) -> None:
    with pytest.raises(ConfigError, match=r"variants\.x\.norm_slots") as error:
        check_config(values(variants={"x": {"norm": "batch", "norm_slots": slots}}), "a.yaml")
    assert message in str(error.value)


BOTH = {"plain": [], "batchnorm": ["norm"]}


@pytest.mark.parametrize(
    ("credit", "message"),
    [
        ({}, "wanted one of slots, ingredients and subsets, found none of them"),
        ({"slots": "all", "subsets": BOTH}, "found slots and subsets"),
        ({"slots": "none"}, "found 'none', wanted all, or groups of slots by name"),
        ({"slots": [1]}, "wanted all, or groups"),
        ({"slots": {}}, "credit.slots: found 0 names, wanted 1 to 64"),
        ({"subsets": BOTH, "orders": 4}, "credit.orders: it belongs to slots or ingredients, not to subsets"),
        ({"slots": "all", "sampled": [["a"]]}, "credit.sampled: it belongs to subsets, not to slots"),
        ({"ingredients": {"a": {}}, "variant": "plain"}, "credit.variant: it belongs to slots"),
        ({"slots": "all", "variant": "plane"}, "credit.variant: 'plane' is not one of plain, batchnorm (did you mean"),
        ({"slots": "all", "orders": 5}, "credit.orders"),
        ({"subsets": {"plain": [], "other": ["norm"]}}, "credit.subsets.other: 'other' is not one of"),
        ({"subsets": {"plain": ["norm"]}}, "wanted a variant for each subset, and none has none of them"),
        ({"subsets": {"plain": [], "batchnorm": ["a", "b"]}}, "and none has exactly a"),
        ({"subsets": {"plain": [], "batchnorm": ["a", "a"]}}, "credit.subsets.batchnorm: found ['a', 'a']"),
        ({"subsets": {"plain": ["a"], "batchnorm": ["a"]}}, "credit.subsets.batchnorm: the same subset as plain"),
        ({"subsets": BOTH, "sampled": [["nor"]]}, "credit.sampled[0]: found ['nor'], wanted each of norm"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(credit: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(credit)
    assert message in str(error.value)


def test_many_names_without_their_subsets_are_refused_at_once() -> None:
    names = [f"part {i}" for i in range(60)]
    with pytest.raises(ConfigError, match="none has exactly part 0"):
        read({"subsets": {"plain": [], "batchnorm": names}})


def test_all_subsets_or_those_that_orders_pass_through() -> None:
    assert list(needed_subsets("abc")) == [
        (), ("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")
    ]  # fmt: skip
    assert list(needed_subsets("abc", [["c", "a", "b"], ["b", "a", "c"]])) == [
        (), ("b",), ("c",), ("a", "b"), ("a", "c"), ("a", "b", "c")
    ]  # fmt: skip
