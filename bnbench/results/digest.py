"""What was found, in small files beside the database, so that results without it can still tell: git holds such."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from bnbench.errors import ResultsError, shorten
from bnbench.results.claims import WEAKEST_FIRST
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.csv_safety import unescape_formulas

TABLES = {"claims": results_dir.CLAIMS, "published": results_dir.PUBLISHED}
NUMBERS = {  # columns; all others are text: a variant may be called 200
    "claims": ["estimate", "low", "high", "n"],
    "published": ["learning_rate", "published", "mean", "sd", "n", "low", "high", "difference"],
}
TEXTS = {
    "claims": ["text", "metric", "of", "over", "bound", "verdict", "reason"],
    "published": ["source", "variant", "metric", "note"],
}
KINDS = {"name": str, "title": str, "planned": int, "ended": int, "failed": int, "seconds": int | float}  # of RUN


@dataclass(frozen=True)
class Digest:
    """What is known of an experiment from its results."""

    name: str
    title: str
    planned: int  # trials
    ended: int
    failed: int
    seconds: float  # of training, summed over the trials
    claims: pd.DataFrame = field(default_factory=pd.DataFrame)  # as `Results.claims`
    published: pd.DataFrame = field(default_factory=pd.DataFrame)  # as `Results.published`
    environment: Mapping[str, Any] = field(default_factory=dict)  # of the last run that trained


def make_digest(results: Results) -> Digest:
    """What the results of an experiment tell."""
    experiment, failed = results.experiment, len(results.faults)
    return Digest(
        name=experiment.name if experiment else results.folder.name,
        title=experiment.title if experiment else "",
        planned=results.planned,
        ended=len(results.trials) - failed,
        failed=failed,
        seconds=round(float(results.trials["seconds"].sum()), 3),
        claims=results.claims,
        published=results.published,
        environment=results.environment,
    )


def write_digest(folder: Path, found: Digest) -> list[Path]:
    """Write run.json, and claims.csv and published.csv where there is something to say; returns their paths.

    Raises:
        ResultsError: the folder cannot be written.
    """
    run = {name: getattr(found, name) for name in ("name", "title", "planned", "ended", "failed", "seconds")}
    results_dir.write_text(folder / results_dir.RUN, json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    tables = {name: getattr(found, name) for name in TABLES}
    for name, file in TABLES.items():
        if tables[name].empty:
            (folder / file).unlink(missing_ok=True)  # of an experiment that has stated something before
    told = {name: table for name, table in tables.items() if len(table)}
    return [folder / results_dir.RUN, *results_dir.write_tables(folder, told)]


def read_digest(folder: Path) -> Digest | None:
    """What `write` has left in a folder; None where it has not been.

    Raises:
        ResultsError: it cannot be read.
    """
    run = results_dir.read_json(folder / results_dir.RUN)
    if not run:
        return None
    wrong = [name for name, kind in KINDS.items() if not isinstance(run.get(name), kind)]
    wrong += [name for name, value in run.items() if isinstance(value, int | float) and not 0 <= value < 2**63]
    if wrong or run.keys() != KINDS.keys():
        where = ", ".join(wrong or sorted(run.keys() - KINDS.keys()))
        raise ResultsError(f"{folder / results_dir.RUN}: not as bnbench writes it ({where}); remove it to go on")
    claims, published = (_table(folder / file, name) for name, file in TABLES.items())
    return Digest(**run, claims=claims, published=published, environment=_environment(folder))


def _environment(folder: Path) -> Mapping[str, Any]:
    environment = results_dir.read_environment(folder)
    data, packages = environment.get("data", {}), environment.get("packages", {})
    try:
        sound = all(isinstance(facts["form"], str) and isinstance(facts["rows"], int) for facts in data.values())
        sound &= all(isinstance(version, str | None) for version in packages.values())
        sound &= isinstance(environment.get("commit"), str | None)
    except (AttributeError, TypeError, KeyError):
        sound = False
    if not sound:
        raise ResultsError(f"{folder / results_dir.ENVIRONMENT}: not as bnbench writes it; remove it to go on")
    return environment


def _table(path: Path, name: str) -> pd.DataFrame:
    """A table of text but for some columns of numbers; empty where there is no file."""
    if not path.exists():
        return pd.DataFrame()
    try:
        table = unescape_formulas(pd.read_csv(StringIO(results_dir.read_text(path)), dtype=str, keep_default_na=False))
        if missing := {*TEXTS[name], *NUMBERS[name]} - {*table}:
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        if wrong := {*table.get("verdict", [])} - {*WEAKEST_FIRST}:
            raise ValueError(f"no verdict: {shorten(min(wrong))}")
        return table.assign(**{number: pd.to_numeric(table[number]).astype(float) for number in NUMBERS[name]})
    except (OSError, ValueError, OverflowError) as error:
        raise ResultsError(f"{path}: cannot be read ({str(error)[:200]}); `bnbench report` writes it anew") from error
