"""Networks that Keras has written, read without Keras. The models in networks/ were written by Keras 3.15."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.model.layer import Layer
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.network_file import Network, load_network, parse_network, read_network
from bnbench.model.network_json import write_network

MODELS = json.loads((Path(__file__).parent / "networks" / "keras_models.json").read_text(encoding="utf-8"))


def read(name: str) -> Network:
    return read_network(MODELS[name], "net.json")


def described(layers: tuple[Layer, ...]) -> list[Any]:
    return [(layer.name, layer.class_name, dict(layer.arguments), layer.inputs) for layer in layers]


def test_a_sequential_is_a_chain_with_the_names_of_this_project_and_without_defaults() -> None:
    network = read("sequential")
    assert network.shape == (784,)
    assert network.dtype == "float32"
    he, l2 = ({"class_name": name, "config": config} for name, config in (("HeNormal", {}), ("L2", {"l2": 0.0001})))
    assert described(network.layers) == [
        (
            "dense_0",
            "Dense",
            {"units": 32, "activation": "relu", "kernel_initializer": he, "kernel_regularizer": l2},
            (),
        ),
        ("norm_0", "BatchNormalization", {}, ()),
        ("dropout_0", "Dropout", {"rate": 0.3}, ()),
        ("dense_1", "Dense", {"units": 10}, ()),
    ]
    assert network.keras_names["norm_0"] == "batch_normalization"
    assert str(network.layers[3].where) == "net.json: dense_1"


def test_the_same_network_in_a_config_has_the_same_layers() -> None:
    items = [
        {"conv2d": {"filters": 4, "kernel_size": 3, "padding": "same", "use_bias": False}},
        "norm",
        "relu",
        {"residual": {"layers": [{"conv2d": {"filters": 4, "kernel_size": 3, "padding": "same"}}], "shortcut": []}},
        "global_average_pooling2d",
        {"dense": {"units": 3, "activation": "softmax"}},
    ]
    written = flatten_layers(items, {}, NormSlot("batch"), "here", (8, 8, 3))
    # Keras and the config may list the two inputs of a sum in either order.
    assert [layer[:3] for layer in described(written)] == [layer[:3] for layer in described(read("residual").layers)]
    inputs = [(set(a.inputs), set(b.inputs)) for a, b in zip(written, read("residual").layers, strict=True)]
    assert all(a == b for a, b in inputs)


def test_models_inside_a_model_are_written_out() -> None:
    augmented = read("augmented")
    assert [layer.class_name for layer in augmented.layers[:2]] == ["RandomFlip", "RandomRotation"]
    assert augmented.layers[1].arguments == {"factor": 0.1}
    assert augmented.keras_names["random_flip_0"] == "aug/random_flip"
    inner = read("block in a model")
    assert described(inner.layers)[1] == ("add_0", "Add", {}, ("conv2d_0", "input"))


def test_masks_are_made_again_and_seeds_are_dropped() -> None:
    masking, lstm, _ = read("masked").layers
    assert masking.arguments == {}
    assert lstm.arguments == {"units": 4, "kernel_initializer": {"class_name": "HeNormal", "config": {}}}


def test_a_mask_that_no_layer_makes_is_refused() -> None:
    changed = json.loads(json.dumps(MODELS["masked"]))
    entry = next(one for one in changed["config"]["layers"] if one["class_name"] == "Masking")
    entry.update(class_name="Identity")
    del entry["config"]["mask_value"]
    with pytest.raises(ConfigError, match=r"net\.json: lstm is called with a mask, which no layer before it makes"):
        read_network(changed, "net.json")


def test_a_sequential_without_input_has_no_shape() -> None:
    assert read("without input").shape is None


def test_all_layers_have_one_type() -> None:
    assert read("float64").dtype == "float64"
    changed = json.loads(json.dumps(MODELS["sequential"]))
    changed["config"]["layers"][4]["config"]["dtype"] = "float64"
    with pytest.raises(ConfigError, match=r"net\.json: dense_1: has the type float64, and other layers float32"):
        read_network(changed, "net.json")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("operator", "net.json: add_2 is an operation of Keras, not a layer: use keras.layers.Add()([a, b])"),
        ("operation", "net.json: relu is an operation of Keras, not a layer: use keras.layers.ReLU()"),
        ("mixed", "net.json: dense_14: 'mixed_float16' is not possible"),
        ("frozen", "net.json: dense_24: is not trainable, but only the architecture is used"),
        ("shared", "net.json: dense_15 is called 2 times, wanted one call"),
        ("two inputs", "net.json: the model has 2 inputs (input_layer_12, input_layer_13), wanted one"),
        ("lambda", "net.json: lambda: 'Lambda' runs code from the config"),
        ("own layer", "net.json: my is a My, wanted a layer of Keras"),
        ("subclass", "net.json: the model is a Net, whose code is not in the file"),
        ("functional subclass", "net.json: the model is a FN, whose code is not in the file"),
        ("wrapper", "net.json: time_distributed: 'TimeDistributed' wraps a layer"),
        ("activation object", "net.json: dense_20.activation: found 'LeakyReLU', wanted the name of an activation"),
    ],
)
def test_what_cannot_be_described_is_refused_with_its_name_in_keras(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(name)
    assert str(caught.value).startswith(message)
    assert str(caught.value).count("net.json") == 1


def test_every_layer_with_wrong_arguments_is_named() -> None:
    changed = json.loads(json.dumps(MODELS["sequential"]))
    changed["config"]["layers"][1]["config"]["units"] = 0
    changed["config"]["layers"][3]["config"]["rate"] = 1
    with pytest.raises(ConfigError) as caught:
        read_network(changed, "net.json")
    first, second = str(caught.value).splitlines()
    assert first.startswith("net.json: dense.units: found 0, wanted")
    assert second.startswith("net.json: dropout.rate: found 1.0, wanted")


def deep(model: Any) -> None:
    for _ in range(2000):
        model["config"]["layers"] = [{**model, "config": {**model["config"]}}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(keras_version="2.15.0"), "was written by Keras 2.15.0, wanted Keras 3"),
        (lambda m: m.pop("config"), "is no Keras model"),
        (lambda m: m.update(config=3), "is not as Keras writes a model (TypeError"),
        (lambda m: m["config"].update(layers=[]), "the model has no layers"),
        (lambda m: m["config"]["layers"][1].update(module="os"), "dense is a Dense, wanted a layer of Keras"),
        (lambda m: m["config"]["layers"][1].update(class_name="system"), "dense is a system, wanted a layer of Keras"),
        (lambda m: m["config"]["layers"][1].update(registered_name="mine>Dense"), "dense is a Dense, wanted a layer"),
        (
            lambda m: m["config"]["layers"][1]["config"]["kernel_initializer"].update(module="os"),
            "dense.kernel_initializer: found 'HeNormal', wanted an initializer of Keras",
        ),
        (
            lambda m: m["config"]["layers"][1]["config"].update(kernel_initializer="he_normal"),
            "dense.kernel_initializer: found 'he_normal', wanted an initializer of Keras",
        ),
        (lambda m: m["config"]["layers"].extend(m["config"]["layers"][1:2]), "two layers have the name dense"),
        (lambda m: m["config"]["layers"][1]["config"].update(mine=1), "dense.mine: Dense has no such argument"),
        (deep, "is not as Keras writes a model (RecursionError"),
        (
            lambda m: m["config"].update(
                layers=[{**m["config"]["layers"][4], "config": {**m["config"]["layers"][4]["config"], "name": str(i)}}
                        for i in range(2001)]
            ),
            "2,001 layers, wanted at most 2,000",
        ),
    ],
)  # fmt: skip
def test_a_file_of_a_stranger_is_refused(change: Callable[[Any], object], message: str) -> None:
    changed = json.loads(json.dumps(MODELS["sequential"]))
    change(changed)
    with pytest.raises(ConfigError) as caught:
        read_network(changed, "net.json")
    assert str(caught.value).startswith(f"net.json: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not the JSON of a Keras model (Expecting property name enclosed in double quotes in line 1)"),
        ("[" * 100_000, "is not the JSON of a Keras model (nested too deep)"),
        ("[1]", "is no Keras model: write it with"),
    ],
)
def test_a_text_that_is_no_model_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_network(text, "net.json")
    assert str(caught.value).startswith(f"net.json: {message}")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"net\.json: no such file"):
        load_network(tmp_path / "net.json", "net.json")
    with pytest.raises(ConfigError, match=r"net\.json: not a file"):
        load_network(tmp_path, "net.json")
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ConfigError, match="is a saved model with weights, wanted the JSON of a Keras model"):
        load_network(tmp_path / "model.keras", "model.keras")
    monkeypatch.setattr(sys.modules["bnbench.model.network_file"], "MAX_BYTES", 5)
    with pytest.raises(ConfigError, match=r"larger than 5 bytes"):
        load_network(tmp_path / "model.keras", "model.keras")


@pytest.mark.parametrize(
    "name", ["sequential", "residual", "augmented", "block in a model", "masked", "without input", "float64"]
)
def test_a_network_that_is_written_is_read_back_as_it_was(name: str) -> None:
    network = read(name)
    again = parse_network(write_network(network), "again.json")
    assert described(again.layers) == described(network.layers)
    assert (again.shape, again.dtype) == (network.shape, network.dtype)
    # What is written again has the same text.
    assert write_network(again) == write_network(network)
