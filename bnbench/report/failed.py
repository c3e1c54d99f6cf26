"""Results -> the trials that failed: which ones, and why. They are in no other table."""

from bnbench.analysis.labels import RateFormat, axis_name, format_setting
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results
from bnbench.store.privacy import without_paths


def failed_table(results: Results) -> Table | None:
    """Return a row for each trial that failed, or None if none did."""
    trials = results.trials
    failed = trials[trials["status"] == "failed"]
    if failed.empty:
        return None
    reasons, rate_text = dict(results.faults), RateFormat(trials["learning_rate"])
    rows = [
        [
            Cell(str(row["variant"])), *(Cell(format_setting(row[axis])) for axis in results.axes),
            Cell(rate_text(row["learning_rate"]), row["learning_rate"]), Cell(str(row["seed"]), row["seed"]),
            Cell(without_paths(reasons[row["trial"]])),
        ]
        for row in failed.to_dict("records")
    ]  # fmt: skip
    caption = "A fault is no result: these trials are in no number, and the same command tries them again."
    return Table(caption, ["variant", *map(axis_name, results.axes), "rate", "seed", "reason"], rows)
