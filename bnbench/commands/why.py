"""How one trial failed, from what is stored; without Keras."""

from pathlib import Path

from bnbench.results.failure import Explanation, explain_trial
from bnbench.results.find_trial import find_trial
from bnbench.results.results import Results


def explain(folder: Path, which: str) -> Explanation:
    """Return what is known about the course of a trial.

    Args:
        folder: the results folder.
        which: the beginning of the id or of the name of the trial.

    Raises:
        ResultsError: there are no results, or no such trial, or there are several.
    """
    results = Results(folder)
    return explain_trial(results, find_trial(results, which))
