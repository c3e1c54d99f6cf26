"""Plain JAX: parameters in a list, an epoch as one jitted `lax.scan` over the batches."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.networks import Work, work
from benchmarks.peers import timed

Params = list[dict[str, Any]]


def initial(given: Work) -> Params:
    """Return He-uniform kernels and zero biases; with a norm, also its scale and offset."""
    generator = np.random.default_rng(0)
    params: Params = []
    size, channels = given.x.shape[1], given.x.shape[-1]

    def add(shape: tuple[int, ...], norm: bool) -> None:
        bound = np.sqrt(6 / np.prod(shape[:-1]))
        layer = {"w": generator.uniform(-bound, bound, shape).astype("f4"), "b": np.zeros(shape[-1], "f4")}
        if norm:
            layer |= {"scale": np.ones(shape[-1], "f4"), "offset": np.zeros(shape[-1], "f4")}
        params.append(layer)

    for number, filters in enumerate(given.network.filters, start=1):
        add((3, 3, channels, filters), given.norm)
        channels, size = filters, size // 2 if number % 2 == 0 else size
    width = size * size * channels if given.network.filters else int(np.prod(given.x.shape[1:]))
    for units in given.network.dense:
        add((width, units), given.norm)
        width = units
    add((width, given.classes), norm=False)
    return params


def normalize(x: Any, layer: dict[str, Any]) -> tuple[Any, Any]:
    """Return the batch-normalized x, and the mean and variance of the batch."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    return (x - mean) * (lax.rsqrt(variance + 1e-3) * layer["scale"]) + layer["offset"], (mean, variance)


def forward(given: Work, params: Params, x: Any) -> tuple[Any, list[Any]]:
    """Return the logits (rows, classes) and the batch statistics of each norm."""
    statistics = []
    filters = len(given.network.filters)
    for number, layer in enumerate(params, start=1):
        if number <= filters:
            x = lax.conv_general_dilated(x, layer["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x += layer["b"]
        else:
            x = x.reshape(len(x), -1) @ layer["w"] + layer["b"]
        if number == len(params):
            break
        if given.norm:
            x, found = normalize(x, layer)
            statistics.append(found)
        x = jax.nn.relu(x)
        if number <= filters and number % 2 == 0:
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x, statistics


def augment(x: Any, key: Any) -> Any:
    """Flip each image at random and shift it by up to a tenth of its size, with interpolation, as Keras does."""
    flip, shift = jax.random.split(key)
    x = jnp.where(jax.random.bernoulli(flip, 0.5, (len(x), 1, 1, 1)), x[:, :, ::-1], x)
    moves = jax.random.uniform(shift, (len(x), 2), minval=-0.1, maxval=0.1) * x.shape[1]
    return jax.vmap(lambda one, by: jax.image.scale_and_translate(
        one, one.shape, (0, 1), jnp.ones(2), by, "linear"))(x, moves)  # fmt: skip


def update(name: str, params: Any, grads: Any, slots: Any, step: Any, rate: float) -> tuple[Any, Any]:
    """Return new parameters and optimizer slots by the formulas of Keras' optimizers."""
    tree = jax.tree.map
    if name == "sgd":
        first = tree(lambda m, g: 0.9 * m - rate * g, slots[0], grads)
        return tree(lambda p, m, g: p + 0.9 * m - rate * g, params, first, grads), (first,)
    if name == "rmsprop":
        first = tree(lambda v, g: 0.9 * v + 0.1 * g * g, slots[0], grads)
        return tree(lambda p, v, g: p - rate * g * lax.rsqrt(v + 1e-7), params, first, grads), (first,)
    first = tree(lambda m, g: m + (g - m) * 0.1, slots[0], grads)
    second = tree(lambda v, g: v + (g * g - v) * 0.001, slots[1], grads)
    size = rate * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return tree(lambda p, m, v: p - size * m / (jnp.sqrt(v) + 1e-7), params, first, second), (first, second)


def prepare(name: str, variant: str) -> Callable[[], float]:
    """Prepare the network's epochs; each is one call of the scan."""
    given = work(name, variant)
    x_all, y_all, order = jnp.asarray(given.x), jnp.asarray(given.y), jnp.asarray(given.order)
    # Convolutions are 30 times slower here than in the other peers, so one step is enough.
    if given.network.filters:
        order = order[:1]
    params = jax.tree.map(jnp.asarray, initial(given))
    moving = forward(given, params, x_all[:2])[1]

    def loss(params: Params, x: Any, y: Any) -> tuple[Any, Any]:
        logits, statistics = forward(given, params, x)
        right = (logits.argmax(1) == y).sum()
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean(), (right, statistics)

    def step(carry: Any, rows: Any) -> tuple[Any, Any]:
        params, slots, moving, count, key = carry
        x, y = x_all[rows], y_all[rows]
        if given.network.augmented:
            key, own = jax.random.split(key)
            x = augment(x, own)
        (value, (right, found)), grads = jax.value_and_grad(loss, has_aux=True)(params, x, y)
        moving = jax.tree.map(lambda old, new: 0.99 * old + 0.01 * new, moving, found)
        params, slots = update(given.network.optimizer["name"], params, grads, slots, count + 1, 1e-4)
        return (params, slots, moving, count + 1, key), (value, right)

    epoch = jax.jit(lambda carry, order: lax.scan(step, carry, order), donate_argnums=0)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)  # noqa: E731
    slots = (zeros(), zeros()) if given.network.optimizer["name"] == "adam" else (zeros(),)
    state = [(params, slots, moving, jnp.float32(0), jax.random.key(0))]

    def run() -> int:
        for _ in range(given.network.epochs):
            state[0], (losses, _) = epoch(state[0], order)
            losses.block_until_ready()
        return given.network.epochs * len(order)

    run()
    return timed(run)
