"""What `build` may return, and what its models become."""

import random
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from bnbench.errors import ConfigError
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.training.compiled_settings import CompiledSettings, Setup, join_settings, last_function, read_settings
from bnbench.training.from_keras import Call, ReadModel, read_model
from bnbench.training.shared_weights import count_shared, initial_weights
from bnbench.training.threads import use_threads

# A process can set the number of threads only before TensorFlow computes.
use_threads(1)
SHAPE = (4,)
SCE = keras.losses.SparseCategoricalCrossentropy


def network(norm: Any = None, units: int = 5, last: str | None = None, **changes: Any) -> keras.Model:
    first = [keras.Input(SHAPE), kl.Dense(units, **changes)]
    return keras.Sequential([*first, *([norm()] if norm else []), kl.Activation("relu"), kl.Dense(3, activation=last)])


def read(build: Callable[..., object], shape: tuple[int, ...] = SHAPE, **given: object) -> ReadModel:
    return read_model(Call(build, "plain", given), shape)


def named(read: ReadModel) -> list[tuple[str, str, Mapping[str, Any], tuple[str, ...]]]:
    return [(layer.name, layer.class_name, layer.arguments, layer.inputs) for layer in read.network.layers]


@pytest.mark.parametrize("norm", [None, kl.BatchNormalization])
def test_a_model_is_the_same_list_of_layers_as_in_an_experiment_file(norm: Any) -> None:
    items = [{"dense": 5}, "norm", {"activation": "relu"}, {"dense": 3}]
    wanted = flatten_layers(items, {}, NormSlot("batch" if norm else "none"), "")
    assert named(read(network, norm=norm)) == [(one.name, one.class_name, one.arguments, one.inputs) for one in wanted]


def test_a_model_without_an_input_gets_the_shape_of_x() -> None:
    found = read(lambda: keras.Sequential([kl.Dense(5, "relu"), kl.Dense(3)]), shape=(7,))
    assert found.model.input_shape == (None, 7)
    assert [layer.name for layer in found.network.layers] == ["dense_0", "dense_1"]


def test_the_random_states_of_the_caller_stay() -> None:
    random.seed(5)
    np.random.seed(5)
    before = random.getstate(), str(np.random.get_state())
    read(network)
    assert (random.getstate(), str(np.random.get_state())) == before


def relu(x: Any) -> Any:
    """Has the name of a function of Keras."""
    return -x


class GlorotUniform(keras.initializers.Initializer):  # type: ignore[misc]
    """Has the name of an initializer of Keras."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.zeros(shape, dtype)


class Own(kl.Layer):  # type: ignore[misc]
    """A layer of one's own."""


class Net(keras.Model):  # type: ignore[misc]
    """A model of one's own."""


def loaded() -> keras.Model:
    model = network()
    model.set_weights([np.full_like(value, 0.5) for value in model.get_weights()])
    return model


def seeded() -> keras.Model:
    keras.utils.set_random_seed(42)
    return network()


def at_random() -> keras.Model:
    return network(units=random.randrange(1, 10**6))


def frozen() -> keras.Model:
    model = network()
    model.layers[0].trainable = False
    return model


def shared() -> keras.Model:
    inputs, dense = keras.Input(SHAPE), kl.Dense(4)
    return keras.Model(inputs, dense(dense(inputs)))


MODEL = network()


def two_inputs() -> keras.Model:
    inputs = [keras.Input(SHAPE), keras.Input(SHAPE)]
    return keras.Model(inputs, kl.Add()(inputs))


