"""Tables as text, for a terminal or a log."""

import json
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.labels import format_duration, format_value

WIDEST = 50  # characters of a setting in a table

if TYPE_CHECKING:
    import pandas as pd

    from bnbench.planning.plan import Plan
    from bnbench.results.compare import Comparison
    from bnbench.results.results import Results
    from bnbench.store.repair import RepairSummary


def format_answer(results: "Results") -> str:
    """What a person wants to see when a run has ended."""
    from bnbench.report.headline import headline_sentences
    from bnbench.results.caveats import list_caveats
    from bnbench.results.diagnoses import list_diagnoses
    from bnbench.store import results_dir

    ended, failed = len(results.trials) - len(results.faults), len(results.faults)
    told = f"{ended} of {results.planned} trials" + (f", {failed} failed" if failed else "")
    if not ended:
        return f"{told}: no trial has ended yet"
    kept_in_mind = [f"- {caveat}" for caveat in list_caveats(results)]
    found = list_diagnoses(results.diagnoses, results.axes)
    diagnosed = [f"- {one.symptom}: {line}" for one in found for line in one.lines]
    parts = [
        results.said(f"{told}; validation accuracy, mean ± SD over seeds (a diverged trial counts at chance)"),
        _by_rate(results.cells, results.axes),
        _by_variant(results.variants, results.axes),
        "\n".join(headline_sentences(results)),
        *([format_verdicts(results.claims)] if len(results.claims) else []),
        *(["\n".join(["To keep in mind:", *kept_in_mind])] if kept_in_mind else []),
        *(["\n".join(["Diagnoses (their usual cures are in the report):", *diagnosed])] if diagnosed else []),
        "\n".join(str(results.folder / name) for name in (results_dir.REPORT, results_dir.PLOTS, "trials.csv")),
    ]
    return "\n\n".join(parts)


def _by_rate(summary: "pd.DataFrame", axes: Sequence[str]) -> str:
    """Validation accuracy, a row a rate and a column a variant."""
    variants = list(dict.fromkeys(summary["variant"]))
    rows: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in summary.to_dict("records"):
        cell = _spread(row["validation_accuracy_mean"], row["validation_accuracy_sd"])
        told = [
            f"{row[key]} of {row['n']} {word}"
            for key, word in (("n_chance", "at chance"), ("n_diverged", "diverged"))
            if row[key]
        ]
        cell += f"  {', '.join(told)}" if told else ""
        rows.setdefault((*(row[axis] for axis in axes), row["learning_rate"]), {})[str(row["variant"])] = cell
    header = [*(axis.rpartition(".")[2] for axis in axes), "rate", *variants]
    return format_columns(
        header, [[*map(format_value, key), *(cells.get(v, "") for v in variants)] for key, cells in rows.items()]
    )


def _by_variant(variants: "pd.DataFrame", axes: Sequence[str]) -> str:
    from bnbench.analysis.lr_metrics import DELTA

    rows = [
        [
            row["variant"],
            *(format_value(row[axis]) for axis in axes),
            format_value(row["best_rate"]),
            str(row["n"]),
            _spread(row["validation_accuracy_mean"], row["validation_accuracy_sd"]),
            _spread(row["test_accuracy_mean"], row["test_accuracy_sd"]),
            f"{row['stable_from']:.4g} .. {row['stable_to']:.4g}"
            if row["stable_from"] == row["stable_from"]
            else "not at best",
            ""
            if row["stable_width"] != row["stable_width"]
            else f"{'>= ' * row['stable_width_open']}{row['stable_width']:.2g}",
            f"{row['n_diverged']}/{row['trials']}",
        ]
        for row in variants.to_dict("records")
    ]
    header = [
        "variant",
        *(axis.rpartition(".")[2] for axis in axes),
        "best rate",
        "n",
        "validation",
        "test",
        "every seed ok",
        f"decades within {DELTA:g}",
        "diverged",
    ]
    return format_columns(header, rows)


