"""The probes that an experiment can ask for with `probes:`, one record each.

The code that measures is in `training/probes/`, a file of the same name each. What is here is known without Keras.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class AskedProbe:
    """A probe that measures only if an experiment asks for it."""

    name: str
    # What it measures, in words.
    measures: str
    # How many looks at equal distances it takes over the training, by default. None if it cannot be asked for more.
    looks: int | None = None


# The name of the measurement that says which probes a trial was asked to run: its layer is the name of the probe, its
# value the number of looks.
PROBED = "probed"
ALL = "all"
LOOKS = "looks"
MAX_LOOKS = 1_000
_RECORDS = (
    AskedProbe("sharpness", "the largest eigenvalue of the Hessian of the loss, and its product with the rate", 0),
    AskedProbe("first_steps", "gradient norm, update over weight and dead units by layer, in the first 200 steps"),
    AskedProbe("line_search", "the loss along the gradient: the best step, and the first that makes it worse", 10),
    AskedProbe("effective_rate", "the norm of every kernel, the rate over its square, and the angle of an update"),
    AskedProbe("predictiveness", "how much loss and gradient change along the gradient (Santurkar et al. 2018)", 20),
    AskedProbe("statistics_gap", "the score with re-estimated moving statistics, and with those of a longer momentum"),
)
ASKED_PROBES = {probe.name: probe for probe in _RECORDS}
