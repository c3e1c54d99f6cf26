"""The ways to train a network that are compared.

In each module, `prepare(name, variant)` builds, compiles and warms up. It returns a function that trains the network's
epochs once and returns the seconds per step.
"""

import time
from collections.abc import Callable

# In the order of tables and figures: module, environment, title.
PEERS = {
    "bnbench": ("ours", {}, "bnbench, one trial"),
    "fit": ("keras_fit", {}, "Keras fit"),
    "fit-tuned": ("keras_tuned", {}, "Keras fit, tuned"),
    "fit-jax": ("keras_tuned", {"KERAS_BACKEND": "jax"}, "Keras fit on JAX, tuned"),
    "jax": ("jax_scan", {}, "JAX, scan by hand"),
    "torch": ("torch_eager", {}, "PyTorch"),
    "torch-compiled": ("torch_compiled", {}, "PyTorch, compiled"),
}
# Half the time of a step, when two trials run at the same time.
TWO = "bnbench, two trials at a time"


def timed(run: Callable[[], int]) -> Callable[[], float]:
    """Return a function that measures the seconds per step; `run` trains some steps and returns their number."""

    def measure() -> float:
        began = time.perf_counter()
        steps = run()
        return (time.perf_counter() - began) / steps

    return measure
