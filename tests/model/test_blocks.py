"""Residual and parallel blocks of a layer list, and the shortcuts that depend on shapes."""

from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.input_values import InputValues
from bnbench.model.layer_conditions import fit_layers
from bnbench.model.layers import Layer, NormSlot, flatten_layers
from bnbench.model.shapes import trace_shapes
from bnbench.planning.small_batches import Batches, describe_small_batches
from support.examples import make_plan

BATCH = NormSlot("batch")
CONV = {"kernel_size": 3, "padding": "same"}


def flat(items: list[Any], shape: tuple[int, ...] | None = (8, 8, 3), norm: NormSlot = BATCH) -> tuple[Layer, ...]:
    return flatten_layers(items, {"how": "none"}, norm, "here", shape)


def graph_of(layers: tuple[Layer, ...]) -> list[str]:
    return [one.name + (f"({', '.join(one.inputs)})" if one.inputs else "") for one in layers]


def residual(layers: list[Any], **more: Any) -> dict[str, Any]:
    return {"residual": {"layers": layers, **more}}


def test_a_block_that_keeps_the_shape_adds_its_input() -> None:
    items = [{"dense": 5}, residual([{"dense": 5}, "norm"]), {"activation": "relu"}]
    assert graph_of(flat(items, (5,))) == ["dense_0", "dense_1", "norm_0", "add_0(norm_0, dense_0)", "activation_0"]


def test_a_block_at_the_start_adds_the_input_of_the_model() -> None:
    assert graph_of(flat([residual([{"dense": 5}])], (5,), NormSlot())) == ["dense_0", "add_0(dense_0, input)"]


def test_a_block_that_changes_the_shape_gets_a_projection_that_is_normalized_as_its_branch() -> None:
    conv = {"filters": 6, "strides": 2, "use_bias": False, "kernel_regularizer": {"l2": 0.1}, **CONV}
    ends_in_a_norm = [residual([{"conv2d": conv}, "norm"])]
    plain, normed = flat(ends_in_a_norm, norm=NormSlot()), flat(ends_in_a_norm)
    assert graph_of(plain) == ["conv2d_0", "shortcut_0(input)", "add_0(conv2d_0, shortcut_0)"]
    assert graph_of(normed) == ["conv2d_0", "norm_0", "shortcut_0(input)", "norm_1", "add_0(norm_0, norm_1)"]
    projection = plain[1]
    assert projection == normed[2]
    assert projection.class_name == "Conv2D"
    assert projection.arguments == {
        "filters": 6, "kernel_size": 1, "strides": [2, 2], "use_bias": False,
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}},
    }  # fmt: skip
    # In a block with the norm in front, as in He et al. 2016, the projection has none.
    in_front = flat([residual(["norm", {"activation": "relu"}, {"conv2d": conv}])])
    assert graph_of(in_front)[-2:] == ["shortcut_0(input)", "add_0(conv2d_0, shortcut_0)"]


@pytest.mark.parametrize(
    ("layers", "shape", "projection", "strides"),
    [
        ([{"dense": 7}], (5,), "Dense", None),
        ([{"conv1d": {"filters": 4, "strides": 3, **CONV}}], (9, 2), "Conv1D", [3]),
        ([{"conv2d": {"filters": 4, "strides": [2, 1], **CONV}}], (9, 8, 2), "Conv2D", [2, 1]),
        ([{"max_pooling2d": 2}, {"max_pooling2d": 2}], (8, 8, 2), "Conv2D", [4, 4]),
        ([{"conv3d": {"filters": 4, **CONV}}], (4, 4, 4, 2), "Conv3D", [1, 1, 1]),
        (
            [{"conv2d": {"filters": 6, "strides": 2, "data_format": "channels_first", **CONV}}],
            (3, 8, 8), "Conv2D", [2, 2],
        ),
    ],
)  # fmt: skip
def test_a_projection_leads_to_the_shape_of_the_branch(
    layers: list[Any], shape: tuple[int, ...], projection: str, strides: list[int] | None
) -> None:
    made = flat([residual(layers)], shape, NormSlot())
    shortcut = next(one for one in made if one.name == "shortcut_0")
    assert shortcut.class_name == projection
    assert shortcut.arguments.get("strides") == strides
    traced = trace_shapes(made, shape, "here")
    assert traced is not None


