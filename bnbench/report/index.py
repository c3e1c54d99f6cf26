"""Digests of experiments -> one page of Markdown: claims with their verdicts, published values next to ours."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.columns import PUBLISHED, column_names
from bnbench.analysis.intervals import why_no_interval
from bnbench.analysis.labels import RateFormat, format_axes, format_count, format_duration
from bnbench.analysis.registry import find_metric
from bnbench.report.markdown import escape_markdown, pipe_table
from bnbench.results.claims import claim_subject, metric_after_epoch
from bnbench.results.digest import Digest
from bnbench.results.judgment import is_open
from bnbench.results.many_claims import count_verdicts, describe_correction
from bnbench.results.marks import EXPLAINED, claim_mark, is_marked
from bnbench.results.measures import format_claimed, format_found, format_measure, format_measures, shown_kind
from bnbench.results.published import NOT_MEASURED, OF_ONE_TRAINING, OUTSIDE, PLACES, is_of_one_training, published_lies
from bnbench.store import results_dir

MARK = "<!-- Written by `bnbench reproduce`, which writes it anew. -->"
INTRODUCTION = """\
Every experiment of `configs/` that has been run: its claims with their verdicts, and published values next to ours.

- A claim is *supported* or *refuted* if the whole 95% interval over seeds says so. If its 90% interval lies within a
  margin around no difference, the rope, there is *no relevant difference*; of a claim that is also supported or
  refuted it says *too small to matter*. All else is *open*, with the number of seeds that would show a difference as
  large as the measured one with a chance of 80%.
- A published value is *within*, *above* or *below* the 95% interval of our mean. Most published values are of a single
  training, so they may well be outside: *where single trainings lie* means within the 95% prediction interval of one
  more training of ours. Fewer than three seeds, or equal values at every seed, give *no interval*.
