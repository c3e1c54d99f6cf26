import pytest

from bnbench.errors import ConfigError
from bnbench.model.layers import Layer, NormSlot, flatten_layers

HIDDEN = [{"dense": 4}, "norm", {"activation": "relu"}]


def flat(items: list[object], *only: int, **slot: str) -> tuple[Layer, ...]:
    norm = NormSlot("batch", where="variants.x.norm", only=list(only) or None, **slot)
    return flatten_layers(items, {}, norm, "here", (5,))


def named(layers: tuple[Layer, ...]) -> list[str]:
    return [layer.name + (f"({', '.join(layer.inputs)})" if layer.inputs else "") for layer in layers]


def test_the_other_slots_stay_empty_and_layers_keep_their_names() -> None:
    items = [*HIDDEN * 3, {"dense": 2}]
    every, first_and_third = flat(items), flat(items, 1, 3)
    assert [name for name in named(every) if name not in named(first_and_third)] == ["norm_1"]
    assert named(first_and_third)[:2] == ["dense_0", "norm_0"]
    assert flat(items, 1, 2, 3) == every
    without = flatten_layers(items, {}, NormSlot(), "here", (5,))
    assert tuple(layer for layer in flat(items, 2) if layer.name != "norm_1") == without


def test_repeats_count_as_they_are_written_out() -> None:
    layers = flat([{"repeat": {"times": 3, "layers": HIDDEN}}], 2)
    assert [name for name in named(layers) if name.startswith("norm")] == ["norm_1"]


def test_layers_behind_an_empty_slot_of_a_block_take_what_is_before_it() -> None:
    block = {"residual": {"layers": [{"dense": 5}, "norm"]}}
    items = [block, "norm", block]
    assert named(flat(items, 2)) == [
        "dense_0", "add_0(dense_0, input)", "norm_1", "dense_1", "add_1(dense_1, norm_1)"
    ]  # fmt: skip
    assert named(flat(items, 1)) == [
        "dense_0", "norm_0", "add_0(norm_0, input)", "dense_1", "add_1(dense_1, add_0)"
    ]  # fmt: skip


def test_slots_are_counted_before_norms_move_behind_their_activations() -> None:
    moved = flat(HIDDEN * 2, 2, position="after")
    assert named(moved) == ["dense_0", "activation_0", "dense_1", "activation_1", "norm_1"]


def test_a_slot_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"found slot 4, but there are 2 norm slots"):
        flat(HIDDEN * 2, 1, 4)
    with pytest.raises(ConfigError, match=r"^variants.x.norm_slots|norm_slots"):
        flat(HIDDEN * 2, 3)


def test_a_layer_of_another_class_with_norm_in_its_name_is_no_slot() -> None:
    layers = flat([{"dense": 4}, {"batch_normalization": {}}, "norm", {"dense": 2}], 1)
    assert named(layers) == ["dense_0", "batch_normalization_0", "norm_0", "dense_1"]
