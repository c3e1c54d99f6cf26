"""The probes that an experiment can ask for with `probes:`, one record each.

The code that measures is in `training/probes/`, a file of the same name each. What is here is known without Keras.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class AskedProbe:
    """A probe that measures only if an experiment asks for it."""

    name: str
    # How many looks at equal distances it takes over the training, by default. None if it cannot be asked for more.
    looks: int | None = None


# The name of the measurement that says which probes a trial was asked to run: its layer is the name of the probe, its
# value the number of looks.
PROBED = "probed"
ALL = "all"
LOOKS = "looks"
MAX_LOOKS = 1_000
_RECORDS = (
    AskedProbe("sharpness", 0),
    AskedProbe("first_steps"),
    AskedProbe("line_search", 10),
    AskedProbe("effective_rate"),
    AskedProbe("predictiveness", 20),
    AskedProbe("statistics_gap"),
)
ASKED_PROBES = {probe.name: probe for probe in _RECORDS}
