"""Tables and answers as text, for a terminal or a log."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.labels import (
    RateFormat,
    axis_name,
    format_axes,
    format_count,
    format_name,
    format_setting,
    format_spread,
    format_value,
)
from bnbench.cli.fit_table import Row, fit_table, table_width
from bnbench.cli.output import terminal_height, terminal_width
from bnbench.errors import shorten_name

if TYPE_CHECKING:
    import pandas as pd

    from bnbench.commands.list_results import FolderListing
    from bnbench.commands.validate import CheckedFile
    from bnbench.report.tables.table import Table
    from bnbench.results.compare import Comparison
    from bnbench.results.results import Results
    from bnbench.store.prune import Prunable
    from bnbench.store.repair import RepairSummary

# The maximum length of a setting in a table, in characters.
MAX_WIDTH = 50
# The maximum length of any cell: a claim has at most 500 characters.
MAX_CELL = 500
# Of the id of a trial, on a narrow terminal.
ID_DIGITS = 8
# The maximum number of rows of the table by rate; with more, it shows one setting of the further axes.
MAX_RATES = 40
# Lines of a screen that are not rows of a table: its title, its header, what is left out, the prompt.
AROUND = 7
# Why a cell has no number.
NOT_FINITE = "not finite"


def format_answer(results: "Results") -> str:
    """Return the tables and sentences that a run ends with."""
    from bnbench.report.headline.answer import make_answer
    from bnbench.report.tables.guesses import guesses_table
    from bnbench.results.caveats import list_caveats, outside_sentence
    from bnbench.results.diagnoses import list_diagnoses
    from bnbench.results.outside import outside_count
    from bnbench.store import results_dir

    finished, failed = len(results.trials) - len(results.faults), len(results.faults)
    of = f" of part {results.part}" if results.part else ""
    count = f"{finished} of {results.planned} trials{of}" + (f", {failed} failed" if failed else "")
    count = f"{count} of an adaptive design" if results.design else count
    count += outside_count(len(results.outside))
    if not finished:
        return "\n".join(filter(None, (f"{count}: no trial has finished yet", outside_sentence(results))))
    score = results.score_name
    caveats = [f"- {caveat}" for caveat in list_caveats(results)]
    diagnoses = list_diagnoses(results.diagnoses, results.axes, results.n_settings)
    diagnosed = [f"- {one.symptom}: {line}" for one in diagnoses for line in one.lines]
    answer, guesses, (where, shown) = make_answer(results), guesses_table(results), _shown_rates(results)
    parts = [
        f"{count}; validation {score}{where}, mean ± SD over seeds (a diverged trial counts at chance)",
        _by_rate(shown, results.axes, results.folder / "summary.csv"),
        "\n".join([*answer.sentences, *answer.open, *([answer.power] if answer.power and answer.is_open else [])]),
        *([format_table(answer.table)] if answer.table else []),
        *([f"Predicted before the sweep:\n{format_table(guesses)}"] if guesses else []),
        *([format_verdicts(results.claims, score)] if len(results.claims) else []),
        *(["\n".join(["To keep in mind:", *caveats])] if caveats else []),
        *(["\n".join(["Diagnoses (their usual cures are in the report):", *diagnosed])] if diagnosed else []),
        "\n".join(str(results.folder / name) for name in (results_dir.REPORT, results_dir.PLOTS, "trials.csv")),
    ]
    return "\n\n".join(parts)


def _by_rate(summary: "pd.DataFrame", axes: Sequence[str], file: Path) -> str:
    """Return the validation scores: a row per rate and a column per variant, as many rows as fit the screen."""
    header, rows = _rate_rows(summary, axes, _counts_in_words)
    legend = ""
    if _is_too_wide(header, rows):
        header, rows = _rate_rows(summary, axes, _counts_in_letters)
        legend = "9c 1d: 9 seeds at chance, 1 diverged"
    shown, left_out = cut_to_screen(rows, f"{file} has all")
    return "\n".join(filter(None, [format_columns(header, shown), left_out, legend]))


def _rate_rows(
    summary: "pd.DataFrame", axes: Sequence[str], counts: Callable[[Mapping[Any, Any]], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and a row per rate."""
    variants = list(dict.fromkeys(summary["variant"]))
    rows: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in summary.to_dict("records"):
        mean = row["validation_score_mean"]
        cell = format_spread(mean, row["validation_score_sd"]) if mean == mean else NOT_FINITE
        cell += counts(row)
        rows.setdefault((*(row[axis] for axis in axes), row["learning_rate"]), {})[str(row["variant"])] = cell
    rate_text = RateFormat(summary["learning_rate"])
    settings = list(dict.fromkeys(str(values) for *values, _ in rows))
    # The variants of an adaptive design have different rates.
    ordered = sorted(rows.items(), key=lambda row: (settings.index(str(list(row[0][:-1]))), row[0][-1]))
    return [*map(axis_name, axes), "rate", *variants], [
        [*map(format_setting, values), rate_text(rate), *(cells.get(v, "no trial") for v in variants)]
        for (*values, rate), cells in ordered
    ]


