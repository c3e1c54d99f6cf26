"""Results -> the summary that a notebook shows: a part of a page without scripts and without other files."""

from dataclasses import replace

from bnbench.errors import BnbenchError
from bnbench.report.document import describe_progress
from bnbench.report.headline import headline_sentences
from bnbench.report.html import templates
from bnbench.report.tables import Table, claims_table, select_columns, variants_table
from bnbench.results.results import Results
from bnbench.store.folder import list_files

# The first columns of the table of variants that fit into a notebook, after the variant and the further axes.
VARIANT_COLUMNS = 5
CLAIM_COLUMNS = ("verdict", "claim", "claimed", "measured", "95% interval", "n")
# The maximum number of rows of a table in a notebook. The report has all.
MAX_ROWS = 20


def render_summary(results: Results) -> str:
    """Return the answer, the table of variants, the claims and the names of the files. Text of a config is escaped.

    If there is no summary, for example because some scores are accuracies and some are R², the reason is shown instead.
    """
    try:
        answer, tables = headline_sentences(results), _tables(results)
        subtitle = describe_progress(results)
    except BnbenchError as error:
        answer, tables, subtitle = [str(error)], [], results.config.name
    return templates().get_template("summary.html").render(
        title=results.config.title or results.config.name, subtitle=subtitle, answer=answer, tables=tables,
        folder=results.folder, files=list_files(results.folder),
    )  # fmt: skip


def _tables(results: Results) -> list[Table]:
    """Return the variants and the claims, as far as there are any, with the columns that fit into a notebook."""
    variants, claims = variants_table(results), claims_table(results)
    first = list(variants.header)[: 1 + len(results.axes) + VARIANT_COLUMNS]
    shown = [select_columns(variants, [*first, "diverged"])]
    if claims:
        shown.append(select_columns(claims, CLAIM_COLUMNS))
    return [_cut(table) for table in shown if table.rows]


def _cut(table: Table) -> Table:
    """Return the first rows of a table, with a caption that says so. The captions of the report are longer."""
    total = len(table.rows)
    caption = f"{MAX_ROWS} of {total:,} rows; the report has all" if total > MAX_ROWS else ""
    return replace(table, caption=caption, rows=list(table.rows)[:MAX_ROWS])
