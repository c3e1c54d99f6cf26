from pathlib import Path
from typing import Any

import pytest

from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError
from bnbench.model import catalog, layer_docs
from bnbench.model.layer_conditions import CONDITIONS, draws_in_inference
from bnbench.model.layer_table import LAYERS
from bnbench.planning.plan import Program
from support.examples import make_plan

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "layers.md"
IMAGE = (8, 8, 3)
TAIL = ["flatten", {"dense": "$classes"}]


def planned(*layers: Any, shape: tuple[int, ...] = IMAGE, dtype: str = "uint8", **changes: Any) -> Program:
    """Plan layers in front of a dense layer, for made-up digits from 0 to 16."""
    of = DatasetInfo("digits", "made up", str(shape), shape, dtype, ("a", "b", "c"), 75, 0, 0)
    settings = {"data__scale": "unit", "variants": {"plain": {}}, "sweep__seeds": 1}
    return make_plan(of, model={"layers": [*layers, *TAIL]}, **(settings | changes)).cohorts[0].program


def test_the_table_has_every_layer_of_the_installed_keras() -> None:
    assert set(catalog._class_names("layers").values()) <= LAYERS.keys()


def test_a_layer_of_a_later_keras_is_refused_as_not_yet_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names = catalog._class_names
    monkeypatch.setattr(catalog, "_class_names", lambda family: names(family) | {"hyperdense": "HyperDense"})
    monkeypatch.setattr(catalog, "_keras_version", lambda: "3.99")
    with pytest.raises(ConfigError, match=r"layers\[0\]: 'hyper_dense' is not yet checked with Keras 3.99"):
        planned({"hyper_dense": 3})


@pytest.mark.parametrize("name", sorted(name for name, record in LAYERS.items() if record.refused))
def test_a_refused_layer_has_a_reason_and_something_to_write_instead(name: str) -> None:
    if name not in catalog._class_names("layers").values():
        return
    reason, _, instead = LAYERS[name].refused.partition(": ")
    assert reason
    assert instead
    with pytest.raises(ConfigError) as caught:
        planned(name)
    assert LAYERS[name].refused in str(caught.value)


def test_every_condition_is_known_and_used() -> None:
    assert {name for record in LAYERS.values() for name in record.conditions} == CONDITIONS.keys()


def test_the_page_of_layers_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == layer_docs.render_layers(), "run: make docs"


