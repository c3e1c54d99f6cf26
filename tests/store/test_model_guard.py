import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import Scaling
from bnbench.errors import ResultsError
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.store import model_guard
from bnbench.store.model_card import ModelCard
from bnbench.training.builder import build_model, with_scaling
from bnbench.training.threads import use_threads

PAGE = ModelCard("best", "digits", (6, 6, 1), (0.0, 16.0), ("a", "b", "c"), "softmax")
ITEMS: list[Any] = [
    {"conv2d": {"filters": 2, "kernel_size": 3, "kernel_regularizer": {"l2": 0.1}, "padding": "same"}},
    "norm",
    {"activation": "relu"},
    {"reshape": [72, 1]},
    "flatten",
    {"dropout": 0.1},
    {"dense": {"units": 3, "kernel_initializer": {"random_uniform": {"minval": -1}}, "kernel_constraint": "non_neg"}},
]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a model file that bnbench saved."""
    # This must come before any computation, or later tests could not train.
    use_threads(1)
    path = tmp_path_factory.mktemp("model") / "t.keras"
    layers = flatten_layers(ITEMS, {}, NormSlot("batch"), "here")
    model = build_model(layers, PAGE.shape, "float32", seed=0)
    with_scaling(layers, model, Scaling(np.array(1.0), np.array(2.0), True), PAGE.shape).save(path)
    model_guard.check_model_file(path, PAGE)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def pack(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def hostile(members: dict[str, bytes], change: Callable[[Any], object]) -> dict[str, bytes]:
    """The members, with a changed config of the last layer, which is dense."""
    config = json.loads(members["config.json"])
    change(config["config"]["layers"][-1])
    return members | {"config.json": json.dumps(config).encode()}


def named(**changes: object) -> Callable[[Any], object]:
    return lambda layer: layer.update(changes)


def holds(key: str, value: object) -> Callable[[Any], object]:
    return lambda layer: layer["config"].update({key: value})


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA"}}
CALL = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
OTHERS = ["Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TextVectorization", "StringLookup"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *((named(class_name=name), f"names '{name}' of 'keras.layers', which no config may") for name in OTHERS),
        (named(module="os", class_name="system"), "names 'system' of 'os'"),
        (named(module="builtins", class_name="eval"), "names 'eval' of 'builtins'"),
        (named(module="keras.src.layers.core.lambda_layer", class_name="Lambda"), "names 'Lambda' of 'keras.src"),
        (named(module="keras", class_name="Model"), "names 'Model' of 'keras'"),
        (named(module="keras.utils", class_name="get_file"), "names 'get_file' of 'keras.utils'"),
        (named(module="keras.saving", class_name="load_model"), "names 'load_model'"),
        (named(registered_name="mine>Dense"), "names 'Dense' of 'keras.layers'"),
        (holds("activation", LAMBDA), "names '__lambda__' of None"),
        (holds("activation", CALL), "names 'function' of 'os'"),
        (holds("kernel_initializer", CALL), "names 'function' of 'os'"),
        (holds("bias_regularizer", {"deeper": [{"module": "os", "class_name": "x"}]}), "names 'x' of 'os'"),
        (holds("units", 10**10), "dense_0 .Dense. gets .72,.: gives 10,000,000,000 numbers"),
        (named(config=None), "TypeError"),
    ],
)
def test_a_class_that_no_config_may_name_is_not_loaded(
    tmp_path: Path, members: dict[str, bytes], change: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(ResultsError, match=rf"t\.keras: cannot be loaded: .*{message}|t\.keras: {message}"):
        model_guard.check_model_file(pack(tmp_path / "t.keras", hostile(members, change)), PAGE)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"../../evil.py": b"x"}, r"contains .*\.\./\.\./evil\.py instead of config\.json"),
        ({"assets/vocabulary.txt": b"x"}, "contains .*vocabulary"),
        ({"config.json": b"[" * 100_000}, "RecursionError"),
        ({"config.json": b"{}"}, "KeyError"),
        ({"config.json": b"[1]"}, "TypeError"),
        ({"config.json": b"\xff"}, "UnicodeDecodeError"),
        ({"model.weights.h5": b""}, "declares 247 weights, but has 0 bytes"),
    ],
)
def test_a_file_that_bnbench_would_not_write_is_not_loaded(
    tmp_path: Path, members: dict[str, bytes], changes: dict[str, bytes], message: str
) -> None:
    with pytest.raises(ResultsError, match=rf"t\.keras: cannot be loaded: .*{message}"):
        model_guard.check_model_file(pack(tmp_path / "t.keras", members | changes), PAGE)


def test_a_wide_layer_behind_one_of_unknown_shape_is_not_built(tmp_path: Path, members: dict[str, bytes]) -> None:
    def widen(layer: Any) -> None:
        layer["config"] |= {"units": 300_000_000}

    config = json.loads(hostile(members, widen)["config.json"])
    unknown = {"module": "keras.layers", "class_name": "EinsumDense", "config": {"name": "e"}}
    config["config"]["layers"].insert(1, unknown | {"registered_name": None})
    with pytest.raises(ResultsError, match="declares a layer of 300,000,000, but has"):
        model_guard.check_model_file(
            pack(tmp_path / "t.keras", members | {"config.json": json.dumps(config).encode()}), PAGE
        )


GRAPH: list[Any] = [
    {"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}},
    {"residual": {"layers": [{"conv2d": {"filters": 2, "kernel_size": 3, "padding": "same"}}, "norm"]}},
    "flatten",
    {"dense": 3},
]


@pytest.fixture(scope="module")
def graph_members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of the file of a model with branches, whose rows have been standardized."""
    use_threads(1)
    path = tmp_path_factory.mktemp("graph") / "t.keras"
    layers = flatten_layers(GRAPH, {}, NormSlot("batch"), "here", PAGE.shape)
    model = build_model(layers, PAGE.shape, "float32", seed=0)
    scaling = Scaling(np.ones(PAGE.shape), np.full(PAGE.shape, 2.0), False)
    with_scaling(layers, model, scaling, PAGE.shape).save(path)
    model_guard.check_model_file(path, PAGE)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def call_of(config: Any, name: str) -> Any:
    return next(one for one in config["config"]["layers"] if one["name"] == name)["inbound_nodes"]


