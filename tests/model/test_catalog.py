import ast
import inspect

import keras
import pytest

from bnbench.errors import ConfigError
from bnbench.model import arguments, catalog


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dense", "Dense"),
        ("Dense", "Dense"),
        ("conv2d", "Conv2D"),
        ("conv_2d", "Conv2D"),
        ("max_pool2d", "MaxPooling2D"),
        ("re_lu", "ReLU"),
        ("relu", "ReLU"),
        ("batch_normalization", "BatchNormalization"),
    ],
)
def test_snake_case_and_class_names_resolve(name: str, wanted: str) -> None:
    assert catalog.resolve_class("layers", name, "here") == wanted


def test_short_names_of_schedules_losses_and_callbacks() -> None:
    assert catalog.resolve_class("schedules", "inverse_time", "here") == "InverseTimeDecay"
    assert catalog.resolve_class("schedules", "cosine_decay", "here") == "CosineDecay"
    assert catalog.resolve_class("losses", "mse", "here") == "MeanSquaredError"
    assert catalog.resolve_class("callbacks", "tensorboard", "here") == "TensorBoard"


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        ("layers", "dens", "'dens' is no layer of Keras .did you mean 'dense'"),
        ("layers", "lambda", "runs code from the config: use activation"),
        ("layers", "TFSMLayer", "runs code that is not in the config"),
        ("layers", "text_vectorization", "reads words or a file of words"),
        ("layers", "layer", "computes nothing"),
        ("layers", "os.system", "is no layer"),
        ("layers", "deserialize", "is no layer"),
        ("optimizers", "sdg", "did you mean 'sgd'"),
        ("callbacks", "remote_monitor", "cannot be used in a config: wanted one of early_stopping"),
        ("callbacks", "lambda_callback", "cannot be used"),
        ("callbacks", "early_stoping", "did you mean 'early_stopping'"),
    ],
)
def test_names_that_a_config_must_not_use_are_refused(family: str, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        catalog.resolve_class(family, name, "here")


@pytest.mark.parametrize("family", catalog.FAMILIES)
def test_names_and_arguments_are_those_of_the_installed_keras(family: str) -> None:
    module = {"schedules": keras.optimizers.schedules}.get(family) or getattr(keras, family)
    public = {name: thing for name, thing in vars(module).items() if isinstance(thing, type)}
    assert public
    refused: list[str] = []
    for name, thing in public.items():
        try:
            resolved = catalog.resolve_class(family, name, "here")
        except ConfigError as error:
            refused.append(str(error))
            continue
        assert getattr(module, resolved) is thing
        if inspect.isfunction(thing.__init__):
            parameters = list(inspect.signature(thing.__init__).parameters.values())[1:]
            names = {p.name for p in parameters if p.kind not in {p.VAR_POSITIONAL, p.VAR_KEYWORD}}
            assert set(arguments.class_signature(family, resolved).defaults) == names, name
    if family != "layers":
        assert all("cannot be used" in message for message in refused)
    assert len(refused) < len(public)


def test_saved_models_may_have_layers_that_an_earlier_version_trained() -> None:
    assert catalog.find_class("layers", "MixUp") is None
    assert catalog.may_be_saved("layers", "MixUp")
    assert catalog.may_be_saved("layers", "Dense")
    assert not any(catalog.may_be_saved("layers", name) for name in ("Lambda", "TFSMLayer", "Bidirectional", "Hyper"))
    assert catalog.may_be_saved("initializers", "Zeros")


def test_activations_are_those_of_the_installed_keras() -> None:
    assert {"relu", "softmax", "tanh"} < catalog.activation_names()
    for name in catalog.activation_names():
        assert callable(keras.activations.get(name))


def test_arguments_are_checked_by_name() -> None:
    check = arguments.check_arguments
    assert check("layers", "dense", {"units": 3, "trainable": False}, "here") == "Dense"
    with pytest.raises(ConfigError, match=r"here: unit: Dense has no such argument .did you mean 'units'"):
        check("layers", "dense", {"unit": 3}, "here")
    with pytest.raises(ConfigError, match="here: Dense needs units"):
        check("layers", "dense", {}, "here")
    with pytest.raises(ConfigError, match=r"here: seed: Dropout has no such argument"):
        check("layers", "dropout", {"rate": 0.1, "seed": 1}, "here")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "rescaling",
            {"scale": {"class_name": "__lambda__"}},
            "here: scale: found .*, wanted a number, or a list, each a number",
        ),
        ("reshape", {"target_shape": [[{"a": 1}]]}, "here: target_shape: found .*, wanted a list, each -1, or a whole"),
        ("dropout", {"rate": "odd"}, "here: rate: found 'odd', wanted a number"),
        ("dense", {"units": 3, "use_bias": 1}, "here: use_bias: found 1, wanted true or false"),
        ("dense", {"units": 3, "trainable": "no"}, "here: trainable: found 'no', wanted true or false"),
        ("dense", {"units": 3, "activation": {"relu": None}}, "wanted one of celu, elu"),
        ("dense", {"units": 3, "quantization_config": {"module": "os"}}, "quantization_config: found .*, wanted"),
        ("conv2d", {"filters": 3, "kernel_size": 3, "padding": 5}, "here: padding: found 5, wanted one of valid, same"),
        ("random_shear", {"x_factor": [0.1, "odd"]}, "here: x_factor: found .*, wanted a number"),
    ],
)
def test_an_argument_of_the_wrong_kind_is_refused(name: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        arguments.check_arguments("layers", name, given, "here")


def test_a_default_is_parsed_and_never_evaluated() -> None:
    assert arguments._literal(ast.parse("1e-3", mode="eval").body) == 0.001
    assert arguments._literal(ast.parse("open('x')", mode="eval").body) == "open('x')"