def operator() -> keras.Model:
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, kl.Dense(3)(inputs + kl.Dense(4)(inputs)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: None, "variants.plain: <lambda>() returned nothing, wanted a Keras model: return keras.Sequential"),
        (lambda: network, "returned a function, wanted a Keras model"),
        (lambda: MODEL, "<lambda>() returns the same model at each call, wanted a new one"),
        (lambda: keras.Sequential, "returned the class Sequential"),
        (lambda: iter([]), "returned a list_iterator"),
        (lambda: Net(), "returned a Net, a subclass of keras.Model, whose code cannot travel"),
        (lambda: keras.Sequential([kl.Dense(3), Own()]), "(Own) is no layer of Keras"),
        (lambda: keras.Sequential([kl.Dense(3), kl.Lambda(lambda x: x)]), "'Lambda'"),
        (lambda: network(activation=relu), "activation is 'relu' of your own"),
        (lambda: network(activation=lambda x: x), "activation is '<lambda>' of your own"),
        (lambda: network(kernel_initializer=GlorotUniform()), "kernel_initializer is 'GlorotUniform' of your own"),
        (loaded, "/kernel holds weights that were loaded or set"),
        (seeded, "sets the global random seed"),
        (at_random, "gives another network at each call: dense_0.units is "),
        (frozen, "is not trainable"),
        (shared, "is called 2 times"),
        (two_inputs, "the model has 2 inputs ("),
        (operator, "keras.layers.Add()([a, b])"),
        (lambda: keras.Sequential([keras.Input((5,)), kl.Dense(3)]), "takes rows of shape (5,), and x has rows of"),
        (lambda: keras.Sequential([kl.Conv2D(3, 3)]), "the model cannot take the rows of x, of shape (4,)"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_what_cannot_travel_is_refused(build: Callable[..., object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(build)
    assert str(caught.value).startswith("variants.plain")
    assert message in str(caught.value)


def test_an_error_in_build_names_the_variant() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        read(lambda depth: 1 // depth, depth=0)
    assert caught.value.__notes__ == ["in <lambda>(depth=0) of the variant 'plain'"]


@pytest.mark.parametrize("initializer", [keras.initializers.HeNormal(seed=3), "zeros", "ones", "he_normal"])
def test_weights_of_an_initializer_are_not_loaded(initializer: Any) -> None:
    assert read(lambda: network(kernel_initializer=initializer)).network.layers


def compiled(
    *, last: str | None = None, optimizer: Any = "sgd", loss: Any = None, classes: int = 3, **more: Any
) -> CompiledSettings:
    def build() -> keras.Model:
        model = network(last=last)
        model.compile(optimizer=optimizer() if callable(optimizer) else optimizer, loss=loss, **more)
        return model

    found = read(build)
    return read_settings(found.model, found.network, Setup(None, None, classes, "variants.plain"))


@pytest.mark.parametrize(
    ("last", "loss", "wanted"),
    [
        (None, "sparse_categorical_crossentropy", {"from_logits": True}),
        ("softmax", "sparse_categorical_crossentropy", {"from_logits": False}),
        ("softmax", keras.losses.sparse_categorical_crossentropy, {"from_logits": False}),
        (None, None, {"from_logits": True}),
        ("softmax", None, {"from_logits": False}),
        (None, SCE(from_logits=True), {"from_logits": True}),
        ("softmax", SCE(), {"from_logits": False}),
        ("relu", SCE(), {"from_logits": False}),
        ("relu", SCE(from_logits=True, ignore_class=1), {"from_logits": True, "ignore_class": 1}),
        (None, {"dense_9": SCE(from_logits=True)}, {"from_logits": True}),
    ],
)  # fmt: skip
def test_from_logits_follows_the_last_layer(last: str | None, loss: Any, wanted: dict[str, object]) -> None:
    if isinstance(loss, dict):
        loss = [*loss.values()]
    assert compiled(last=last, loss=loss).train["loss"] == {"name": "sparse_categorical_crossentropy", **wanted}


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        ("softmax", SCE(from_logits=True), "the last layer puts out probabilities (softmax), but the loss is"),
        (
            None,
            SCE(),
            "the last layer puts out logits, but the loss is SparseCategoricalCrossentropy(from_logits=False)",
        ),
        ("relu", "sparse_categorical_crossentropy", "ends with relu, so it cannot be told"),
        (None, lambda y, p: p, "the loss <lambda> is no loss of Keras"),
        (None, SCE(from_logits=True, reduction="sum"), "the loss has reduction='sum'"),
    ],
    ids=["softmax", "logits", "relu", "lambda", "sum"],
)
def test_losses_that_are_refused(last: str | None, loss: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=r"^variants.plain") as caught:
        compiled(last=last, loss=loss)
    assert message in str(caught.value)


def test_losses_without_classes_and_for_two_of_them() -> None:
    found = read(lambda: keras.Sequential([keras.Input(SHAPE), kl.Dense(1)]))
    for classes, name in ((0, "mean_squared_error"), (2, "binary_crossentropy")):
        settings = read_settings(found.model, found.network, Setup(None, None, classes, ""))
        assert settings.train["loss"]["name"] == name  # type: ignore[index]
    settings = read_settings(found.model, found.network, Setup("adam", {"huber": {"delta": 2}}, 0, ""))
    assert {key: settings.train[key] for key in ("optimizer", "loss")} == {
        "optimizer": "adam",
        "loss": {"huber": {"delta": 2}},
    }


def test_the_optimizer_of_compile_without_its_learning_rate() -> None:
    adam = compiled(optimizer=lambda: keras.optimizers.Adam(0.5, beta_1=0.8), loss="mse", loss_weights=[2.0])
    assert adam.train["optimizer"] == {"name": "adam", "beta_1": 0.8}
    assert adam.notes == (
        "loss_weights of compile() is not used",
        "the learning rate of compile(), 0.5, is not used: learning_rate is swept",
    )
    assert compiled(optimizer="adam", loss="mse").notes == ()


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        (("CosineDecay", 0.1, 50), {"name": "cosine_decay", "decay_steps": 50}),
        (("PiecewiseConstantDecay", [9], [0.1, 0.01]), {"boundaries": [9], "values": [1.0, 0.1]}),
        (("PolynomialDecay", 0.1, 50, 0.001), {"decay_steps": 50, "end_learning_rate": 0.01}),
    ],
)
def test_a_schedule_becomes_one_of_factors(schedule: tuple[Any, ...], wanted: dict[str, object]) -> None:
    name, *given = schedule
    found = compiled(
        optimizer=lambda: keras.optimizers.SGD(getattr(keras.optimizers.schedules, name)(*given)), loss="mse"
    )
    assert found.train["optimizer"] == {"name": "sgd"}
    assert {"name": found.train["schedule"]["name"], **wanted} == found.train["schedule"]  # type: ignore[index]