def takes(config: Any, name: str, other: str) -> None:
    call_of(config, name)[0]["args"][0]["config"]["keras_history"][0] = other


def wrap(config: Any, name: str) -> None:
    entries = config["config"]["layers"]
    i = next(i for i, one in enumerate(entries) if one["name"] == name)
    inside = {"name": name, "layers": [{**entries[i], "inbound_nodes": None}]}
    entries[i] = {**entries[i], "module": "keras", "class_name": "Sequential", "config": inside}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(registered_name="mine>Functional"), "names 'Functional' of 'keras.src.models.functional'"),
        (lambda c: wrap(c, "dense_0"), "dense_0/dense_0 is in a model inside the model"),
        (lambda c: takes(c, "flatten_0", "elsewhere"), "flatten_0 takes elsewhere, which is no layer of the model"),
        (lambda c: takes(c, "conv2d_1", "dense_0"), "depends on its own output"),
        (lambda c: takes(c, "flatten_0", "conv2d_0"), "nothing takes the output of"),
        (lambda c: call_of(c, "dense_0").append({}), "dense_0 is called 2 times"),
        (lambda c: call_of(c, "dense_0")[0]["kwargs"].update(mine=1), "dense_0 is called with mine"),
        (lambda c: call_of(c, "add_0")[0]["args"][0].pop(), "add_0 .Add. takes 1 inputs"),
        (lambda c: call_of(c, "dense_0")[0].update(args=[LAMBDA]), "names '__lambda__' of None"),
        (lambda c: call_of(c, "dense_0")[0].update(kwargs={"x": CALL}), "names 'function' of 'os'"),
        (
            lambda c: c["config"].update(output_layers=[["dense_0", 0, 0], ["add_0", 0, 0]]),
            "has 2 outputs .dense_0, add_0., wanted one",
        ),
        (lambda c: c["config"]["layers"][1].update(name="other"), "has another name, other"),
    ],
)
def test_a_graph_that_bnbench_would_not_write_is_not_loaded(
    tmp_path: Path, graph_members: dict[str, bytes], change: Callable[[Any], object], message: str
) -> None:
    config = json.loads(graph_members["config.json"])
    change(config)
    changed = graph_members | {"config.json": json.dumps(config).encode()}
    with pytest.raises(ResultsError, match=rf"t\.keras: cannot be loaded: .*({message})"):
        model_guard.check_model_file(pack(tmp_path / "t.keras", changed), PAGE)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, members: dict[str, bytes]) -> None:
    bomb = members | {"model.weights.h5": bytes(50_000_000)}
    with pytest.raises(ResultsError, match="it is compressed"):
        model_guard.check_model_file(pack(tmp_path / "t.keras", bomb, zipfile.ZIP_DEFLATED), PAGE)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"\x80\x04\x95"])
def test_a_file_that_is_not_a_zip_archive_is_not_loaded(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.keras").write_bytes(content)
    with pytest.raises(ResultsError, match=r"t\.keras: cannot be loaded: BadZipFile"):
        model_guard.check_model_file(tmp_path / "t.keras", PAGE)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (
            ModelCard("best", "digits", (8, 8, 1), (0.0, 16.0), ("a", "b", "c"), "softmax"),
            "takes .6, 6, 1., but its card",
        ),
        (
            ModelCard("best", "digits", (6, 6, 1), (0.0, 16.0), ("a", "b"), "softmax"),
            "returns .3,., but its card names 2",
        ),
    ],
)
def test_a_card_of_another_model_is_an_error(
    tmp_path: Path, members: dict[str, bytes], card: ModelCard, message: str
) -> None:
    with pytest.raises(ResultsError, match=message):
        model_guard.check_model_file(pack(tmp_path / "t.keras", members), card)


def test_weights_in_another_file_are_not_read(tmp_path: Path, members: dict[str, bytes]) -> None:
    import h5py

    stream = io.BytesIO(members["model.weights.h5"])
    with h5py.File(stream, "r+") as weights:
        place = weights["layers"]["dense"]["vars"]
        del place["0"]
        place["0"] = h5py.ExternalLink("/etc/hostname", "/x")
    path = pack(tmp_path / "t.keras", members | {"model.weights.h5": stream.getvalue()})
    with pytest.raises(ValueError, match="H5 file with ExternalLink"):
        keras.saving.load_model(path, compile=False, safe_mode=True)