def format_verdicts(claims: "pd.DataFrame") -> str:
    """Each claim with its verdict, what was measured against what was claimed, and why."""
    rows = [
        [
            row["verdict"],
            row["text"],
            f"{row['metric']} of {row['of']}" + (f" over {row['over']}" if row["over"] else ""),
            row["bound"],
            _interval(row["estimate"], row["low"], row["high"]),
            str(row["n"]),
            row["reason"],
        ]
        for row in claims.to_dict("records")
    ]
    return format_columns(["verdict", "claim", "metric", "claimed", "found, 95%", "n", "reason"], rows)


def _interval(estimate: float, low: float, high: float) -> str:
    told = "unknown" if estimate != estimate else f"{estimate:.4g}"
    return told if low != low else f"{told}, {low:.4g} .. {high:.4g}"


def format_matrix(planned: "Plan", states: dict[str, str]) -> str:
    """The plan, numbered, a row a variant and rate with the states of its seeds."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for trial in planned.trials:
        key = (trial.variant, *map(format_value, trial.axes.values()), format_value(trial.learning_rate))
        groups.setdefault(key, []).append(trial)
    rows = []
    for key, trials in groups.items():
        counts = dict.fromkeys(states[t.id] for t in trials)
        told = ", ".join(f"{sum(states[t.id] == state for t in trials)} {state}" for state in counts)
        span = f"{trials[0].number}" if len(trials) == 1 else f"{trials[0].number}-{trials[-1].number}"
        rows.append([span, *key, _span([t.seed for t in trials]), told])
    axes = [axis.rpartition(".")[2] for axis in planned.experiment.sweep.grid]
    return format_columns(["trials", "variant", *axes, "rate", "seeds", "state"], rows)


def format_cohorts(planned: "Plan") -> str:
    """What each program trains: its parameters, rows, steps and engine."""
    rows = []
    for number, cohort in enumerate(planned.cohorts, start=1):
        program = cohort.program
        weights, sizes = program.weights, program.sizes
        rows.append(
            [
                number,
                cohort.variant,
                *map(format_value, cohort.axes.values()),
                f"{weights.total:,}" if weights else "known once built",
                f"{weights.trainable:,}" if weights else "",
                f"{program.data.name} {sizes.train}+{sizes.validation}+{sizes.test}",
                f"{program.train.epochs} x {program.steps_per_epoch} of {program.batch_size}",
                program.train.engine,
            ]
        )
    axes = [axis.rpartition(".")[2] for axis in planned.experiment.sweep.grid]
    return format_columns(
        ["cohort", "variant", *axes, "parameters", "trained", "data", "epochs x steps", "engine"], rows
    )


def format_estimate(planned: "Plan", states: dict[str, str], measured: dict[str, float], jobs: int) -> str:
    """How long the rest takes with so many workers, where a step of each program has been timed here."""
    counts = dict.fromkeys(("new", "failed", "completed", "diverged"), 0)
    seconds, unknown = 0.0, 0
    for cohort in planned.cohorts:
        todo = 0
        for trial in cohort.trials:
            counts[states[trial.id]] += 1
            todo += states[trial.id] in {"new", "failed"}
        steps = todo * cohort.program.train.epochs * cohort.program.steps_per_epoch
        step = measured.get(cohort.program.key)
        unknown += todo if step is None else 0
        seconds += steps * (step or 0.0)
    told = ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    if not counts["new"] + counts["failed"]:
        return f"{len(planned.trials)} trials: {told}; nothing to train"
    workers = f" on {jobs} workers" if jobs > 1 else ""
    known = f"about {format_duration(seconds / jobs)} of training{workers}, from steps timed here" if seconds else ""
    missing = f"time unknown for {unknown} trials: none of their kind has been trained here" if unknown else ""
    return f"{len(planned.trials)} trials: {told}; {'; '.join(filter(None, (known, missing)))}"


def table_as_json(rows: "pd.DataFrame") -> str:
    """A list of rows, numbers to the last digit (pandas would keep ten decimals: a rate of 1e-12 would be 0)."""
    from bnbench.results.query import rows_as_dicts

    return json.dumps(rows_as_dicts(rows), indent=1)


def format_trials(rows: "pd.DataFrame") -> str:
    """One line a row, every column under its own name; what is missing is empty."""
    return format_columns(list(rows.columns), [[_cell(value) for value in row] for row in rows.itertuples(index=False)])


def _cell(value: Any) -> str:
    import pandas as pd

    return "" if pd.isna(value) else format_value(value)


def format_predictions(table: "pd.DataFrame") -> str:
    """One line an input row, probabilities with four decimals."""
    chances = [name for name in table.columns if name.startswith("probability")]
    told = table.assign(**{name: table[name].map(lambda value: _spread(value, float("nan"))) for name in chances})
    return format_trials(told)


def format_comparison(found: "Comparison", a: object, b: object) -> str:
    """What differs between two results folders, for a person."""
    parts = [f"A: {a}\nB: {b}"]
    for name, entries in (("settings", found.settings), ("environment", found.environment)):
        lines = format_columns(
            [f"{name}: {len(entries)} differ", "A", "B"], [[one.key, *_apart(one.a, one.b)] for one in entries]
        )
        parts.append(lines if entries else f"{name}: the same")
    chance = ", a diverged trial counts at chance" if found.score.endswith("accuracy") else ""
    chance = chance or ", a diverged trial counts at its initial loss"
    parts.append(f"{found.score} of {found.pairs} pairs of trials of one variant, rate and seed{chance}")
    if found.pairs:
        parts += [_paired(found), _verdict(found)]
    parts.append(f"trials in A only: {found.only_a}, in B only: {found.only_b}")
    if found.changed:
        ends = [[one.trial, one.a, one.b] for one in found.changed]
        parts.append(format_columns([f"outcomes: {len(ends)} differ", "A", "B"], ends))
    return "\n\n".join(parts)


def _paired(found: "Comparison") -> str:
    rows = [
        [
            row["variant"],
            *(_cell(row[axis]) for axis in found.axes),
            format_value(row["learning_rate"]),
            row["n"],
            f"{row['mean_a']:.4f}",
            f"{row['mean_b']:.4f}",
            f"{row['difference']:+.4f}",
            _spread(row["sd"], float("nan")),
            f"[{row['low']:+.4f}, {row['high']:+.4f}]" if row["low"] == row["low"] else "",
        ]
        for row in found.rates.to_dict("records")
    ]
    axes = [axis.rpartition(".")[2] for axis in found.axes]
    return format_columns(["variant", *axes, "rate", "n", "A", "B", "B - A", "SD", "95% interval"], rows)


def _verdict(found: "Comparison") -> str:
    known = found.rates.dropna(subset=["low"])
    apart = int(((known["low"] > 0) | (known["high"] < 0)).sum())
    told = [f"{apart} of {len(known)} intervals exclude 0; by chance alone 1 in 20 would"] if len(known) else []
    told += [] if len(known) == len(found.rates) else ["no interval below n = 3"]
    p = f"sign-flip test over seeds: p = {found.p:.2g}" if found.p == found.p else "no test below 6 seeds"
    return "; ".join([*told, p])


def _apart(a: object, b: object) -> list[str]:
    """Two values as text, long ones from a little before where they part."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in (a, b)]
    if max(map(len, texts)) <= WIDEST:
        return texts
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(0, same - 10)
    cut = [text[start : start + WIDEST] + "..." * (len(text) > start + WIDEST) for text in texts]
    return ["..." * (start > 0) + text for text in cut]


def format_repaired(done: "RepairSummary", folder: Path) -> str:
    """What was kept of a damaged database, and how to go on."""
    from bnbench.report.document import rerun_command

    if not done.aside:
        return f"{folder}: nothing to repair, all {done.kept} trials are whole"
    lines = [
        f"{folder}: {done.kept} of {done.kept + done.lost} trials that were found are whole and kept",
        f"The damaged file lies beside them: {done.aside}",
        *["Which trials belong to the experiment could not be read."] * (not done.plan),
        f"What is missing is trained by `{rerun_command(folder)}`",
    ]
    return "\n".join(lines)


def _spread(mean: float, sd: float) -> str:
    if mean != mean:
        return ""
    return f"{mean:.4f} ± {sd:.4f}" if sd == sd else f"{mean:.4f}"


def _span(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if whole else ",".join(map(str, seeds))


def format_columns(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text in columns, two blanks apart."""
    table = [list(map(str, header)), *(list(map(str, row)) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )
