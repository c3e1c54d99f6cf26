import pytest

from bnbench.errors import ConfigError
from bnbench.model.layers import Layer, NormSlot, flatten_layers, used_params

DENSE = [{"dense": 4}, "norm", {"activation": "relu"}, {"dense": "$classes"}]
PARAMS = {"classes": 3, "units": 5}
BATCH = NormSlot("batch", {"momentum": 0.9})


def names(layers: tuple[Layer, ...]) -> list[str]:
    return [layer.name for layer in layers]


def test_the_slot_is_empty_for_none_and_filled_for_a_norm() -> None:
    assert names(flatten_layers(DENSE, PARAMS, NormSlot(), "here")) == ["dense_0", "activation_0", "dense_1"]
    filled = flatten_layers(DENSE, PARAMS, BATCH, "here")
    assert names(filled) == ["dense_0", "norm_0", "activation_0", "dense_1"]
    assert filled[1].class_name == "BatchNormalization"
    assert filled[1].arguments == {"momentum": 0.9}


def test_a_norm_changes_no_other_layers_name() -> None:
    plain, normed = (flatten_layers(DENSE, PARAMS, norm, "here") for norm in (NormSlot(), BATCH))
    assert [layer for layer in normed if layer.class_name != "BatchNormalization"] == list(plain)


@pytest.mark.parametrize(
    ("slot_first", "position", "wanted"),
    [
        (True, None, ["norm_0", "activation_0"]),
        (True, "before", ["norm_0", "activation_0"]),
        (True, "after", ["activation_0", "norm_0"]),
        (False, None, ["activation_0", "norm_0"]),
        (False, "before", ["norm_0", "activation_0"]),
        (False, "after", ["activation_0", "norm_0"]),
    ],
)
def test_a_norm_can_move_before_or_after_the_activation(
    slot_first: bool, position: str | None, wanted: list[str]
) -> None:
    pair = ["norm", {"activation": "relu"}]
    items = [{"dense": 4}, *(pair if slot_first else pair[::-1]), {"dense": 3}]
    flat = flatten_layers(items, PARAMS, NormSlot("batch", {}, position), "here")
    assert names(flat)[1:3] == wanted


def test_each_norm_moves_after_its_own_activation() -> None:
    items = [{"repeat": {"times": 2, "layers": [{"dense": 4}, "norm", {"activation": "relu"}]}}]
    flat = flatten_layers(items, PARAMS, NormSlot("layer", {}, "after"), "here")
    assert names(flat) == ["dense_0", "activation_0", "norm_0", "dense_1", "activation_1", "norm_1"]


def test_repeats_are_written_out_at_depth() -> None:
    inner = {"repeat": {"times": 2, "layers": [{"dense": "$units"}]}}
    flat = flatten_layers([{"repeat": {"times": 3, "layers": [inner, "flatten"]}}], PARAMS, NormSlot(), "here")
    assert [layer.class_name for layer in flat] == ["Dense", "Dense", "Flatten"] * 3
    assert flat[-2].name == "dense_5"
    assert flat[0].arguments == {"units": 5}


def test_a_repeat_of_zero_times_gives_no_layer() -> None:
    assert names(
        flatten_layers([{"repeat": {"times": 0, "layers": [{"dense": 1}]}}, "flatten"], {}, NormSlot(), "x")
    ) == ["flatten_0"]


