"""The states of planned trials, looked up among the stored ones."""

from collections.abc import Iterator, Mapping
from itertools import repeat

from bnbench.planning.plan import TrialGrid

NEW = "new"
# States of trials that the next run trains.
UNTRAINED = (NEW, "failed")


def states_of(trials: TrialGrid, stored: Mapping[str, str]) -> Iterator[str]:
    """Return the state of each trial.

    Args:
        stored: trial id -> completed, diverged or failed. A trial that is missing here is new.
    """
    # Without results no id is needed, and a million ids take a second.
    return (stored.get(trial, NEW) for trial in trials.ids()) if stored else repeat(NEW, len(trials))
