"""Judge the claims of an experiment by its results."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bnbench.errors import ResultsError
from bnbench.results.caveats import outside_sentence
from bnbench.results.results import Results


@dataclass(frozen=True)
class JudgedClaims:
    """The verdicts on the claims of an experiment, and how many trials they use."""

    # One row per claim: the table `Results.claims`.
    claims: pd.DataFrame
    # Trials that have completed or diverged.
    ended: int
    planned: int
    # What the claims compare: accuracy or R².
    score_name: str
    # Why the stored config cannot be read as a whole; empty if it can.
    problem: str
    # Claims of the stored config that cannot be read, and so are not judged.
    unread: int
    # Says which stored trials no verdict uses, because they are not part of the plan; empty if there are none.
    outside: str = ""

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
    config = results.config
    if config.problem and not config.claims:
        raise ResultsError(f"{folder}: {config.problem}")
    ended = len(results.trials) - len(results.faults)
    return JudgedClaims(
        results.claims,
        ended,
        results.planned,
        results.score_name,
        config.problem,
        config.unread_claims,
        outside_sentence(results),
    )
