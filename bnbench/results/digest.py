"""The digest of an experiment: its claims, published values and totals, in small files that git can hold.

Results without their database can still be listed with these files. Files of earlier versions are read, too: their
metrics have former names, a range across an axis is part of the metric's name, and some columns are missing.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from bnbench.analysis.columns import ACCURACY, CLAIMS, PUBLISHED, R2, column_names, rename_former
from bnbench.analysis.registry import find_metric
from bnbench.analysis.step_times import UNTIMED
from bnbench.config.expectations import FORMER_EDGE
from bnbench.errors import ResultsError, shorten, shorten_name
from bnbench.results.earlier_claims import complete_claims
from bnbench.results.judgment import INCONCLUSIVE, VERDICTS, is_open
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.csv_safety import unescape_formulas

TABLES = {"claims": results_dir.CLAIMS, "published": results_dir.PUBLISHED}
COLUMNS = {"claims": CLAIMS, "published": PUBLISHED}
# All other columns are text: a variant may be called 200.
NUMBERS = {name: column_names(columns, "number", "integer") for name, columns in COLUMNS.items()}
TEXTS = {name: column_names(columns, "text") for name, columns in COLUMNS.items()}
# What earlier versions did not write.
TEXTS_OF_RUN = ("question", "answer", "main_claim")
TOTALS = {"name": str, "title": str, "planned": int, "ended": int, "failed": int, "seconds": int | float}
# The maximum number of characters of a text: a title or a claim.
MAX_TEXT = 500
# Columns that earlier versions did not write, after which column each is.
LATER = {
    "claims": {
        "source": "text", "basis": "source", "epoch": "across", "rope": "bound", "rounds": "n", "p": "rounds",
        "seeds_needed": "p", "verdict_text": "verdict",
    },
    "published": {"basis": "source", "epoch": "metric", "why_outside": "note"},
}  # fmt: skip
# Earlier versions wrote the axis into the metric.
RANGE = re.compile(r"range of (\w+) across (.*)", re.DOTALL)


@dataclass(frozen=True)
class Digest:
    """The main facts about the results of an experiment.

    Attributes:
        planned, ended, failed: numbers of trials.
        seconds: the training time, summed over the trials.
        claims: the table `Results.claims`.
        published: the table `Results.published`.
        environment: the environment of the last run that trained.
        score_name: what the scores are, accuracy or R².
        question: the question that the experiment helps to answer; empty if it names none.
        answer: the first sentence of its answer; empty in results of earlier versions.
        main_claim: the text of its main claim; empty if it names none.
    """

    name: str
    title: str
    planned: int
    ended: int
    failed: int
    seconds: float
    claims: pd.DataFrame = field(default_factory=pd.DataFrame)
    published: pd.DataFrame = field(default_factory=pd.DataFrame)
    environment: Mapping[str, Any] = field(default_factory=dict)
    score_name: str = ACCURACY
    question: str = ""
    answer: str = ""
    main_claim: str = ""

    @property
    def shown_claim(self) -> Mapping[Any, Any] | None:
        """The row of the main claim, of the first decided one, or of the first; None without claims."""
        rows = self.claims.to_dict("records")
        main = [row for row in rows if row["text"] == self.main_claim]
        return next(iter([*main, *(row for row in rows if not is_open(row)), *rows]), None)


def make_digest(results: Results, answer: str = "") -> Digest:
    """Return the digest of results; `answer` is the first sentence of their answer."""
    failed = len(results.faults)
    return Digest(
        name=results.config.name,
        title=results.config.title,
        planned=results.planned,
        ended=len(results.trials) - failed,
        failed=failed,
        seconds=float(results.trials["seconds"].sum()),
        claims=results.claims,
        published=results.published,
        environment=results.environment,
        score_name=results.score_name,
        question=results.config.question,
        answer=answer,
        main_claim=next((claim.text for claim in results.config.claims if claim.main), ""),
    )


def write_digest(folder: Path, digest: Digest) -> list[Path]:
    """Write run.json, and claims.csv and published.csv where they have rows; return their paths.

    Raises:
        ResultsError: the folder cannot be written.
    """
    run = {name: getattr(digest, name) for name in (*TOTALS, "score_name", *TEXTS_OF_RUN)}
    results_dir.write_text(folder / results_dir.RUN, json.dumps(run, indent=1, ensure_ascii=False) + "\n")
    tables = {name: getattr(digest, name) for name in TABLES}
    for name, file in TABLES.items():
        # An earlier run of the experiment may have had claims.
        if tables[name].empty:
            (folder / file).unlink(missing_ok=True)
    filled = {name: table for name, table in tables.items() if len(table)}
    return [folder / results_dir.RUN, *results_dir.write_tables(folder, filled)]


def read_digest(folder: Path) -> Digest | None:
    """Return the digest in a folder, or None if there is no digest.

    Raises:
        ResultsError: it cannot be read.
    """
    run = results_dir.read_json(folder / results_dir.RUN)
    if not run:
        return None
    wrong = [name for name, kind in TOTALS.items() if not isinstance(run.get(name), kind)]
    wrong += [name for name, value in run.items() if isinstance(value, int | float) and not 0 <= value < 2**63]
    wrong += [] if run.get("score_name", ACCURACY) in (ACCURACY, R2) else ["score_name"]
    wrong += [name for name in TEXTS_OF_RUN if not isinstance(run.get(name, ""), str)]
    if wrong or run.keys() - {"score_name", *TEXTS_OF_RUN} != TOTALS.keys():
        where = ", ".join(wrong or sorted(run.keys() - {*TOTALS, "score_name", *TEXTS_OF_RUN}))
        raise ResultsError(f"{folder / results_dir.RUN}: not as bnbench writes it ({where}); remove it to go on")
    claims, published = (_read_table(folder / file, name) for name, file in TABLES.items())
    run.setdefault("score_name", _score_name(claims, published))
    run["name"], run["title"] = shorten_name(run["name"]), shorten_name(run["title"], MAX_TEXT)
    run |= {name: shorten_name(run[name], MAX_TEXT) for name in TEXTS_OF_RUN if name in run}
    environment, current = _environment(folder), _with_current_metrics
    claims = _complete(_without_times_of_trials(current(claims)), folder / results_dir.CLAIMS)
    return Digest(**run, claims=claims, published=current(published), environment=environment)


def read_summary(folder: Path) -> pd.DataFrame:
    """Return the summary.csv of a results folder with today's column names; an empty table if there is no such file.

    Raises:
        ResultsError: it cannot be read.
    """
    path = folder / "summary.csv"
    try:
        return rename_former(pd.read_csv(StringIO(results_dir.read_text(path)))) if path.exists() else pd.DataFrame()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


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


def _read_table(path: Path, name: str) -> pd.DataFrame:
    """Return a table of text with some columns of numbers; an empty table if there is no file."""
    if not path.exists():
        return pd.DataFrame()
    try:
        table = unescape_formulas(pd.read_csv(StringIO(results_dir.read_text(path)), dtype=str, keep_default_na=False))
        if name == "claims" and "across" not in table:
            table = _with_axis(table)
        table = _with_later_columns(table, name)
        if missing := {*TEXTS[name], *NUMBERS[name]} - {*table}:
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        if wrong := {*table.get("verdict", [])} - {*VERDICTS}:
            raise ValueError(f"{shorten(min(wrong))} is not a verdict")
        table = table.rename(columns=shorten_name).map(lambda text: shorten_name(text, MAX_TEXT))
        return table.assign(**{number: pd.to_numeric(table[number]).astype(float) for number in NUMBERS[name]})
    except (OSError, ValueError, OverflowError) as error:
        raise _unreadable(path, error) from error


def _complete(claims: pd.DataFrame, path: Path) -> pd.DataFrame:
    try:
        return complete_claims(claims) if len(claims) else claims
    except (ValueError, ArithmeticError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ResultsError:
    return ResultsError(f"{path}: cannot be read ({str(error)[:200]}); `bnbench report` writes it again")


def _with_axis(claims: pd.DataFrame) -> pd.DataFrame:
    """Return claims of an earlier version with the axis of a range in a column of its own."""
    if "metric" not in claims:
        return claims
    ranges = [RANGE.fullmatch(metric) for metric in claims["metric"]]
    metrics = [found[1] if found else metric for found, metric in zip(ranges, claims["metric"], strict=True)]
    across = [found[2] if found else "" for found in ranges]
    claims = claims.assign(metric=metrics)
    names = list(claims.columns)
    claims.insert(names.index("over") + 1 if "over" in names else len(names), "across", across)
    return claims


def _with_later_columns(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return a table with all columns of today; those that an earlier version did not write are empty."""
    for column, before in LATER[name].items():
        if column not in table and before in table:
            table.insert(list(table.columns).index(before) + 1, column, "")
    return table


