"""Which norm slot or ingredient raises the edge, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.labels import format_axes, format_factor
from bnbench.report.tables.credit import credit_interval
from bnbench.results.credit import OVERLAP, PART, TOTAL
from bnbench.results.results import Results

# Sentences for so many values of the further axes; the table has all.
MAX_PLACES = 3
# More parts than these are summed up; the table has all.
MAX_PARTS = 4


def describe_credit(results: Results) -> list[str]:
    """Return a sentence for each value of the further axes; none without `credit`."""
    table = results.credit
    if table.empty:
        # With further axes, the table has those values at which all edges are known.
        reason = "" if results.axes else results.why_no_credit({})
        return [f"What each part adds is open: {reason}."] if reason else []
    if not results.axes:
        return [describe_shares(table)]
    parts = list(table.groupby(results.axes, sort=False, dropna=False))[:MAX_PLACES]
    return [f"At {format_axes(rows.iloc[0].to_dict(), results.axes)}: {describe_shares(rows)}" for _, rows in parts]


def describe_shares(table: pd.DataFrame) -> str:
    """Return what the parts add at one setting: the largest shares first, the overlap last."""
    rows = {kind: rows.to_dict("records") for kind, rows in table.groupby("kind")}
    total = rows[TOTAL][0]
    parts = sorted(rows[PART], key=lambda row: -row["credit"])
    shown = [f"{row['label']} {_decades(row)}" for row in parts[:MAX_PARTS]]
    left = len(parts) - len(shown)
    listed = "; ".join([*shown, *([f"{left} others share the rest"] if left else [])])
    whole = f"All {len(parts)} parts together raise" if len(parts) > 1 else "The one part raises"
    factor = format_factor(10 ** total["credit"])
    text = f"{whole} the highest rate that trains by {_decades(total)}, a factor of {factor}: {listed}."
    return " ".join([text, *_of_overlap(rows[OVERLAP][0])])


def _of_overlap(row: Mapping[Any, Any]) -> Iterator[str]:
    """Yield whether the parts replace or need each other, where that is shown."""
    if row["credit_high"] < 0:
        yield f"They partly replace each other: alone, they would add {-row['credit']:.2f} decades more."
    elif row["credit_low"] > 0:
        yield f"They need each other: alone, they would add {row['credit']:.2f} decades less."


def _decades(row: Mapping[Any, Any]) -> str:
    """Return a number of decades with its interval: `0.43 decades (95% interval 0.38 to 0.48)`."""
    return f"{row['credit']:.2f} decades ({credit_interval(row)})"
