"""`fit` tuned as the Keras guide recommends: many steps per execution, compiled.

On TensorFlow, convolutions use the plain graph, because XLA is much slower for them on a CPU.
"""

import os
from collections.abc import Callable
from typing import Any

from benchmarks.networks import NETWORKS
from benchmarks.peers import keras_fit


def prepare(name: str, variant: str) -> Callable[[], float]:
    """Prepare the training; each call trains the network's epochs."""
    network = NETWORKS[name]
    tuning: dict[str, Any] = {"steps_per_execution": min(network.steps, 50)}
    if os.environ.get("KERAS_BACKEND") != "jax":
        tuning["jit_compile"] = not network.filters
    return keras_fit.prepare(name, variant, **tuning)
