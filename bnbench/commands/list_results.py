"""The results folders in a directory, each in a line: how many trials, when, and the best variant."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from bnbench.analysis.columns import SUMMARY, column_names
from bnbench.analysis.labels import RateFormat, format_percent
from bnbench.analysis.trials import cell_label
from bnbench.errors import BnbenchError, ResultsError
from bnbench.results import digest
from bnbench.store import results_dir, store


@dataclass(frozen=True)
class FolderListing:
    """One results folder."""

    name: str
    folder: str
    # Trials of the plan that completed or diverged, and those that failed.
    ended: int = 0
    planned: int = 0
    failed: int = 0
    # Stored trials outside the plan. 0 if the database is not here.
    outside: int = 0
    # When the database was last written, as in 2026-01-31 12:00; empty if it is not here.
    when: str = ""
    # The variant and rate with the highest mean validation score, as the last report has it; empty if unknown.
    best: str = ""
    # Why the folder cannot be read; empty if it can.
    problem: str = ""


def list_folders(directory: Path) -> list[FolderListing]:
    """Return the results folders in a directory, by name. A folder that cannot be read has its problem in the list.

    Raises:
        ResultsError: there is no such directory, or it cannot be read.
    """
    try:
        folders = sorted(path for path in directory.iterdir() if path.is_dir())
    except OSError as error:
        raise ResultsError(f"{directory}: cannot be read: {error.strerror}") from error
    return [_describe(folder) for folder in folders if _has_any(folder)]


def _has_any(folder: Path) -> bool:
    return any((folder / name).exists() for name in (store.DATABASE, results_dir.RUN))


def _describe(folder: Path) -> FolderListing:
    try:
        stored, best = store.has_results(folder), _best(folder)
        return _from_database(folder, best) if stored else _from_digest(folder, best)
    except BnbenchError as error:
        return FolderListing(folder.name, str(folder), problem=str(error))


def _from_database(folder: Path, best: str) -> FolderListing:
    with store.open_for_reading(folder) as opened:
        counts = opened.counts()
    written = datetime.fromtimestamp((folder / store.DATABASE).stat().st_mtime).astimezone()
    when = written.isoformat(" ", "minutes")[:16]
    return FolderListing(
        folder.name, str(folder), counts.ended, counts.planned, counts.failed, counts.outside, when, best
    )


def _from_digest(folder: Path, best: str) -> FolderListing:
    """Return what git has of a results folder: no database."""
    found = digest.read_digest(folder)
    if found is None:
        return FolderListing(folder.name, str(folder))
    return FolderListing(folder.name, str(folder), found.ended, found.planned, found.failed, best=best)


def _best(folder: Path) -> str:
    """Return for example `batchnorm at 0.1: accuracy 0.9712 (n = 3)`, from summary.csv."""
    summary = digest.read_summary(folder)
    if not {"variant", "learning_rate", "n", "validation_score_mean"} <= {*summary.columns}:
        return ""
    # The file may come from another person.
    scores, rates = (
        pd.to_numeric(summary[name], errors="coerce") for name in ("validation_score_mean", "learning_rate")
    )
    if not scores.notna().any():
        return ""
    at = int(np.nanargmax(scores.to_numpy()))
    row = {str(name): value for name, value in summary.iloc[at].to_dict().items()}
    axes = [name for name in row if name not in column_names(SUMMARY)]
    score = f"{row.get('score_name', 'score')} {format_percent(scores.iloc[at])}"
    return f"{cell_label(row, axes)} at {RateFormat(rates)(rates.iloc[at])}: {score} (n = {row['n']})"
