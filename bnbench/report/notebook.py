"""Results -> the summary that a notebook shows: a part of a page without scripts and without other files."""

from dataclasses import replace

from bnbench.errors import BnbenchError
from bnbench.report.document import describe_progress
from bnbench.report.headline.answer import Answer, make_answer
from bnbench.report.html import templates
from bnbench.report.tables.claims import claims_table
from bnbench.report.tables.table import Table, select_columns
from bnbench.results.results import Results
from bnbench.store.folder import list_files

CLAIM_COLUMNS = ("verdict", "claim", "claimed", "measured", "95% interval", "n")
# The maximum number of rows of a table in a notebook. The report has all.
MAX_ROWS = 20


def render_summary(results: Results) -> str:
    """Return the answer with its table, the claims and the names of the files. Text of a config is escaped.

    If there is no summary, for example because some scores are accuracies and some are R², the reason is shown instead.
    """
    try:
        answer = make_answer(results)
        tables = _tables(results, answer)
        subtitle = describe_progress(results)
    except BnbenchError as error:
        answer, tables, subtitle = Answer([str(error)]), [], results.config.name
    return templates().get_template("summary.html").render(
        title=results.config.title or results.config.name, subtitle=subtitle, answer=answer, tables=tables,
        folder=results.folder, files=list_files(results.folder),
    )  # fmt: skip


def _tables(results: Results, answer: Answer) -> list[Table]:
    """Return the table of the answer, and the claims with those of its columns that fit into a notebook."""
    claims = claims_table(results)
    shown = [*([answer.table] if answer.table else []), *([select_columns(claims, CLAIM_COLUMNS)] if claims else [])]
    return [_cut(table) for table in shown if table.rows]


def _cut(table: Table) -> Table:
    """Return the first rows of a table, with a caption that says so. The captions of the report are longer."""
    total = len(table.rows)
    caption = f"{MAX_ROWS} of {total:,} rows; the report has all" if total > MAX_ROWS else ""
    return replace(table, caption=caption, rows=list(table.rows)[:MAX_ROWS])
