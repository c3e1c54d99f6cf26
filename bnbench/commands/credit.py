"""Which norm slots or ingredients raise the edge: trained where it is missing, and returned as plain values."""

import math
from typing import TYPE_CHECKING, Any

from bnbench.results.credit import OVERLAP, PART, TOTAL
from bnbench.results.results import Results

if TYPE_CHECKING:
    import pandas as pd


def credit_values(results: Results) -> dict[str, Any]:
    """Return the credit of each part as plain values, for JSON; an open end of an interval is None."""
    table = results.credit
    places = list(table.groupby(results.axes, sort=False, dropna=False)) if results.axes else [((), table)]
    return {
        "experiment": results.config.name,
        "folder": str(results.folder),
        "unit": "decades",
        "settings": [_setting(rows, results.axes) for _, rows in places if len(rows)],
        "problem": "" if results.axes else results.why_no_credit({}),
    }


def _setting(rows: "pd.DataFrame", axes: list[str]) -> dict[str, Any]:
    listed = rows.to_dict("records")
    total, overlap = (next(row for row in listed if row["kind"] == kind) for kind in (TOTAL, OVERLAP))
    return {
        "axes": {axis: listed[0][axis] for axis in axes},
        "parts": [
            {"part": row["part"], "label": row["label"], **{name: _numbers(row, name) for name in _ESTIMATES}}
            for row in listed
            if row["kind"] == PART
        ],
        "total": _numbers(total, "credit"),
        "overlap": _numbers(overlap, "credit"),
        "orders": int(total["orders"]),
    }


_ESTIMATES = ("credit", "alone", "last")


def _numbers(row: dict[Any, Any], name: str) -> dict[str, float | None] | None:
    """Return a number with the ends of its interval; None if it is not known."""
    if math.isnan(row[name]):
        return None
    ends = {end: row[f"{name}_{end}"] for end in ("low", "high")}
    return {"value": row[name], **{end: value if math.isfinite(value) else None for end, value in ends.items()}}
