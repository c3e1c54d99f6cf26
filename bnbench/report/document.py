"""Results -> the content of a report in any form: the answer, tables, caveats, the data of its figure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from bnbench.analysis.labels import format_count
from bnbench.report import plotly_data
from bnbench.report.failed import failed_table
from bnbench.report.headline.answer import Answer, make_answer
from bnbench.report.markdown import escape_markdown, pipe_table
from bnbench.report.tables.claims import claims_table, published_table
from bnbench.report.tables.confusions import confusions_table, matrices_table
from bnbench.report.tables.credit import credit_table
from bnbench.report.tables.design import looks_table, stages_table
from bnbench.report.tables.differences import differences_table
from bnbench.report.tables.guesses import guesses_table
from bnbench.report.tables.layout import columns_of, is_numeric, without_empty_columns
from bnbench.report.tables.rates import rates_table
from bnbench.report.tables.table import Table
from bnbench.report.tables.variants import variants_table
from bnbench.results.caveats import list_caveats
from bnbench.results.diagnoses import Diagnosis, list_diagnoses
from bnbench.results.outside import outside_count
from bnbench.results.results import Results
from bnbench.store import results_dir

# The number of figures in the Markdown report; the HTML report has all figures.
MAIN = {"axis", "credit", "axis-heat", "rates", "differences", "times", "pre-activations"}
# Who asks for a probe wants to see what it found.
MAIN |= {"first-steps", "sharpness", "line-search", "predictiveness", "effective-rate"}
# A table with more rows is folded: a reader opens it.
MAX_ROWS = 30
# Pictures up to this width in pixels stand in two columns.
WIDE = 500
# What a reader must know about the section of the source's figures.
UNSEEN = (
    "We have never seen the source's pictures, only what the source says about them. So each figure has the axes of "
    "that description. The colors and ranges of the source's pictures, and the exact course of their curves, are "
    "unknown to us."
)


@dataclass(frozen=True)
class Picture:
    """A figure that has been drawn.

    Attributes:
        path: relative to the results folder.
        base64: of the PNG file.
        width: in pixels of a page.
        kind: the name of the figure, which several files may share.
        note: what the text below the panels says, also if the picture does not show it.
        dark_base64: of the same picture for a dark page.
    """

    path: str
    caption: str
    base64: str
    width: int
    kind: str = ""
    note: str = ""
    dark_base64: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether the picture needs the whole width of a page."""
        return self.width > WIDE


@dataclass(frozen=True)
class SourcePicture:
    """A figure of the experiment's source: what the source says about it, and ours in the same axes.

    Attributes:
        picture: None if there is nothing to draw.
        missing: sentences about trials or values that are missing.
    """

    source: str
    description: str
    picture: Picture | None
    missing: Sequence[str]


@dataclass(frozen=True)
class Document:
    """The content of a report.

    Attributes:
        main: the pictures that show most.
        score: the name of the score: accuracy or R².
        confusions: the most confused pairs of classes.
        matrices: the whole confusion matrices, for the HTML report.
        data: of the interactive figure, as `plotly_data.figure_data` returns it.
        guesses: edges that were predicted before the sweep, and what the sweep has found.
        credit: what each norm slot or ingredient adds to the edge, where the experiment asks for it.
        stages, looks: of an adaptive design, what it trained for what, and every look at a claim.
        failed: the trials that failed, with their reasons.
        command: the shell command that continues the experiment, or trains it again on another machine.
    """

    title: str
    subtitle: str
    folder: str
    answer: Answer
    caveats: Sequence[str]
    diagnoses: Sequence[Diagnosis]
    failed: Table | None
    claims: Table | None
    credit: Table | None
    stages: Table | None
    looks: Table | None
    variants: Table
    rates: Table
    guesses: Table | None
    differences: Table | None
    published: Table | None
    confusions: Table | None
    matrices: Table | None
    sources: Sequence[SourcePicture]
    pictures: Sequence[Picture]
    main: Sequence[Picture]
    score: str
    data: Mapping[str, Any]
    command: str
    config: str
    environment: str