def test_arguments_can_be_written_in_every_form() -> None:
    items = [
        {"dropout": 0.2},
        "flatten",
        {"dense": {"units": 3, "kernel_regularizer": {"l2": 1e-4}, "bias_initializer": "ones"}},
    ]
    dropout, flat, dense = flatten_layers(items, {}, NormSlot(), "here")
    assert dropout.arguments == {"rate": 0.2}
    assert flat.arguments == {}
    assert dense.arguments["kernel_regularizer"] == {"class_name": "L2", "config": {"l2": 1e-4}}
    assert dense.arguments["bias_initializer"] == {"class_name": "Ones", "config": {}}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([{"dense": "$unit"}], r"here: \[0\].dense: \$unit is not set under model.params \(did you mean 'units'\?\)"),
        ([{"dens": 3}], r"here: \[0\]: 'dens' is no layer of Keras \(did you mean 'dense'\?\)"),
        ([{"dense": {"unit": 3}}], r"here: \[0\].dense.unit: Dense has no such argument \(did you mean 'units'\?\)"),
        ([{"dense": {"units": 3, "activation": "rellu"}}], r"here: \[0\].dense.activation: 'rellu' is not one of"),
        ([{"dense": {"units": 3, "kernel_initializer": "he"}}], "'he' is no initializer of Keras"),
        ([{"dense": {"units": 3, "kernel_initializer": {"he_normal": {"seed": 1}}}}], "HeNormal has no such argument"),
        ([{"dense": {"units": 3, "kernel_regularizer": 5}}], "found 5, wanted a name or"),
        ([{"dense": {}}], "Dense needs units"),
        (["sigmoid"], "write `- activation: sigmoid`"),
        ([{"lambda": "x: x"}], "'lambda' runs code from the config"),
        ([{"dense": 3, "flatten": None}], "wanted one layer, found 2: dense, flatten"),
        (
            [{"dense": {"units": 3, "kernel_regularizer": {"l1": 1, "l2": 1}}}],
            "wanted one regularizer, found 2: l1, l2",
        ),
        ([5], "found 5, wanted one layer"),
        ([{"repeat": {"times": 2}}], r"here: \[0\].repeat: wanted"),
        ([{"repeat": {"times": -1, "layers": []}}], "found -1, wanted a whole number"),
        ([{"repeat": {"times": 2, "layers": "flatten"}}], "wanted a list of layers"),
        ([{"repeat": {"times": 2000, "layers": ["flatten", "flatten"]}}], "more than 2000 layers"),
        ([{"repeat": {"times": 2, "layers": []}}], "wanted at least one layer"),
        (
            [{"repeat": {"times": 2000, "layers": [{"repeat": {"times": 2000, "layers": ["flatten"]}}]}}],
            "more than 2000",
        ),
        ([{"repeat": {"times": 2000, "layers": [{"repeat": {"times": 0, "layers": ["flatten"]}}]}}], "more than 2000"),
        ([{"dense": {"units": 3, "activation": ["relu"]}}], r"\['relu'\] is not one of"),
        ([{"dense": {"units": 3, "use_bias": "no"}}], "use_bias: found 'no', wanted true or false"),
        ([{"bidirectional": {"layer": "lstm"}}], "'bidirectional' wraps a layer, .*: use lstm"),
        ([{"norm": "batch"}], "the slot takes no arguments"),
        ([{"flatten": {"name": "x"}}], "Flatten has no such argument"),
    ],
)
def test_mistakes_are_reported_with_their_place(items: list[object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        flatten_layers(items, PARAMS, NormSlot(), "here")


def test_a_norms_arguments_may_be_parameters() -> None:
    norm = NormSlot("batch", {"momentum": "$m"})
    assert flatten_layers(DENSE, PARAMS | {"m": 0.5}, norm, "here")[1].arguments == {"momentum": 0.5}
    with pytest.raises(ConfigError, match=r"norm: batch.momentum: \$m is not set"):
        flatten_layers(DENSE, PARAMS, norm, "here")


def test_a_norm_without_a_slot_is_refused() -> None:
    with pytest.raises(ConfigError, match="no 'norm' slot for norm: batch"):
        flatten_layers([{"dense": 3}], PARAMS, BATCH, "here")


def test_a_position_without_an_activation_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs an activation layer next to the slot"):
        flatten_layers([{"dense": 3}, "norm", {"dense": 3}], PARAMS, NormSlot("batch", {}, "after"), "here")


def test_used_params_are_found_at_any_depth() -> None:
    items = [
        {"dense": "$a"},
        {"repeat": {"times": "$b", "layers": [{"dense": {"units": "$c"}}]}},
        "flatten",
        {"x": ["$d"]},
    ]
    assert used_params(items) == {"a", "b", "c", "d"}
