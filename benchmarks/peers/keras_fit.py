"""`compile` and `fit` as most people write them."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.networks import Work, program, work


def model(name: str, variant: str) -> Any:
    """Return the network as a keras.Sequential, from bnbench's own builder."""
    from bnbench.training.builder import build_model

    asked = program(name, variant)
    return build_model(asked.layers, asked.facts.shape, "float32", seed=0)


def optimizer(given: Work) -> Any:
    """Return the optimizer that the network's record names."""
    import keras

    arguments = dict(given.network.optimizer)
    return keras.optimizers.get({"class_name": arguments.pop("name"), "config": {"learning_rate": 1e-4, **arguments}})


def prepare(name: str, variant: str, **tuning: Any) -> Callable[[], float]:
    """Prepare training on arrays in memory; each call trains the network's epochs."""
    import keras

    given = work(name, variant)
    built = model(name, variant)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    built.compile(optimizer(given), loss, metrics=["accuracy"], **tuning)
    rows = given.order.reshape(-1)
    whole = len(given.x) // given.batch_size * given.batch_size
    x, y = given.x[rows[:whole]], given.y[rows[:whole]]
    epochs = given.network.epochs

    times: list[float] = []
    epoch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: times.append(time.perf_counter()),
        on_epoch_end=lambda *_: times.append(time.perf_counter()),
    )

    # The time leaves out what `fit` does once per call, because a real training has more and longer epochs.
    def run() -> float:
        times.clear()
        built.fit(x, y, batch_size=given.batch_size, epochs=epochs, verbose=0, callbacks=[epoch])
        return (times[-1] - times[0]) / (epochs * len(x) // given.batch_size)

    run()
    return run