@pytest.mark.parametrize(
    ("layers", "changes", "message"),
    [
        (["mix_up"], {}, r"layers\[0\].mix_up: 'mix_up' mixes the images of a batch but not their labels"),
        (["cut_mix"], {}, "not their labels"),
        (["normalization"], {}, "does nothing without mean and variance, .*: use data.scale: standard"),
        ([{"discretization": {"num_bins": 4}}], {}, "no bins without bin_boundaries"),
        # Colors.
        ([{"random_brightness": 0.2}], {"data__scale": "standard"}, "data.scale: standard leaves no .* unit or none"),
        ([{"random_contrast": 0.2}], {"data__scale": "l2"}, "data.scale: l2 leaves no fixed range"),
        (["random_grayscale"], {"data__scale": "standard"}, "changes colors, which needs values of a known range"),
        (["random_invert"], {"dtype": "float32"}, "the numbers of a table have no fixed range"),
        ([{"dense": 3}, "solarization"], {}, "the outputs of dense_0 have no fixed range"),
        ([{"rescaling": {"scale": 2, "offset": -1}}, "random_invert"], {}, "colors from 0 on, .* begin at -1"),
        (
            [{"random_hue": {"factor": 0.1, "value_range": [0, 255]}}],
            {},
            r"layers\[0\].random_hue.value_range: .* found \[0, 255\], .* from 0 to 1: leave value_range out",
        ),
        (["random_grayscale"], {"shape": (8, 8, 1)}, "changes the mixture of red, green and blue"),
        # A batch of rows without channels would be one image.
        (["random_flip"], {"shape": (8, 8)}, r"a whole batch .* `- reshape: \[8, 8, 1\]`"),
        ([{"random_contrast": 0.1}], {"shape": (8, 8)}, r"`- reshape: \[8, 8, 1\]` in front"),
        (["flatten", {"random_brightness": 0.1}], {}, r"takes images .* found \(192,\)"),
        # Crops.
        ([{"random_crop": {"height": 6, "width": 6}}], {}, r"`- center_crop: \{height: 6, width: 6\}` behind it"),
        ([{"random_crop": {"height": 9, "width": 6}}, "global_max_pooling2d"], {}, "random_crop.height: .* less than"),
        ([{"random_crop": {"height": 6, "width": 8}}, "global_max_pooling2d"], {}, "random_crop.width: .* found 8"),
        # Whole numbers.
        ([{"embedding": {"input_dim": 17, "output_dim": 2}}], {}, "takes whole numbers, but .* fractions from 0 to 1"),
        (
            [{"embedding": {"input_dim": 16, "output_dim": 2}}],
            {"data__scale": "none"},
            "embedding.input_dim: .* found 16, wanted more than .* 16",
        ),
        ([{"category_encoding": {"num_tokens": 5}}], {"data__scale": "none"}, "num_tokens: .* found 5, wanted more"),
        ([{"hashing": {"num_bins": 5, "output_mode": "one_hot"}}], {"data__scale": "standard"}, "takes whole numbers"),
        ([{"hashing": {"num_bins": 5}}], {"data__scale": "none"}, "output_mode: .* found int"),
        # The axis of the batch.
        ([{"unit_normalization": {"axis": [-4, 1]}}], {}, r"axis: .* found \[-4, 1\], which is the axis of the batch"),
        (["flatten", {"softmax": {"axis": -2}}], {}, "axis: .* found -2"),
        ([{"einsum_dense": {"equation": "abcd,ae->ebcd", "output_shape": [8, 8, 3]}}], {}, "mixes the rows of a batch"),
        ([{"einsum_dense": {"equation": "abcd,ed->bcea", "output_shape": [8, 3, 3]}}], {}, "equation: .* mixes"),
        ([{"dropout": {"rate": 0.1, "noise_shape": [8, 1, 1, 1]}}], {}, "noise_shape: .* begin with null"),
        # What Keras or a compiler cannot compute.
        ([{"random_rotation": 0.1}], {"train__dtype": "float64"}, "computes in float32 only"),
        ([{"random_zoom": 0.1}], {"train__engine": "xla"}, "XLA: use train.engine: auto or graph"),
    ],
    ids=str,
)  # fmt: skip
def test_a_layer_that_would_mean_something_else_is_refused(
    layers: list[Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        planned(*layers, **changes)


@pytest.mark.parametrize(
    ("layers", "scale", "wanted"),
    [
        ([{"random_brightness": 0.2}], "unit", [0, 1]),
        ([{"random_brightness": {"factor": 0.2, "value_range": [0, 1]}}], "unit", [0, 1]),
        ([{"random_brightness": 0.2}], "none", [0, 16]),
        ([{"rescaling": 255}, {"random_brightness": 0.2}], "unit", None),
        ([{"rescaling": {"scale": 2, "offset": -1}}, {"random_brightness": 0.2}], "unit", [-1, 1]),
        ([{"reshape": [8, 4, 6]}, {"random_brightness": 0.2}], "unit", [0, 1]),
        ([{"random_zoom": 0.2}, {"random_contrast": 0.2}, {"random_brightness": 0.2}], "unit", [0, 1]),
        ([{"random_zoom": {"height_factor": 0.2, "fill_mode": "constant", "fill_value": -0.5}}, "auto_contrast"],
         "unit", [-0.5, 1]),
        ([{"zero_padding2d": 1}, {"average_pooling2d": 2}, {"random_brightness": 0.2}], "unit", [0, 1]),
    ],
    ids=str,
)  # fmt: skip
def test_a_color_layer_gets_the_range_of_its_inputs(layers: list[Any], scale: str, wanted: Any) -> None:
    color = planned(*layers, data__scale=scale).layers[len(layers) - 1]
    assert color.arguments.get("value_range") == wanted


def test_a_range_that_was_right_by_default_is_not_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnbench.data.access.value_range", lambda name: (0.0, 255.0))
    assert dict(planned({"random_brightness": 0.2}, data__scale="none").layers[0].arguments) == {"factor": 0.2}


def test_the_check_before_training_looks_for_whole_numbers_in_a_table() -> None:
    tokens = {"embedding": {"input_dim": 5, "output_dim": 2}}
    assert planned(tokens, shape=(4,), dtype="float32", data__scale="none").layers
    with pytest.raises(ConfigError, match="takes whole numbers, but the numbers of a table"):
        planned(tokens, shape=(4,), dtype="float32", data__scale="unit")


@pytest.mark.parametrize(
    "layers",
    [
        [{"random_crop": {"height": 6, "width": 6}}, {"center_crop": {"height": 6, "width": 6}}],
        [{"random_crop": {"height": 6, "width": 6}}, {"max_pooling2d": 2}, "global_max_pooling2d"],
        [{"discretization": {"bin_boundaries": [0.5]}}, {"embedding": {"input_dim": 2, "output_dim": 2}}],
        [{"normalization": {"mean": 0.5, "variance": 2.0}}],
        [{"dropout": {"rate": 0.1, "noise_shape": [None, 1, 1, 3]}}],
        [{"einsum_dense": {"equation": "...d,de->...e", "output_shape": 4}}],
        [{"softmax": {"axis": [1, 2]}}],
    ],
    ids=str,
)  # fmt: skip
def test_a_layer_is_accepted_under_its_condition(layers: list[Any]) -> None:
    assert planned(*layers).layers


def test_a_color_layer_that_draws_once_for_a_batch_takes_rows_without_channels() -> None:
    assert planned({"random_brightness": 0.2}, shape=(8, 8)).layers[0].arguments["value_range"] == [0, 1]


def test_recurrent_layers_draw_in_inference_only_with_dropout() -> None:
    assert draws_in_inference("LSTM", {"units": 3, "dropout": 0.2})
    assert not draws_in_inference("LSTM", {"units": 3})
    assert draws_in_inference("RandomHue", {"factor": 0.2})
    assert not draws_in_inference("Dropout", {"rate": 0.2})
