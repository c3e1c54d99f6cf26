"""`fit` as somebody tunes it who has read the guide: many steps an execution, compiled.

Convolutions are left to the plain graph on TensorFlow, where XLA is far slower on a CPU.
"""

import os
from collections.abc import Callable
from typing import Any

from benchmarks.networks import NETWORKS
from benchmarks.peers import keras_fit


def prepare(name: str, variant: str) -> Callable[[], float]:
    """One epoch of the network's steps a call."""
    network = NETWORKS[name]
    tuning: dict[str, Any] = {"steps_per_execution": min(network.steps, 50)}
    if os.environ.get("KERAS_BACKEND") != "jax":
        tuning["jit_compile"] = not network.filters
    return keras_fit.prepare(name, variant, **tuning)
