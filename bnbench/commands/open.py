"""Open a results folder for people: with figures, a summary for notebooks, and tables for papers."""

from pathlib import Path
from typing import TYPE_CHECKING

from bnbench.results.results import Results

if TYPE_CHECKING:
    from bnbench.results.presentation import Presentation


def open_results(folder: Path | str, all_trials: bool = False) -> Results:
    """Return the results in a folder. The room `results` may not import `report`, so the two meet here.

    Args:
        folder: the results folder.
        all_trials: as for `Results`.

    Raises:
        ResultsError: there are no results, or they cannot be read.
    """
    return Results(folder, all_trials, _present)


def _present(results: Results) -> "Presentation":
    # The code of the report is imported when something is shown.
    from bnbench.report.presentation import ReportPresentation

    return ReportPresentation(results)
