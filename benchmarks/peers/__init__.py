"""The ways to train a network that are compared. Each module's `prepare(name, variant)` builds, compiles and warms up,
and gives back a function that trains the network's epochs once and says how many seconds a step took.
"""

import time
from collections.abc import Callable

PEERS = {  # in the order of tables and figures: module, environment, title
    "bnbench": ("ours", {}, "bnbench, one trial"),
    "fit": ("keras_fit", {}, "Keras fit"),
    "fit-tuned": ("keras_tuned", {}, "Keras fit, tuned"),
    "fit-jax": ("keras_tuned", {"KERAS_BACKEND": "jax"}, "Keras fit on JAX, tuned"),
    "jax": ("jax_scan", {}, "JAX, scan by hand"),
    "torch": ("torch_eager", {}, "PyTorch"),
    "torch-compiled": ("torch_compiled", {}, "PyTorch, compiled"),
}
TWO = "bnbench, two trials at a time"  # a step of either, halved


def timed(run: Callable[[], int]) -> Callable[[], float]:
    """Of a function that trains some steps and says how many: one that says seconds a step."""

    def measure() -> float:
        began = time.perf_counter()
        steps = run()
        return (time.perf_counter() - began) / steps

    return measure