def _score_name(*tables: pd.DataFrame) -> str:
    """Return the name of the scores in a digest of an earlier version, which is part of its metric names."""
    metrics = [metric for table in tables if len(table) for metric in table["metric"]]
    return R2 if any(metric.endswith("_r2") for metric in metrics) else ACCURACY


def _with_current_metrics(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        return table
    return table.assign(metric=[_current_metric(name) for name in table["metric"]])


def _current_metric(name: str) -> str:
    # The edge is measured in another way, so its former name says what a stored value is.
    metric = None if name == FORMER_EDGE else find_metric(name)
    return metric.name if metric else name


def _without_times_of_trials(claims: pd.DataFrame) -> pd.DataFrame:
    """Return claims without verdicts on two times that were not measured by turns, as earlier versions gave them."""
    if claims.empty:
        return claims
    timed = [metric is not None and metric.timed for metric in map(find_metric, claims["metric"])]
    wrong = pd.Series(timed, claims.index) & (claims["over"] != "") & claims["rounds"].isna()
    unknown = claims["estimate"].isna()
    changed = claims.copy()
    changed.loc[wrong, ["estimate", "low", "high", "p", "seeds_needed"]] = math.nan
    changed.loc[wrong, "verdict_text"] = ""
    changed.loc[wrong, "n"] = 0.0
    changed.loc[wrong, "verdict"] = INCONCLUSIVE
    # A claim of this version that could not be judged says why.
    changed.loc[wrong & ~unknown, "reason"] = UNTIMED
    return changed
