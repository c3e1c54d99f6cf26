"""Results -> what a report says, whatever its form: the answer, tables, caveats, the data of its figure."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

from bnbench.report import plotly_data, tables
from bnbench.report.headline import headline_sentences
from bnbench.report.markdown import escape_markdown, pipe_table
from bnbench.report.tables import Table
from bnbench.results.caveats import list_caveats
from bnbench.results.diagnoses import Diagnosis, list_diagnoses
from bnbench.results.results import Results
from bnbench.store import results_dir

MAIN = {"rates", "differences", "times", "pre-activations"}  # figures of the report as Markdown; the page has all


@dataclass(frozen=True)
class Picture:
    """A figure that has been drawn."""

    path: str  # below the results folder
    caption: str
    base64: str  # of the PNG
    width: int  # in pixels of a page


@dataclass(frozen=True)
class Document:
    """All that a report says."""

    title: str
    subtitle: str
    folder: str
    answer: Sequence[str]
    caveats: Sequence[str]
    diagnoses: Sequence[Diagnosis]
    claims: Table | None
    variants: Table
    rates: Table
    differences: Table | None
    published: Table | None
    pictures: Sequence[Picture]
    main: Sequence[Picture]  # those that show most
    score: str  # what is compared: accuracy or R²
    data: Mapping[str, Any]  # as `interactive.figure_data` has it
    command: str
    config: str
    environment: str


def make_document(results: Results, pictures: Sequence[Picture]) -> Document:
    """What the report of these results says."""

    def of(make: Callable[[Results], Table | None]) -> Any:
        table = make(results)
        return table and table.map(results.said)

    experiment, summary = results.experiment, results.summary
    name = experiment.name if experiment else results.folder.name
    seeds = int(summary["n"].max()) if len(summary) else 0
    ended = len(results.trials) - len(results.faults)
    of_one_rate = summary["learning_rate"].nunique() == 1  # against it, others show single points
    main = MAIN | {"curves"} if of_one_rate else MAIN
    return Document(
        title=(experiment and experiment.title) or name,
        subtitle=f"{name}: {ended} of {results.planned} trials, up to {seeds} seed{'s' * (seeds != 1)} a rate",
        folder=str(results.folder),
        answer=headline_sentences(results),
        caveats=list_caveats(results),
        diagnoses=list_diagnoses(results.diagnoses, results.axes),
        claims=of(tables.claims_table),
        variants=of(tables.variants_table),
        rates=of(tables.rates_table),
        differences=of(tables.differences_table),
        published=of(tables.published_table),
        pictures=pictures,
        main=[one for one in pictures if Path(one.path).stem in main],
        score=results.said("accuracy"),
        data={} if summary.empty else plotly_data.figure_data(results),
        command=rerun_command(results.folder),
        config=experiment.to_yaml() if experiment else f"{results_dir.CONFIG} cannot be read",
        environment=json.dumps(results.environment, indent=1, ensure_ascii=False),
    )


def rerun_command(folder: Path) -> str:
    """What goes on in this folder, and trains the same anew where it is not."""
    elsewhere = [] if folder.parent == Path("results") else ["--results-dir", str(folder.parent)]
    return shlex.join(["bnbench", "run", str(folder / results_dir.CONFIG), *elsewhere])


def render_markdown(content: Document) -> str:
    """The report as Markdown, for the summary of a CI run or a pull request."""
    parts = [
        f"# {escape_markdown(content.title)}",
        escape_markdown(content.subtitle),
        "## Answer",
        *map(escape_markdown, content.answer),
    ]
    for heading, table in (
        ("Claims", content.claims),
        ("Variants", content.variants),
        ("Differences, paired by seed", content.differences),
        ("Every learning rate", content.rates),
        ("Published figures beside ours", content.published),
    ):
        if table and table.rows:
            parts += [f"## {heading}", escape_markdown(table.caption), _table(table)]
    if content.caveats:
        parts += ["## To keep in mind", "\n".join(f"- {escape_markdown(caveat)}" for caveat in content.caveats)]
    if content.diagnoses:
        parts += ["## Diagnoses", *map(_diagnosis, content.diagnoses)]
    if content.main:
        parts += ["## Figures", *(f"![{escape_markdown(one.caption)}]({one.path})" for one in content.main)]
    return "\n\n".join([*parts, "## How to get this again", indent(content.command, "    ", lambda line: True)]) + "\n"


def _diagnosis(one: Diagnosis) -> str:
    lines = [
        f"**{escape_markdown(one.symptom.capitalize())}.** {escape_markdown(one.meaning)}\n",
        *(f"- {escape_markdown(line)}" for line in one.lines),
    ]
    return "\n".join([*lines, f"\nUsual cures: {escape_markdown('; '.join(one.cures))}."])


def _table(table: Table) -> str:
    return pipe_table(
        map(escape_markdown, table.header), ([escape_markdown(cell.text) for cell in row] for row in table.rows)
    )
