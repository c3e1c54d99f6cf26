"""Join the results folders of one sweep, and write the report."""

from collections.abc import Sequence
from pathlib import Path

from bnbench.commands.open import open_results
from bnbench.commands.write_report import import_report
from bnbench.results.results import Results
from bnbench.store.merge import MergeSummary, merge_folders


def merge_results(out: Path, folders: Sequence[Path]) -> tuple[MergeSummary, Results]:
    """Copy the trials of several results folders with the same plan into one, and write its report.

    Raises:
        ResultsError: a folder has no results or another plan, or `out` cannot be written.
    """
    summary = merge_folders(out, folders)
    import_report()
    from bnbench.report import write

    results = open_results(out)
    write.write_report(out, None, None, False, write.ReportDrawing(results))
    return summary, results
