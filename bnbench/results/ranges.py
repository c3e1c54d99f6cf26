"""A metric at several values of an axis -> what is known about a claim on its range."""

from collections.abc import Sequence

from bnbench.analysis.axis_ranges import compare_ranges, range_across
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.per_seed import PerSeedScores
from bnbench.analysis.registry import Metric
from bnbench.results.findings import Finding, note_left_out

BOUNDS = "the interval bounds all differences between two values of the axis at once"
CAUTION = "the range of noisy means is higher than that of the true ones, so a smaller range may only mean less noise"


def find_range(kind: str, metric: Metric, samples: Sequence[Sequence[PerSeedScores]], planned: int) -> Finding:
    """Return what is known about the range of a metric across an axis, or about two ranges compared.

    Args:
        kind: `value`, `difference` or `ratio`.
        metric: what is judged.
        samples: for each variant, the metric by seed at each value of the axis.
        planned: the number of seeds.
    """
    ranges = [range_across(one, metric.difference_bounds, families=len(samples)) for one in samples]
    found = ranges[0] if kind == "value" else compare_ranges(kind, ranges[0], ranges[-1])
    left_out = note_left_out(planned, found.n)
    if not found.n:
        return Finding().noted("no seed has finished all of its trials")
    finding = Finding(found.estimate, found.low, found.high, found.n)
    if found.n < MIN_VALUES:
        return finding.noted(f"needs {MIN_VALUES} seeds for an interval, has {found.n}", left_out)
    return finding.noted(found.why or BOUNDS, CAUTION, left_out)
