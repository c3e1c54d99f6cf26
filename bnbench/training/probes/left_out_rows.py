"""How many rows of the data set are in no part of a seed, because the rows of a group stay together."""

from collections.abc import Iterator

from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the number of rows that are left out; nothing if the data have no groups."""
    if moment.compiled.dataset.groups is not None:
        yield Value("left_out_rows", moment.compiled.program.sizes.left_out)


PROBE = Probe(
    name="left_out_rows",
    measures="rows that are in no part, because the rows of a group stay together",
    unit="rows",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