def test_what_variants_share_is_written_once() -> None:
    sgd, mse = {"name": "sgd"}, {"name": "mean_squared_error"}
    settings = {
        "plain": CompiledSettings({"optimizer": sgd, "loss": mse, "schedule": {"name": "cosine_decay"}}),
        "same": CompiledSettings({"optimizer": sgd, "loss": mse, "schedule": {"name": "cosine_decay"}}),
        "other": CompiledSettings({"optimizer": {"name": "adam"}, "loss": mse}),
        "unset": CompiledSettings({"loss": mse, "schedule": {"name": "cosine_decay"}}),
    }
    shared, own = join_settings(settings, "plain")
    assert shared == settings["plain"].train
    assert own == {
        "plain": {},
        "same": {},
        "other": {"optimizer": {"name": "adam"}, "schedule": None},
        "unset": {"optimizer": "sgd"},
    }


@pytest.mark.parametrize(
    ("end", "function"),
    [
        ([kl.Dense(3)], "linear"),
        ([kl.Dense(3), kl.Softmax()], "softmax"),
        ([kl.Dense(1), kl.Activation("sigmoid"), kl.Flatten()], "sigmoid"),
        ([kl.Dense(3), kl.ReLU()], "relu"),
        ([kl.Reshape((2, 2)), kl.LSTM(3)], "tanh"),
        ([kl.Reshape((2, 2, 1)), kl.Conv2D(3, 1), kl.GlobalAveragePooling2D()], "linear"),
        ([kl.Dense(3), kl.BatchNormalization()], "linear"),
    ],
)
def test_the_function_that_gives_the_outputs(end: list[Any], function: str) -> None:
    found = read(
        lambda: keras.Sequential([keras.Input(SHAPE), *(type(one).from_config(one.get_config()) for one in end)])
    )
    assert last_function(found.network.layers) == function


def test_shared_initial_values_are_counted() -> None:
    plain, batchnorm = (read(network, norm=norm).network.layers for norm in (None, kl.BatchNormalization))
    wider = read(network, units=6).network.layers
    weights = [initial_weights(layers, SHAPE, "float32") for layers in (plain, batchnorm, wider)]
    counted = count_shared(batchnorm, weights[1], weights[0])
    assert (counted.shared, counted.total, counted.others) == (4, 8, ())
    said = counted.describe("batchnorm", "plain")
    assert said.startswith(
        "batchnorm starts with the same values as plain in 4 of its 8 arrays; the others are those of"
    )
    counted = count_shared(wider, weights[2], weights[0])
    assert (counted.shared, counted.total) == (1, 4)
    assert counted.others == ("dense_0/kernel", "dense_0/bias", "dense_1/kernel")
