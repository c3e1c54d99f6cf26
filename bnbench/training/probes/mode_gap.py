"""The gap of batch normalization between its modes: score with batch statistics minus score with moving ones."""

from collections.abc import Iterator

from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the gap on the validation part, if the network has batch normalization; see `CompiledProgram.mode_gap`."""
    gap = moment.compiled.mode_gap(moment.start)
    if gap is not None:
        yield Value("bn_mode_gap", gap)


PROBE = Probe(
    name="mode_gap",
    measures="validation score by the statistics of each batch minus by the moving ones",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
)