def test_other_layers_have_the_same_names_whatever_the_shortcut() -> None:
    layers = [{"dense": 5}, "norm", {"activation": "relu"}, {"dense": 5}]
    named = {}
    for shortcut in ("auto", "conv", "none", [], [{"dropout": 0.1}], "$how"):
        made = flat([{"dense": 5}, residual(layers, shortcut=shortcut), {"dense": 3}], (5,))
        named[str(shortcut)] = [one.name for one in made if one.name.startswith("dense")]
        added = [one for one in made if one.class_name == "Add"]
        assert len(added) == (shortcut not in ("none", "$how"))
    assert all(names == ["dense_0", "dense_1", "dense_2", "dense_3"] for names in named.values())


def test_conv_is_a_projection_even_where_the_shape_stays() -> None:
    assert "shortcut_0(dense_0)" in graph_of(
        flat([{"dense": 5}, residual([{"dense": 5}], shortcut="conv")], (5,), NormSlot())
    )


def test_a_shortcut_may_be_a_list_of_layers() -> None:
    items = [{"dense": 5}, residual([{"dense": 4}], shortcut=[{"dense": 4}, "norm"])]
    assert graph_of(flat(items, (5,))) == ["dense_0", "dense_1", "dense_2(dense_0)", "norm_0", "add_0(dense_1, norm_0)"]


def test_blocks_stand_in_repeats_and_in_each_other() -> None:
    inner = {"parallel": {"branches": [[], [{"dense": 2}, "norm"]], "merge": {"concatenate": {"axis": -1}}}}
    items = [{"repeat": {"times": 2, "layers": [residual([inner, {"dense": 5}])]}}, {"dense": 3}]
    made = flat(items, (5,))
    assert graph_of(made) == [
        "dense_0", "norm_0", "concatenate_0(input, norm_0)", "dense_1", "add_0(dense_1, input)",
        "dense_2", "norm_1", "concatenate_1(add_0, norm_1)", "dense_3", "add_1(dense_3, add_0)",
        "dense_4",
    ]  # fmt: skip
    traced = trace_shapes(made, (5,), "here")
    assert traced is not None
    assert traced.shape == (3,)
    assert traced.weights.trainable == 2 * ((5 * 2 + 2) + 2 * 2 + (7 * 5 + 5)) + 5 * 3 + 3


def test_a_dense_block_is_a_repeated_concatenation() -> None:
    grow = {"parallel": {"branches": [[], ["norm", {"activation": "relu"}, {"dense": 4}]], "merge": "concatenate"}}
    traced = trace_shapes(flat([{"repeat": {"times": 3, "layers": [grow]}}], (5,)), (5,), "here")
    assert traced is not None
    assert traced.shape == (5 + 3 * 4,)


def test_norms_move_only_inside_their_list() -> None:
    in_front = [residual(["norm", {"activation": "relu"}, {"dense": 5}])]
    made = flat(in_front, (5,), NormSlot("batch", {}, "after"))
    assert graph_of(made) == ["activation_0", "norm_0", "dense_0", "add_0(dense_0, input)"]
    at_the_end = [residual([{"dense": 5}, "norm"]), {"activation": "relu"}]
    with pytest.raises(ConfigError, match=r"layers\[1\]: norm_position needs an activation layer next to the slot, in"):
        flat(at_the_end, (5,), NormSlot("batch", {}, "after"))


def test_the_slot_may_be_inside_a_block() -> None:
    assert "norm_0" in graph_of(flat([{"parallel": {"branches": [[], [{"dense": 5}, "norm"]], "merge": "add"}}], (5,)))
    with pytest.raises(ConfigError, match="no 'norm' slot"):
        flat([residual([{"dense": 5}])], (5,))


