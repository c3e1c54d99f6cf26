"""What the seeds of stored results can show, and how many it takes for a narrower interval."""

from dataclasses import dataclass
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.results.power import Power, power_of, seconds_per_seed
from bnbench.results.results import Results


@dataclass(frozen=True)
class PowerSummary:
    """The comparisons of a results folder.

    Attributes:
        baseline: the variant that the others are compared with.
        score: the column that is compared.
        score_name: the name of the score: accuracy or R2.
        within: the wanted half-width.
        rows: one for each comparison.
        seconds: the time that a further seed takes, with all of its rates and variants.
    """

    baseline: str
    score: str
    score_name: str
    within: float
    rows: list[Power]
    seconds: float


def read_power(folder: Path, within: float, score: str = "test_score") -> PowerSummary:
    """Return what the seeds of a results folder can show about differences at own best rates.

    Args:
        folder: the results folder.
        within: half of the width of an interval that would be narrow enough, in the unit of the score.
        score: the column that is compared.

    Raises:
        ResultsError: the folder has no results, or nothing to compare.
    """
    results = Results(folder)
    table = results.differences_at_best(score)
    if table.empty:
        raise ResultsError(f"{folder}: no variant has finished a seed together with {results.baseline}")
    rows = [power_of(row, results.axes, within) for row in table.to_dict("records")]
    return PowerSummary(results.baseline, score, results.score_name, within, rows, seconds_per_seed(results))