def make_document(results: Results, pictures: Sequence[Picture], sources: Sequence[SourcePicture] = ()) -> Document:
    """Return the content of the report of some results, with its figures and those of the source as we draw them."""
    config, summary = results.config, results.summary
    # With one learning rate, figures against the rate show single points.
    main = MAIN | {"curves"} if summary["learning_rate"].nunique() == 1 else MAIN
    main = main | {"edge"} if results.design else main
    return Document(
        title=config.title or config.name,
        subtitle=describe_progress(results),
        folder=str(results_dir.shown_folder(results.folder)),
        answer=make_answer(results),
        caveats=list_caveats(results),
        diagnoses=list_diagnoses(results.diagnoses, results.axes, results.n_settings),
        failed=failed_table(results),
        claims=claims_table(results),
        credit=credit_table(results),
        stages=stages_table(results),
        looks=looks_table(results),
        variants=variants_table(results),
        rates=rates_table(results),
        guesses=guesses_table(results),
        differences=differences_table(results),
        published=published_table(results),
        confusions=confusions_table(results),
        matrices=matrices_table(results),
        sources=sources,
        pictures=pictures,
        main=[one for one in pictures if one.kind in main],
        score=results.score_name,
        data={} if summary.empty else plotly_data.figure_data(results),
        command=results_dir.rerun_command(results_dir.shown_folder(results.folder), results.part),
        config=config.text or f"{results_dir.CONFIG} cannot be read",
        environment=json.dumps(results.environment, indent=1, ensure_ascii=False),
    )


def describe_progress(results: Results) -> str:
    """Return the name of an experiment and how much of it has been trained."""
    if results.design:
        return f"{results.config.name}: {describe_design_progress(results)}{outside_count(len(results.outside))}"
    seeds = int(results.summary["n"].max()) if len(results.summary) else 0
    finished = len(results.trials) - len(results.faults)
    trials = f"{finished} of {results.planned} trials, up to {format_count(seeds, 'seed')} a rate"
    part = f", part {results.part}" if results.part else ""
    return f"{results.config.name}{part}: {trials}{outside_count(len(results.outside))}"


def describe_design_progress(results: Results) -> str:
    """Return how far an adaptive design is: `an adaptive design of 94 trainings, finished`."""
    finished = len(results.trials) - len(results.faults)
    state = (
        "finished" if results.design and results.design.record.finished else "not finished, so verdicts are provisional"
    )
    return f"an adaptive design, {format_count(finished, 'training')}, {state}"


def render_markdown(content: Document) -> str:
    """Return the report as Markdown, for the summary of a CI run or a pull request."""
    parts = [
        f"# {escape_markdown(content.title)}",
        escape_markdown(content.subtitle),
        "## Answer",
        *map(escape_markdown, [*content.answer.sentences, *content.answer.open, *filter(None, [content.answer.power])]),
    ]
    if content.answer.table:
        shown = without_empty_columns(content.answer.table)
        parts += [_table(shown), escape_markdown(shown.caption)]
    for heading, table in (
        ("Claims", content.claims),
        ("Which part raises the highest rate that trains", content.credit),
        ("How the design decided", content.looks),
        ("What the design trained", content.stages),
        ("Variants", content.variants),
        ("Predicted before the sweep", content.guesses),
        ("Differences, paired by seed", content.differences),
        ("Every learning rate", content.rates),
        ("Failed trials", content.failed),
        ("Published values next to ours", content.published),
        ("Classes that are confused", content.confusions),
    ):
        if table and table.rows:
            shown = without_empty_columns(table)
            parts += [f"## {heading}", escape_markdown(shown.caption), _table(shown)]
    if content.sources:
        parts += ["## The source's figures", UNSEEN, *(part for one in content.sources for part in _source(one))]
    if content.caveats:
        parts += ["## To keep in mind", "\n".join(f"- {escape_markdown(caveat)}" for caveat in content.caveats)]
    if content.diagnoses:
        parts += ["## Diagnoses", *map(_diagnosis, content.diagnoses)]
    if content.main:
        parts += ["## Figures", *(f"![{escape_markdown(one.caption)}]({one.path})" for one in content.main)]
    return "\n\n".join([*parts, "## How to get this again", indent(content.command, "    ", lambda line: True)]) + "\n"


def _source(one: SourcePicture) -> list[str]:
    """Return the source's description and our figure, or why there is none."""
    parts = [f"**{escape_markdown(one.source)}**: {escape_markdown(one.description)}"]
    if one.picture:
        caption = escape_markdown(one.picture.caption)
        parts += [f"![{caption}]({one.picture.path})"]
    return [*parts, *map(escape_markdown, one.missing)]


def _diagnosis(one: Diagnosis) -> str:
    lines = [
        f"**{escape_markdown(one.symptom.capitalize())}.** {escape_markdown(f'{one.question} {one.meaning}')}\n",
        *(f"- {escape_markdown(line)}" for line in one.lines),
    ]
    cures = [f"\nUsual cures: {escape_markdown('; '.join(one.cures))}."] if one.cures else []
    return "\n".join([*lines, *cures])


def _table(table: Table) -> str:
    text = pipe_table(
        map(escape_markdown, table.header),
        ([escape_markdown(cell.text) for cell in row] for row in table.rows),
        list(map(is_numeric, columns_of(table))),
    )
    if len(table.rows) <= MAX_ROWS:
        return text
    return f"<details><summary>All {len(table.rows)} rows</summary>\n\n{text}\n\n</details>"