def test_without_a_shape_a_shortcut_is_the_identity() -> None:
    # Enough to describe a variant where only its config is known.
    assert graph_of(flat([residual([{"dense": 7}])], None, NormSlot())) == ["dense_0", "add_0(dense_0, input)"]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"residual": ["flatten"]}, r"\[0\].residual: found \['flatten'\], wanted \{layers"),
        ({"residual": {"layer": []}}, r"\[0\].residual.layer: 'layer' is not one of layers, shortcut \(did you mean"),
        ({"residual": {"shortcut": "auto"}}, r"\[0\].residual.layers: missing"),
        (residual([]), r"residual.layers: found \[\], wanted at least one layer"),
        (
            residual(["flatten"], shortcut="cnv"),
            r"shortcut: 'cnv' is not one of auto, conv, none \(did you mean 'conv'",
        ),
        (
            residual(["flatten"], shortcut=None),
            r"shortcut: None is not one of auto, conv, none .*, or a list of layers",
        ),
        (residual(["flaten"]), r"residual.layers\[0\].flaten: 'flaten' is no layer of Keras \(did you mean 'flatten'"),
        (residual([{"dense": 4}], shortcut=[{"dense": {"unit": 4}}]), r"residual.shortcut\[0\].dense.unit"),
        (residual(["flatten"]), r"residual: the layers make \(192,\) of \(8, 8, 3\), and no stride"),
        (
            residual([{"conv2d": {"filters": 3, "kernel_size": 3}}], shortcut="conv"),
            r"residual.shortcut: the layers make \(6, 6, 3\) of \(8, 8, 3\), and no stride .* use padding: same",
        ),
        (residual([{"up_sampling2d": 2}]), r"the layers make \(16, 16, 3\)"),
        (residual([{"stft_spectrogram": {}}]), "only Keras can tell the shapes of the block: write the shortcut as"),
        (
            residual(
                [
                    {"dense": {"units": 4, "kernel_initializer": "identity"}},
                    {"conv1d": {"filters": 1, "kernel_size": 1}},
                ]
            ),
            r"residual.layers\[1\].conv1d: Conv1D gets \(8, 8, 4\): wanted 2 axes",
        ),
        (
            {"parallel": {"branches": [[]], "merge": "add"}},
            r"parallel.branches: found \[\[\]\], wanted a list of at least",
        ),
        ({"parallel": {"branches": [[], []], "merge": "add"}}, r"parallel.branches: two branches are \[\]"),
        ({"parallel": {"branches": [[], ["flatten"]]}}, r"parallel.merge: missing"),
        ({"parallel": {"branches": [[], "flatten"], "merge": "add"}}, r"branches\[1\]: found 'flatten', wanted a list"),
        (
            {"parallel": {"branches": [[], ["flatten"]], "merge": "ad"}},
            r"parallel.merge: 'ad' is not one of add, average",
        ),
        ({"parallel": {"branches": [[], ["flatten"]], "merge": "dense"}}, r"merge: 'dense' is not one of add"),
        (
            {"parallel": {"branches": [[], ["flatten"]], "merge": {"add": {"axis": 1}}}},
            r"merge.add.axis: Add has no such",
        ),
        (
            {"parallel": {"branches": [[], ["flatten"]], "merge": {"concatenate": {"axis": 0}}}},
            r"concatenate.axis: found 0",
        ),
        ("add", r"\[0\]: 'add' merges several branches: write `- parallel"),
        ({"concatenate": -1}, r"\[0\]: 'concatenate' merges several branches"),
        ("attention", r"\[0\].attention: 'attention' has several inputs"),
    ],
)
def test_mistakes_are_reported_with_their_place(item: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        flat([item], norm=NormSlot())


UNIT = InputValues(0.0, 1.0)
FLIP, CROP = {"random_flip": "horizontal"}, {"random_crop": {"height": 4, "width": 4}}


def fitted(items: list[Any], values: InputValues = UNIT) -> tuple[Layer, ...]:
    where = Location.of("variant")
    return fit_layers(flat(items, norm=NormSlot()), (8, 8, 3), values, "float32", "auto", where)


def test_a_color_layer_behind_a_merge_gets_the_range_of_all_branches() -> None:
    branches = [[], [{"rescaling": 2.0}]]
    made = fitted([{"parallel": {"branches": branches, "merge": "concatenate"}}, {"random_brightness": 0.1}])
    assert made[-1].arguments["value_range"] == [0, 2]
    with pytest.raises(ConfigError, match="the outputs of add_0 have no fixed range"):
        fitted([{"parallel": {"branches": branches, "merge": "add"}}, {"random_brightness": 0.1}])


def test_a_crop_needs_its_size_in_evaluation_before_the_branches_part() -> None:
    block = residual([{"conv2d": {"filters": 3, **CONV}}])
    assert fitted([CROP, FLIP, {"center_crop": {"height": 4, "width": 4}}, block])
    with pytest.raises(ConfigError, match="crops in training only"):
        fitted([CROP, FLIP, block, "global_average_pooling2d"])


def test_conditions_of_layers_in_branches_name_their_place() -> None:
    with pytest.raises(ConfigError, match=r"residual.layers\[1\].*random_flip_0 \(RandomFlip\) takes images"):
        fitted([residual(["flatten", FLIP], shortcut=["flatten"])])


def test_a_batch_normalization_in_a_branch_counts_the_values_of_its_own_input() -> None:
    branches = [
        ["flatten", {"dense": 4}, "norm"],
        [{"conv2d": {"filters": 2, "kernel_size": 3}}, "flatten", {"dense": 4}],
    ]
    layers = flat([{"parallel": {"branches": branches, "merge": "add"}}])
    assert describe_small_batches(layers, (8, 8, 3), Batches(101, 10, None)).startswith("the last step of each epoch")
    turned = flat(
        [
            {
                "parallel": {
                    "branches": [[*branches[1][:1], "norm", "flatten", {"dense": 4}], branches[0][:2]],
                    "merge": "add",
                }
            }
        ]
    )
    # 6 x 6 values of one row are enough.
    assert not describe_small_batches(turned, (8, 8, 3), Batches(101, 10, None))


def test_inputs_are_part_of_the_id_only_where_a_layer_takes_others_than_the_one_before() -> None:
    layers = {
        how: [{"dense": 5}, residual([{"dense": 5}], shortcut=how), "norm", {"dense": "$classes"}]
        for how in ("auto", "none")
    }
    keys = {how: make_plan(model={"layers": items}).cohorts[0].program.key for how, items in layers.items()}
    alone = [{"dense": 5}, {"dense": 5}, "norm", {"dense": "$classes"}]
    assert keys["none"] == make_plan(model={"layers": alone}).cohorts[0].program.key
    assert keys["auto"] != keys["none"]


@pytest.mark.parametrize(
    ("branches", "merge", "message"),
    [
        ([[], [{"dense": 4}]], "add", r"parallel.merge: add_0 \(Add\) gets \(5,\) and \(4,\): wanted equal shapes"),
        ([[], [], [{"dense": 5}]], "subtract", "two branches are"),
        ([[], [{"dense": 5}], [{"dense": 5}]], "subtract", "wanted 2 branches, found 3"),
        ([[], [{"reshape": [5, 1]}]], "concatenate", "wanted shapes that differ in axis -1 alone"),
        ([[], [{"dense": 4}]], {"dot": 1}, r"axes 1 have 5 and 4 values, wanted equal sizes"),
        ([[], [{"dense": 5}]], {"dot": 2}, r"merge.dot.axes: dot_0 .* axes is 2, wanted 1 to 1, or -1 to -1"),
    ],
)
def test_branches_that_cannot_be_merged_are_reported(branches: list[Any], merge: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        trace_shapes(flat([{"parallel": {"branches": branches, "merge": merge}}], (5,), NormSlot()), (5,), "here")
