"""The share of units of each hidden layer that are dead: their activation passes no gradient for any row.

A unit is a feature of a dense layer or a channel of a convolution.
"""

from collections.abc import Iterator

from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the share of each hidden layer that can have dead units, on at most `forward.MAX_ROWS` validation rows."""
    for name, units in moment.forward_pass.saturated.items():
        yield Value("dead_share", float(units.mean()), name)


PROBE = Probe(
    name="dead_units",
    measures="share of the units of a hidden layer whose activation passes no gradient for any row",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
)