def _counts_in_words(row: Mapping[Any, Any]) -> str:
    """Return for example `  9 of 10 at chance, 1 of 10 diverged`; empty if all seeds are ok."""
    words = (("n_chance", "at chance"), ("n_diverged", "diverged"))
    counts = [f"{row[key]} of {row['n']} {word}" for key, word in words if row[key]]
    return f"  {', '.join(counts)}" if counts else ""


def _counts_in_letters(row: Mapping[Any, Any]) -> str:
    """Return for example ` 9c 1d`."""
    return "".join(f" {row[key]}{key[2]}" for key in ("n_chance", "n_diverged") if row[key])


def _shown_rates(results: "Results") -> tuple[str, "pd.DataFrame"]:
    """Return the rows of the table by rate and where they are: of many settings, those of the most telling one."""
    summary, axes = results.summary, results.axes
    if len(summary.drop_duplicates([*axes, "learning_rate"])) <= min(MAX_RATES, screen_rows() or MAX_RATES):
        return "", summary
    place = results.opening
    for axis, value in place.items():
        summary = summary[summary[axis].isna() if value != value else summary[axis] == value]
    settings = results.n_settings
    where = f" at {format_axes(place, axes)} (1 of {settings} settings, the report has all)" if settings > 1 else ""
    return where, summary


def format_table(table: "Table") -> str:
    """Return a table of a report, without its empty columns, with its caption below."""
    from bnbench.report.tables.layout import without_empty_columns

    shown = without_empty_columns(table)
    rows, left_out = cut_to_screen([[cell.text for cell in row] for row in shown.rows], "the report has all")
    return "\n".join(filter(None, [format_columns(shown.header, rows), left_out, shown.caption]))


def format_verdicts(claims: "pd.DataFrame", score_name: str) -> str:
    """Return a row per claim: its verdict, what was claimed by whom, what was measured, and why."""
    from bnbench.results.claims import claim_subject
    from bnbench.results.many_claims import describe_correction
    from bnbench.results.marks import EXPLAINED, claim_mark, is_marked
    from bnbench.results.measures import format_claimed

    marked = is_marked(claims)
    rows = [
        [
            row["verdict_text"],
            row["text"],
            *([claim_mark(row)] if marked else []),
            claim_subject(row, score_name),
            format_claimed(row),
            _interval(row),
            row["n"],
            row["reason"],
        ]
        for row in claims.to_dict("records")
    ]
    header = ["verdict", "claim", *(["basis"] if marked else []), "metric", "claimed", "measured, 95%", "n", "reason"]
    if _is_too_wide(header, rows):
        shown = [header.index(name) for name in ("verdict", "claim", "claimed", "measured, 95%", "n")]
        table = format_columns([header[i] for i in shown], [[row[i] for i in shown] for row in rows])
        further = "The report has the metrics and the reasons, too; or set COLUMNS=200."
    else:
        table, further = format_columns(header, rows), EXPLAINED if marked else ""
    return "\n".join(filter(None, [table, describe_correction(claims), further]))


def _interval(row: Mapping[Any, Any]) -> str:
    """Return what was measured about a claim with its interval: `+3.1 points, 1.7 to 4.4`."""
    from bnbench.results.measures import format_measure, format_measures, shown_kind

    kind = shown_kind(row)
    value = format_measure(row["estimate"], row["metric"], kind)
    interval = format_measures(row["low"], row["high"], row["metric"], kind, missing="")
    return f"{value}, {interval}" if interval else value


def table_as_json(rows: "pd.DataFrame") -> str:
    """Return a list of rows as JSON, with all digits.

    The JSON of pandas has ten decimals: a rate of 1e-12 would be 0.
    """
    from bnbench.results.query import rows_as_dicts

    return json.dumps(rows_as_dicts(rows), indent=1)


def format_trials(rows: "pd.DataFrame") -> str:
    """Return a line per row, with all columns under their names; where a value is missing, it says why."""
    return fit_trials(rows)[0]


