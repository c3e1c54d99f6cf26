"""Results -> a table of the report as LaTeX, in the style of the package booktabs."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from bnbench.errors import ResultsError, not_one_of
from bnbench.report.tables.claims import claims_table, published_table
from bnbench.report.tables.credit import credit_table
from bnbench.report.tables.differences import differences_table
from bnbench.report.tables.layout import columns_of, without_empty_columns
from bnbench.report.tables.rates import rates_table
from bnbench.report.tables.table import Cell, Table, select_columns
from bnbench.report.tables.variants import variants_table
from bnbench.results.results import Results

# The tables by the names that they have as attributes of `Results`.
TABLES: Mapping[str, Callable[[Results], Table | None]] = MappingProxyType(
    {
        "variants": variants_table,
        "summary": rates_table,
        "differences": differences_table,
        "claims": claims_table,
        "published": published_table,
        "credit": credit_table,
    }
)
# The characters that mean something in LaTeX, and three that some fonts show as others.
ESCAPED = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "±": r"$\pm$",
        "→": r"$\rightarrow$",
        "²": r"\textsuperscript{2}",
        "µ": r"\textmu{}",
    }
)


def render_latex(
    results: Results, name: str, columns: Sequence[str] | None, caption: str | None, label: str | None
) -> str:
    """Return a table as LaTeX. `Results.to_latex` describes the arguments and the errors."""
    if name not in TABLES:
        raise ResultsError(f"table: {not_one_of(name, TABLES)}")
    table = TABLES[name](results)
    if table is None or not table.rows:
        raise ResultsError(f"{results.folder}: the table {name!r} has no rows")
    shown = without_empty_columns(table) if columns is None else select_columns(table, columns)
    cells = [[escape_latex(cell.text) for cell in row] for row in shown.rows]
    frame = pd.DataFrame(cells, columns=list(map(escape_latex, shown.header)))
    # `escape_latex` knows more characters than pandas.
    alignment = "".join(map(_alignment, columns_of(shown)))
    return frame.to_latex(index=False, escape=False, column_format=alignment, caption=caption, label=label)


def escape_latex(text: str) -> str:
    """Return text on one line, so that LaTeX shows it as it is."""
    return " ".join(text.translate(ESCAPED).split())


def _alignment(column: Sequence[Cell]) -> str:
    """Return `r` for a column of numbers, else `l`."""
    return "r" if any(cell.number is not None for cell in column) else "l"
