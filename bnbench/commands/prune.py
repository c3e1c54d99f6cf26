"""Remove stored trials that are not part of the present plan, and write the report again."""

from pathlib import Path

from bnbench.commands.write_report import write_report
from bnbench.store import prune
from bnbench.store.prune import Prunable


def prune_results(folder: Path, shown: Prunable) -> Prunable:
    """Remove trials from a results folder and write the report again, which counts the trials outside the plan.

    Args:
        folder: the results folder.
        shown: what may be removed, from `store.prune.find_prunable`.

    Returns:
        What was removed. A trial that another command has planned again meanwhile stays.

    Raises:
        ResultsError: another process uses the folder, or it cannot be read or written.
    """
    removed = prune.prune_folder(folder, shown)
    if removed.trials:
        write_report(folder)
    return removed
