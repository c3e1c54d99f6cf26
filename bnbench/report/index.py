"""Experiments -> one page of Markdown: what was claimed and published, ours beside it, and what holds."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.labels import format_duration
from bnbench.report.markdown import escape_markdown, pipe_table
from bnbench.results.claims import INCONCLUSIVE, REFUTED, SUPPORTED
from bnbench.results.digest import NUMBERS, Digest
from bnbench.store import results_dir

MARK = "<!-- Written by `bnbench reproduce`, which writes it anew. -->"
INTRODUCTION = """\
Every experiment of `configs/` that has been run: what is claimed of it and what was published, with ours beside it.

- A claim is *supported* or *refuted* where the whole 95% interval over seeds says so, else *inconclusive*.
- A published figure lies *within*, *above* or *below* the 95% interval of our mean. Most are of a single training: such
  a one may well lie outside. Fewer than three seeds, or the same at every seed, give *no interval*.
- Time is that of all trainings added up; side by side they take less."""
VERDICTS = (SUPPORTED, REFUTED, INCONCLUSIVE)
PLACES = WITHIN, ABOVE, BELOW, NO_INTERVAL, NOT_MEASURED = "within", "above", "below", "no interval", "not measured"
STATED = ("source", "variant", "metric", "note", *NUMBERS["published"])  # all columns but the further axes


@dataclass(frozen=True)
class Entry:
    """An experiment as the page tells of it; its results lie beside the page, in a folder of its name."""

    name: str
    config: str  # as a link of the page
    found: Digest | None  # None: it has not been run
    seconds: float | None = None  # about how long it would take; None: not known


def render_index(entries: Sequence[Entry]) -> str:
    """The page, in the order of the entries: a row each, then what they state, how it was made and what is missing."""
    known = [(entry, entry.found) for entry in entries if entry.found]
    parts = [MARK, "# What was found", INTRODUCTION]
    header = ["experiment", "what is trained", "claims", "published figures", "trials", "time"]
    parts += [pipe_table(header, (_row(entry, found) for entry, found in known))] if known else []
    for entry, found in known:
        if len(found.claims) or len(found.published):
            parts += _section(entry, found)
    parts += ["## How this was made", _made(found for _, found in known)] if known else []
    missing = [entry for entry in entries if not entry.found]
    parts += ["## Not run", "\n".join(map(_missing, missing))] if missing else []
    return "\n\n".join(parts) + "\n"


def published_lies(row: Mapping[Any, Any]) -> str:
    """Where a published figure lies: `within`, `above` or `below` our interval, or why that cannot be told."""
    if row["published"] == row["mean"] == math.inf:
        return WITHIN  # never, for both
    if math.isnan(row["low"]):
        return NOT_MEASURED if math.isnan(row["mean"]) else NO_INTERVAL
    if row["published"] < row["low"]:
        return BELOW
    return ABOVE if row["published"] > row["high"] else WITHIN


def count_verdicts(found: Digest) -> str:
    """`2 supported, 1 refuted`; empty where nothing is claimed."""
    return _counted(found.claims["verdict"], VERDICTS) if len(found.claims) else ""


def _counted(words: Iterable[str], order: Sequence[str]) -> str:
    counts = Counter(words)
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def _row(entry: Entry, found: Digest) -> list[str]:
    published = _counted(map(published_lies, found.published.to_dict("records")), PLACES)
    failed = f", {found.failed} failed" if found.failed else ""
    trials = f"{found.ended} of {found.planned}{failed}"
    links = f"[{escape_markdown(entry.name)}]({entry.name}/{results_dir.PAGE}) ([config]({entry.config}))"
    return [
        links,
        escape_markdown(found.title),
        count_verdicts(found),
        published,
        trials,
        format_duration(found.seconds),
    ]


def _section(entry: Entry, found: Digest) -> list[str]:
    """What an experiment states: its claims, and a table for each source of published figures."""
    links = f"[Report]({entry.name}/{results_dir.PAGE}), [config]({entry.config})"
    parts = [
        f"## {escape_markdown(entry.name)}",
        f"{escape_markdown(found.title or entry.name)}. {links}.{_data(found)}",
    ]
    if len(found.claims):
        header = ["claim", "wanted", "ours", "95% interval", "n", "verdict"]
        parts.append(pipe_table(header, map(_claim, found.claims.to_dict("records"))))
    header = ["published figure", "published", "ours", "95% interval", "n", "published lies"]
    if len(found.published):
        for source, figures in found.published.groupby("source", sort=False):
            parts += [
                f"By {escape_markdown(str(source))}:",
                pipe_table(header, map(_figure, figures.to_dict("records"))),
            ]
    return parts


def _claim(row: Mapping[Any, Any]) -> list[str]:
    over = f" over {row['over']}" if row["over"] else ""
    wanted = f"{_words(row['metric'])} of {row['of']}{over}: {row['bound']}"
    ours = (_number(row["estimate"]), _interval(row), _number(row["n"]))
    why = f": {escape_markdown(row['reason'])}" if row["verdict"] == INCONCLUSIVE else ""
    return [escape_markdown(row["text"]), escape_markdown(wanted), *ours, row["verdict"] + why]


def _figure(row: Mapping[Any, Any]) -> list[str]:
    axes = [f"{axis.rpartition('.')[2]} {row[axis]}" for axis in row if axis not in STATED]
    rate = "" if math.isnan(row["learning_rate"]) else f"rate {row['learning_rate']:.4g}"
    where = ", ".join(filter(None, [f"{_words(row['metric'])} of {row['variant']}", *axes, rate]))
    note = f" ({row['note']})" if row["note"] else ""
    ours = (_number(row["mean"]), _interval(row), _number(row["n"]))
    return [escape_markdown(where + note), _number(row["published"]), *ours, published_lies(row)]


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _number(value: float) -> str:
    if pd.isna(value):
        return ""
    return "never" if math.isinf(value) else f"{value:.4g}"


def _interval(row: Mapping[Any, Any]) -> str:
    return "none" if pd.isna(row["low"]) else f"{row['low']:.4g} to {row['high']:.4g}"


def _data(found: Digest) -> str:
    """Which form of the data it was: a source may have had another."""
    sets = found.environment.get("data", {})
    told = "; ".join(f"{name} ({facts['form']}, {facts['rows']:,} rows)" for name, facts in sets.items())
    return f" Data: {escape_markdown(told)}." if told else ""


def _made(known: Iterable[Digest]) -> str:
    """The command, and for each kind of surroundings the experiments that were run in them."""
    names: dict[str, list[str]] = {}
    for found in known:
        names.setdefault(_surroundings(found.environment), []).append(found.name)
    lines = [
        f"- {escape_markdown(told)}: {escape_markdown(', '.join(experiments))}" for told, experiments in names.items()
    ]
    return "\n".join(["`bnbench reproduce NAME` makes an experiment anew, `--all` every one.\n", *lines])


def _surroundings(environment: Mapping[str, Any]) -> str:
    """`bnbench 0.1.0 at acd11c5, keras 3.15.1, tensorflow 2.21.0, Python 3.11.7, 2 cores of AMD EPYC`"""
    packages: Mapping[str, str | None] = environment.get("packages", {})
    commit = environment.get("commit")
    changed = " with changes" * bool(environment.get("uncommitted_changes"))
    told = [
        " ".join(filter(None, ["bnbench", packages.get("bnbench"), f"at {commit[:7]}{changed}" if commit else ""])),
        *(f"{name} {packages[name]}" for name in ("keras", "tensorflow") if packages.get(name)),
        f"Python {environment.get('python', 'unknown')}",
        f"{environment.get('cores')} cores of {environment.get('processor') or 'an unknown processor'}",
    ]
    return ", ".join(told) if environment else "not recorded"


def _missing(entry: Entry) -> str:
    told = "" if entry.seconds is None else f": about {format_duration(entry.seconds)}"
    return f"- [{escape_markdown(entry.name)}]({entry.config}){told}"
