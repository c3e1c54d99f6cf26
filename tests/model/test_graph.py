"""The helpers of graphs, on lists of layers that can be drawn in the head."""

import pytest

from bnbench.errors import ConfigError
from bnbench.model.graph import (
    Flow,
    ancestors,
    as_argument,
    depths,
    following,
    input_names,
    is_chain,
    number_layers,
    order_layers,
)
from bnbench.model.layer import INPUT, Layer


def layer(name: str, *inputs: str, kind: str = "Dense") -> Layer:
    return Layer(name, kind, {}, inputs=inputs)


CHAIN = (layer("a"), layer("b"), layer("c"))
# a -> b -> c -> sum -> e, and a -> d -> sum
DIAMOND = (layer("a"), layer("b"), layer("c"), layer("d", "a"), layer("sum", "c", "d", kind="Add"), layer("e"))


def test_a_chain_takes_the_layer_before() -> None:
    assert is_chain(CHAIN)
    assert not is_chain(DIAMOND)
    assert input_names(CHAIN) == {"a": (INPUT,), "b": ("a",), "c": ("b",)}
    assert input_names(DIAMOND)["d"] == ("a",)
    assert input_names(DIAMOND)["e"] == ("sum",)


def test_values_flow_to_the_layers_that_take_them_and_are_then_dropped() -> None:
    flow: Flow[str] = Flow(DIAMOND, "x")
    for one in DIAMOND:
        flow.give(one, f"{one.name}({'+'.join(flow.take(one))})")
        # Only what a later layer takes is kept.
        assert len(flow._values) <= 2
    assert flow.last == "e(sum(c(b(a(x)))+d(a(x))))"
    assert not flow._values


def test_a_layer_may_take_the_same_value_twice() -> None:
    twice = (layer("a"), layer("sum", "a", "a", kind="Add"))
    flow: Flow[int] = Flow(twice, 1)
    flow.take(twice[0])
    flow.give(twice[0], 5)
    assert flow.take(twice[1]) == [5, 5]
    assert as_argument([5]) == 5
    assert as_argument((5, 6)) == [5, 6]


def test_ancestors_are_all_layers_in_front() -> None:
    assert ancestors(CHAIN, ["c"]) == {"a", "b"}
    assert ancestors(DIAMOND, ["d"]) == {"a"}
    assert ancestors(DIAMOND, ["sum"]) == {"a", "b", "c", "d"}
    # Two outputs that are averaged are no ancestors of each other.
    heads = (layer("a"), layer("b"), layer("c", "a"), layer("mean", "b", "c", kind="Average"))
    assert ancestors(heads, ["a", "b", "c"]) == {"a"}


def test_the_depth_is_that_of_the_longest_path() -> None:
    assert depths(CHAIN, ["a", "c"]) == {"a": 1, "b": 1, "c": 2}
    assert depths(DIAMOND, list("abcde")) == {"a": 1, "b": 2, "c": 3, "d": 2, "sum": 3, "e": 4}


def test_what_follows_ends_at_a_fork_and_at_a_merge() -> None:
    names = {name: [one.name for one in after] for name, after in following(DIAMOND).items()}
    assert names == {"a": [], "b": ["c"], "c": [], "d": [], "sum": ["e"], "e": []}
    assert [one.name for one in following(CHAIN)["a"]] == ["b", "c"]


EXPLICIT = [
    layer("e", "sum"),
    layer("d", "a"),
    layer("sum", "c", "d", kind="Add"),
    layer("c", "b"),
    layer("a", INPUT),
    layer("b", "a"),
]


def test_layers_in_any_order_get_one_order() -> None:
    assert order_layers(EXPLICIT, "e") == DIAMOND
    assert order_layers(EXPLICIT[::-1], "e") == DIAMOND


def test_a_norm_between_two_layers_changes_the_order_of_no_other() -> None:
    normed = [one for one in EXPLICIT if one.name != "d"] + [layer("n", "a"), layer("d", "n")]
    names = [one.name for one in order_layers(normed, "e")]
    assert [name for name in names if name != "n"] == [one.name for one in DIAMOND]


def test_thousands_of_layers_can_be_ordered() -> None:
    deep = [layer("0", INPUT), *(layer(str(i), str(i - 1)) for i in range(1, 5000))]
    assert is_chain(order_layers(deep[::-1], "4999"))


@pytest.mark.parametrize(
    ("layers", "output", "message"),
    [
        ([layer("a", INPUT), layer("a", INPUT)], "a", "two layers have the name a"),
        ([layer(INPUT, "a"), layer("a", INPUT)], "a", "two layers have the name input"),
        ([layer("a", "b")], "a", "a takes b, which is no layer"),
        ([layer("a", "b"), layer("b", "a")], "a", "b depends on its own output"),
        ([layer("a", INPUT), layer("b", INPUT)], "a", "nothing takes the output of b"),
        ([layer("a", INPUT)], "c", "the output is that of c"),
    ],
)
def test_what_is_no_graph_is_refused(layers: list[Layer], output: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        order_layers(layers, output)


def test_layers_are_numbered_by_their_stems() -> None:
    numbered = number_layers(DIAMOND, lambda one: one.class_name.lower())
    assert [one.name for one in numbered] == ["dense_0", "dense_1", "dense_2", "dense_3", "add_0", "dense_4"]
    assert numbered[3].inputs == ("dense_0",)
    assert numbered[4].inputs == ("dense_2", "dense_3")