def fit_trials(rows: "pd.DataFrame", optional: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Return a line per row, and the columns that the terminal has no room for.

    Where a value is missing, the line says why. Ids are cut if the terminal is narrow: their beginning identifies a
    trial.

    Args:
        optional: the columns that may be left out, the least important one first.
    """
    from bnbench.analysis.trials import axes_of
    from bnbench.results.query import rows_as_dicts, why_missing

    axes = axes_of(rows) if "status" in rows else []
    as_text: dict[str, Callable[[Any], str]] = {
        **{name: format_setting for name in rows.columns if "." in name},
        # Settings, unlike scores, may differ in any digit. Further axes have dotted names.
        **{name: RateFormat(rows[name]) for name in ("learning_rate", "best_rate") if name in rows},
    }
    values = [
        [
            why_missing(row, name) if value is None and name not in axes else as_text.get(name, format_value)(value)
            for name, value in row.items()
        ]
        for row in rows_as_dicts(rows)
    ]
    header, width = list(map(str, rows.columns)), terminal_width()
    cells = [[shorten_name(str(cell), MAX_CELL) for cell in row] for row in values]
    if _is_too_wide(header, cells):
        cells = [[cell[:ID_DIGITS] if name == "trial" else cell for name, cell in zip(header, row, strict=True)]
                 for row in cells]  # fmt: skip
    text, left_out = fit_table(header, cells, width, [header.index(name) for name in optional if name in header])
    return text, [header[position] for position in left_out]


def cut_to_screen(rows: Sequence[Row], where: str) -> tuple[Sequence[Row], str]:
    """Return the rows that fit the screen, and a line that says how many others there are; empty if there are none.

    A pipe and a file get all rows.

    Args:
        where: where the others are.
    """
    limit = screen_rows()
    if limit is None or len(rows) <= limit:
        return rows, ""
    return rows[:limit], f"and {format_count(len(rows) - limit, 'more row')}: {where}"


def screen_rows() -> int | None:
    """Return how many rows of a table fit the screen; None if stdout is a pipe or a file."""
    height = terminal_height()
    return None if height is None else height - AROUND


def format_comparison(comparison: "Comparison", a: object, b: object) -> str:
    """Return what differs between two results folders, for a person."""
    parts = [f"A: {a}\nB: {b}"]
    for name, entries in (("settings", comparison.settings), ("environment", comparison.environment)):
        lines = format_columns(
            [f"{name}: {len(entries)} differ", "A", "B"],
            [[one.key, *_where_they_differ(one.a, one.b)] for one in entries],
        )
        parts.append(lines if entries else f"{name}: the same")
    if comparison.machines:
        parts.append(comparison.machines)
    parts.append(_what_is_paired(comparison))
    if comparison.pairs:
        parts += [_paired(comparison), _verdict(comparison)]
    parts.append(f"equal to the last bit in everything but times: {comparison.equal} of {comparison.common} trials")
    parts.append(f"trials in A only: {comparison.only_a}, in B only: {comparison.only_b}")
    if comparison.outside_a or comparison.outside_b:
        outside = f"{comparison.outside_a} of A, {comparison.outside_b} of B"
        parts.append(f"stored trials outside the plans, which are not compared: {outside}; `bnbench show --all`")
    if comparison.changed:
        ends, left_out = cut_to_screen([[one.trial, one.a, one.b] for one in comparison.changed], "--json has all")
        header = [f"outcomes: {len(comparison.changed)} differ", "A", "B"]
        parts.append("\n".join(filter(None, [format_columns(header, ends), left_out])))
    return "\n\n".join(parts)


def _what_is_paired(comparison: "Comparison") -> str:
    at = "chance" if comparison.score.endswith("score") else "its initial loss"
    score = format_name(comparison.score, comparison.score_name)
    pairs = f"{comparison.pairs} pairs of trials of one variant, rate and seed"
    return f"{score} of {pairs}, a diverged trial counts at {at}"


def _paired(comparison: "Comparison") -> str:
    from bnbench.analysis.intervals import why_no_interval
    from bnbench.results.measures import format_measure, format_measures

    score = comparison.score
    rate_text = RateFormat(comparison.rates["learning_rate"])
    rows = [
        [
            row["variant"],
            *(format_setting(row[axis]) for axis in comparison.axes),
            rate_text(row["learning_rate"]),
            row["n"],
            format_measure(row["mean_a"], score, missing=NOT_FINITE),
            format_measure(row["mean_b"], score, missing=NOT_FINITE),
            format_measure(row["difference"], score, "difference", NOT_FINITE),
            format_measure(row["sd"], score, missing="1 seed" if row["n"] == 1 else NOT_FINITE),
            format_measures(row["low"], row["high"], score, "difference", why_no_interval(row["n"], row["difference"])),
        ]
        for row in comparison.rates.to_dict("records")
    ]
    header = ["variant", *map(axis_name, comparison.axes), "rate", "n", "A", "B", "B - A", "SD", "95% interval"]
    shown, left_out = cut_to_screen(rows, "--json has all")
    return "\n".join(filter(None, [format_columns(header, shown), left_out]))


def _verdict(comparison: "Comparison") -> str:
    from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES

    known = comparison.rates.dropna(subset=["low"])
    apart = int(((known["low"] > 0) | (known["high"] < 0)).sum())
    parts = [f"{apart} of {len(known)} intervals exclude 0; by chance alone 1 in 20 would"] if len(known) else []
    parts += [] if len(known) == len(comparison.rates) else [f"no interval below n = {MIN_VALUES}"]
    p = comparison.p
    parts.append(f"sign-flip test over seeds: p = {p:.2g}" if p == p else f"no test below {MIN_FLIPS} seeds")
    return "; ".join(parts)


def _where_they_differ(a: object, b: object) -> list[str]:
    """Return two values as text; long texts are cut to the part where they differ."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in (a, b)]
    if max(map(len, texts)) <= MAX_WIDTH:
        return texts
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(0, same - 10)
    return [_cut(text, start) for text in texts]


def _cut(text: str, start: int) -> str:
    before = "..." if start else ""
    after = "..." if len(text) > start + MAX_WIDTH else ""
    return f"{before}{text[start : start + MAX_WIDTH]}{after}"


def format_repaired(summary: "RepairSummary", folder: Path) -> str:
    """Return what was recovered from a damaged database, and how to go on."""
    from bnbench.store.results_dir import rerun_command

    if not summary.aside:
        return f"{folder}: nothing to repair, all {summary.kept} trials are intact"
    lines = [
        f"{folder}: {summary.kept} of {format_count(summary.kept + summary.lost, 'trial')} are intact and stored again",
        f"The damaged file is now {summary.aside}",
        *([] if summary.plan else ["Which trials belong to the experiment could not be read."]),
        f"To train what is missing: `{rerun_command(folder, summary.part)}`",
    ]
    return "\n".join(lines)


def format_listing(folders: Sequence["FolderListing"]) -> str:
    """Return a line per results folder; those that cannot be read come last."""
    rows = [[one.name, _listed_trials(one), one.when or "not here", one.best] for one in folders if not one.problem]
    table = [format_columns(["name", "trials", "stored", "best"], rows)] if rows else []
    return "\n".join([*table, *(one.problem for one in folders if one.problem)])


def _listed_trials(one: "FolderListing") -> str:
    more = [f"{one.failed} failed" if one.failed else "", f"{one.outside} outside the plan" if one.outside else ""]
    return ", ".join(filter(None, [f"{one.ended} of {one.planned}", *more]))


def format_checked(checked: Sequence["CheckedFile"]) -> str:
    """Return a line per experiment file without mistakes, and what could not be checked."""
    good = [one for one in checked if not one.mistakes]
    lines = [
        f"{one.file}: no mistake found: {format_count(one.variants, 'variant')}, {format_count(one.trials, 'trial')}"
        for one in good
    ]
    unchecked = dict.fromkeys(part for one in good for part in one.unchecked)
    return "\n".join([*lines, "Not checked:", *(f"- {part}" for part in unchecked)])


def format_prunable(found: "Prunable") -> str:
    """Return for example `18 trials outside the plan, 2 failed trials, 3 files of 1,234 bytes`."""
    parts = [
        f"{format_count(len(found.outside), 'trial')} outside the plan" if found.outside else "",
        format_count(len(found.failed), "failed trial") if found.failed else "",
        f"{format_count(len(found.files), 'file')} of {found.file_bytes:,} bytes" if found.files else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing"


def format_outside_reasons(folder: Path, found: "Prunable") -> list[str]:
    """Return what the trials outside the plan of a results folder are, one reason each."""
    from bnbench.results.results import Results

    return Results(folder).outside_reasons if found.outside else []


def _is_too_wide(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
    """Return whether the terminal has no room for a table with its cells in one line each."""
    width = terminal_width()
    return width is not None and table_width([header, *([str(cell) for cell in row] for row in rows)]) > width


def format_columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return text in columns that fit the terminal."""
    first, *others = ([shorten_name(str(cell), MAX_CELL) for cell in row] for row in (header, *rows))
    return fit_table(first, others, terminal_width())[0]
