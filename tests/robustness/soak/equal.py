"""Everything with a state against `fit`: every optimizer with every combination of its options, layers, schedules."""

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from bnbench.training.startup import import_tensorflow

log = logging.getLogger(__name__)


def run(step: int) -> dict[str, Any]:
    """Compare every `step`-th case with `fit` in float64: three seeds on one program, the first of them twice.

    Returns:
        How many trials were compared, how many differ from `fit` by more than the tolerance, or from themselves by a
        bit, and the largest relative difference.
    """
    import_tensorflow()
    from bnbench.training.threads import use_threads
    from support.equality import TOLERANCE, compare_with_fit, tiny_cohort

    use_threads(1)
    compared, different, largest = 0, 0, 0.0
    for changes in islice(cases(), 0, None, step):
        cohort = tiny_cohort(**changes)
        difference, same_bits = compare_with_fit(cohort)
        compared += len(cohort.trials)
        largest = max(largest, difference)
        if not (difference < TOLERANCE and same_bits):
            different += 1
            log.warning("%s: differs from fit by %.1e, same bits: %s", changes, difference, same_bits)
    return {"compared": compared, "different": different, "largest difference": largest}


def cases() -> Iterator[Mapping[str, Any]]:
    """Yield the changes of a tiny experiment, one mapping for each case."""
    from support.equality import WITH_STATE, all_optimizers

    yield from WITH_STATE.values()
    for optimizer in all_optimizers():
        yield {"train__optimizer": {"name": optimizer.name, **optimizer.arguments}}
