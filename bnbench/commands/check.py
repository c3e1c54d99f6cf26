"""Judge the claims of an experiment by its results."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bnbench.errors import ResultsError
from bnbench.results.results import Results
from bnbench.store import results_dir


@dataclass(frozen=True)
class JudgedClaims:
    """The verdicts on the claims of an experiment, and how many trials they use."""

    # One row per claim: the table `Results.claims`.
    claims: pd.DataFrame
    # Trials that have completed or diverged.
    ended: int
    planned: int

    @property
    def refuted(self) -> int:
        """The number of refuted claims."""
        return int((self.claims["verdict"] == "refuted").sum())


def judge_claims(folder: Path) -> JudgedClaims:
    """Return the verdicts on the claims of the experiment in a results folder.

    Raises:
        ResultsError: the folder has no results, or its stored experiment is missing or unreadable.
    """
    results = Results(folder)
    if results.experiment is None:
        raise ResultsError(f"{folder / results_dir.CONFIG}: missing or not readable, so the claims are unknown")
    return JudgedClaims(results.claims, len(results.trials) - len(results.faults), results.planned)