- Time is summed over all trainings; trained side by side, they end sooner.
- The numbers can be computed again from the `trials.csv` of each folder, those about learning curves from its
  `history.csv`, which a repository may hold packed, or leave out because it is large. Only the times of steps are in
  the database alone."""
COLUMNS = ("experiment", "what was found", "claims", "published values", "trials", "time")
# All columns but the further axes.
PUBLISHED_COLUMNS = column_names(PUBLISHED)


@dataclass(frozen=True)
class Entry:
    """An experiment on the page; its results are next to the page, in a folder of its name.

    Attributes:
        config: the link to its file.
        digest: the digest of its results, or None if it has not been run.
        seconds: estimated seconds for the missing trials, or None if unknown.
    """

    name: str
    config: str
    digest: Digest | None
    seconds: float | None = None


def render_index(entries: Sequence[Entry]) -> str:
    """Return the page: the experiments by question, a line each, then claims and published values, then the rest.

    Questions are in the order in which the entries first ask them; experiments without a question come last.
    """
    known = [(entry, entry.digest) for entry in entries if entry.digest]
    marked = any(is_marked(table) for _, digest in known for table in (digest.claims, digest.published))
    digests = [digest for _, digest in known]
    points = [INTRODUCTION, *_correction(digests), *_outside(digests), *([EXPLAINED] if marked else [])]
    parts = [MARK, "# Results", "\n- ".join(points)]
    by_question: dict[str, list[tuple[Entry, Digest]]] = {}
    for entry, digest in sorted(known, key=lambda pair: not pair[1].question):
        by_question.setdefault(digest.question, []).append((entry, digest))
    for question, answers in by_question.items():
        # Without any question, the only table needs no heading.
        heading = question or ("Other experiments" if len(by_question) > 1 else "")
        parts += [f"## {escape_markdown(heading)}"] if heading else []
        parts.append(pipe_table(COLUMNS, (_row(entry, digest) for entry, digest in answers)))
    known = [pair for answers in by_question.values() for pair in answers]
    judged = [pair for pair in known if len(pair[1].claims) or len(pair[1].published)]
    parts += ["## Claims and published values"] if judged else []
    for entry, digest in judged:
        parts += _section(entry, digest)
    parts += ["## How this was made", _made(digest for _, digest in known)] if known else []
    missing = [entry for entry in entries if not entry.digest]
    parts += ["## Not run", "\n".join(map(_missing, missing))] if missing else []
    return "\n\n".join(parts) + "\n"


def _correction(digests: Sequence[Digest]) -> list[str]:
    """Return a sentence about the claims of all experiments together."""
    tables = [digest.claims for digest in digests if len(digest.claims)]
    if not tables:
        return []
    claims = pd.concat(tables, ignore_index=True)
    total = f"Of {format_count(len(claims), 'claim')}: {count_verdicts(claims)}."
    return [" ".join(filter(None, [total, describe_correction(claims, name_lost=False)]))]


def _outside(digests: Sequence[Digest]) -> list[str]:
    """Return a sentence about where all published values lie, and how many of those outside have a reason."""
    rows = [row for digest in digests for row in digest.published.to_dict("records")]
    outside = [row for row in rows if published_lies(row) in OUTSIDE]
    if not rows:
        return []
    total = f"Of {format_count(len(rows), 'published value')}: {_counted(map(published_lies, rows), PLACES)}."
    explained = sum(bool(row["why_outside"]) for row in outside)
    if not outside:
        return [total]
    why = f"For {explained} of the {len(outside)} outside, the table says why"
    single = sum(is_of_one_training(row) and not row["why_outside"] for row in outside)
    return [f"{total} {why}" + (f"; {single} of the others are {OF_ONE_TRAINING}." if single else ".")]


def _counted(words: Iterable[str], order: Sequence[str]) -> str:
    counts = Counter(words)
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def _row(entry: Entry, digest: Digest) -> list[str]:
    published = _counted(map(published_lies, digest.published.to_dict("records")), PLACES)
    failed = f", {digest.failed} failed" if digest.failed else ""
    return [
        f"[{escape_markdown(entry.name)}]({entry.name}/{results_dir.PAGE}) ([config]({entry.config}))",
        _found(digest),
        count_verdicts(digest.claims),
        published,
        f"{digest.ended} of {digest.planned}{failed}",
        format_duration(digest.seconds),
    ]


def _found(digest: Digest) -> str:
    """Return one finding: a claim; without claims, the answer or the title."""
    row = digest.shown_claim
    if row is None:
        return escape_markdown(digest.answer or digest.title)
    return f"*{row['verdict_text']}*: {escape_markdown(row['text'])}{_numbers(row, digest.score_name)}"


def _numbers(row: Mapping[Any, Any], score_name: str) -> str:
    """Return ` (2.0 times; 1.5 to 2.7)`, or nothing if the estimate is not known."""
    if not math.isfinite(row["estimate"]):
        return ""
    estimate, interval = format_found(row)
    known = find_metric(row["metric"])
    if known and known.yes_or_no:
        estimate = f"{escape_markdown(claim_subject(row, score_name))} at {estimate}"
    return f" ({estimate}; {interval or 'no interval'})"


def _section(entry: Entry, digest: Digest) -> list[str]:
    """Return the expectations of an experiment: its claims, and a table for each source of published values."""
    links = f"[Report]({entry.name}/{results_dir.PAGE}), [config]({entry.config})"
    title = digest.title or entry.name
    end = "" if title.endswith(("?", "!", ".")) else "."
    title = f"{escape_markdown(title)}{end} {links}.{_data(digest)}"
    parts = [f"### {escape_markdown(entry.name)}", title]
    if len(digest.claims):
        parts.append(_claims(digest))
    if len(digest.published):
        for source, table in digest.published.groupby("source", sort=False):
            parts += [f"By {escape_markdown(str(source))}:", _published_table(table, digest.score_name)]
    return parts


def _claims(digest: Digest) -> str:
    header, rows = ["claim", "claimed", "ours", "95% interval", "n", "verdict"], digest.claims.to_dict("records")
    cells = [_claim(row, digest.score_name) for row in rows]
    if is_marked(digest.claims):
        header, cells = _with_basis(header, cells, map(claim_mark, rows))
    return pipe_table(header, cells)


def _published_table(table: pd.DataFrame, score_name: str) -> str:
    header = ["published value", "published", "ours", "95% interval", "n", "the published value is"]
    cells = [_published(row, score_name) for row in table.to_dict("records")]
    if is_marked(table):
        header, cells = _with_basis(header, cells, table["basis"])
    return pipe_table(header, cells)


def _with_basis(
    header: Sequence[str], rows: Sequence[Sequence[str]], marks: Iterable[str]
) -> tuple[list[str], list[list[str]]]:
    """Return a table with the mark of each row in its second column."""
    marked = [[row[0], escape_markdown(mark), *row[1:]] for row, mark in zip(rows, marks, strict=True)]
    return [header[0], "basis", *header[1:]], marked


def _claim(row: Mapping[Any, Any], score_name: str) -> list[str]:
    metric, kind = row["metric"], shown_kind(row)
    claimed = f"{claim_subject(row, score_name)}: {format_claimed(row)}"
    interval = format_measures(row["low"], row["high"], metric, kind)
    ours = (format_measure(row["estimate"], metric, kind), interval, _number(row["n"]))
    why = f": {escape_markdown(row['reason'])}" if is_open(row) else ""
    return [escape_markdown(row["text"]), escape_markdown(claimed), *ours, row["verdict_text"] + why]


def _published(row: Mapping[Any, Any], score_name: str) -> list[str]:
    axes = format_axes(row, (axis for axis in row if axis not in PUBLISHED_COLUMNS))
    rate = (
        "" if math.isnan(row["learning_rate"]) else f"rate {RateFormat([row['learning_rate']])(row['learning_rate'])}"
    )
    metric = f"{metric_after_epoch(row, score_name)} of {row['variant']}"
    where = ", ".join(filter(None, [metric, axes, rate]))
    note = f" ({row['note']})" if row["note"] else ""
    why = why_no_interval(int(row["n"]), row["mean"], row["sd"])
    interval = format_measures(row["low"], row["high"], row["metric"], missing=why)
    ours = (_measure(row, "mean", NOT_MEASURED), interval, _number(row["n"]))
    return [escape_markdown(where + note), _measure(row, "published"), *ours, _lies_and_why(row)]


def _lies_and_why(row: Mapping[Any, Any]) -> str:
    lies = published_lies(row)
    if lies not in OUTSIDE:
        return lies
    where = f", {OF_ONE_TRAINING}" if is_of_one_training(row) else ""
    why = row["why_outside"] or ("" if where else "no reason was found")
    return lies + where + (f": {escape_markdown(why)}" if why else "")


def _measure(row: Mapping[Any, Any], column: str, missing: str = "") -> str:
    """Return a value of a metric; `never` for an infinite time."""
    return "never" if math.isinf(row[column]) else format_measure(row[column], row["metric"], missing=missing)


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.4g}"


def _data(digest: Digest) -> str:
    """Return which form of the data was used; the published values may come from another form."""
    sets = digest.environment.get("data", {})
    listed = "; ".join(f"{name} ({facts['form']}, {facts['rows']:,} rows)" for name, facts in sets.items())
    return f" Data: {escape_markdown(listed)}." if listed else ""


def _made(digests: Iterable[Digest]) -> str:
    """Return the command, and for each environment the experiments that were run in it."""
    names: dict[str, list[str]] = {}
    for digest in digests:
        names.setdefault(_environment(digest.environment), []).append(digest.name)
    lines = [f"- {escape_markdown(made)}: {escape_markdown(', '.join(listed))}" for made, listed in names.items()]
    return "\n".join(["`bnbench reproduce NAME` runs an experiment again, `--all` every one.\n", *lines])


def _environment(environment: Mapping[str, Any]) -> str:
    """Return `bnbench 0.1.0 at acd11c5, keras 3.15.1, tensorflow 2.21.0, Python 3.11.7, 2 cores of AMD EPYC`."""
    if not environment:
        return "not recorded"
    packages: Mapping[str, str | None] = environment.get("packages", {})
    commit = environment.get("commit")
    changed = " with changes" if environment.get("uncommitted_changes") else ""
    parts = [
        " ".join(filter(None, ["bnbench", packages.get("bnbench"), f"at {commit[:7]}{changed}" if commit else ""])),
        *(f"{name} {packages[name]}" for name in ("keras", "tensorflow") if packages.get(name)),
        f"Python {environment.get('python', 'unknown')}",
        f"{environment.get('cores')} cores of {_processor(environment)}",
    ]
    return ", ".join(parts)


def _processor(environment: Mapping[str, Any]) -> str:
    """Return `AMD EPYC with AVX-512`: other instructions give other last bits."""
    instructions = environment.get("instructions")
    name = environment.get("processor") or "an unknown processor"
    portable = ", portable" if environment.get("portable") else ""
    return f"{name} with {instructions}{portable}" if instructions else name


def _missing(entry: Entry) -> str:
    time = "" if entry.seconds is None else f": about {format_duration(entry.seconds)}"
    return f"- [{escape_markdown(entry.name)}]({entry.config}){time}"
