"""Content of a report -> report.html: one file that needs no network, with the answer first."""

import base64
import gzip
import re
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from bnbench.report.document import MAX_ROWS, UNSEEN, Document
from bnbench.report.tables.layout import columns_of, decimal_pads, is_numeric, without_empty_columns
from bnbench.report.tables.table import Table

CODE = re.compile(r"`([^`]+)`")


@cache
def templates() -> Environment:
    """Return the templates of this room, which escape all text."""
    made = Environment(loader=PackageLoader("bnbench.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    made.filters["code"] = mark_code
    return made


def mark_code(text: str) -> Markup:
    """Return a sentence, escaped, with what is between backticks as code."""
    # Nothing but the escaped text and our own tags.
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704


def _own(name: str) -> Markup:
    text = files("bnbench.report").joinpath("templates", name).read_text(encoding="utf-8")
    # It is a file of this package.
    return Markup(text)  # noqa: S704


def lay_out(table: Table) -> dict[str, Any]:
    """Return a table as the template writes it: rows of cells, each with what is missing behind its number."""
    shown = without_empty_columns(table)
    columns = columns_of(shown)
    header = [(name, is_numeric(column)) for name, column in zip(shown.header, columns, strict=True)]
    rows = [list(zip(row, pads, strict=True)) for row, pads in zip(shown.rows, decimal_pads(shown), strict=True)]
    return {"caption": shown.caption, "header": header, "rows": rows, "sortable": shown.sortable}


@cache
def _plotly() -> str:
    """Return the plotting library from its package as gzip and base64, which is a third of its size."""
    script = files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return base64.b64encode(gzip.compress(script, compresslevel=6, mtime=0)).decode("ascii")


def render_html(content: Document) -> str:
    """Return the whole page. Text from a config is escaped, so it cannot act as HTML."""
    data = content.data
    curves = data.get("curves", [])
    shown, trials = sum(curve is not None for curve in curves), len(curves)
    note = f"The curves of {shown:,} of {trials:,} trials are in this page; history.csv has all."
    return templates().get_template("report.html").render(
        **vars(content), lay_out=lay_out, unseen=UNSEEN, max_rows=MAX_ROWS,
        curves_note=note if shown < trials else "", version=version("bnbench"),
        style=_own("report.css"), script=_own("report.js"), plotly=_plotly(),
    )  # fmt: skip
