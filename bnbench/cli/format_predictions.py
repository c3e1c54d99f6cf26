"""Predictions as text, part by part, because there may be millions of rows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from bnbench.analysis.labels import format_value

if TYPE_CHECKING:
    from bnbench.commands.predict import Predictions


def format_predictions(predictions: "Predictions") -> Iterator[str]:
    """Yield the header and then lines for some thousand input rows at a time, in columns that line up."""
    widths = _column_widths(predictions)
    for number, part in enumerate(predictions.make_parts()):
        columns = [_column_texts(part[name]) for name in part.columns]
        lines = zip(*columns, strict=True)
        header = [] if number else [tuple(part.columns)]
        spaces = [widths.get(name.partition("_")[0], len(name)) for name in part.columns]
        # Nothing follows the last column.
        spaces[-1] = 0
        form = "  ".join(f"{{:<{max(width, len(name))}}}" for width, name in zip(spaces, part.columns, strict=True))
        yield "\n".join(form.format(*line).rstrip() for line in (*header, *lines))


def _column_widths(predictions: "Predictions") -> dict[str, int]:
    """Return the width of each column, which is known before any prediction."""
    return {
        "input": max(len(str(one.path)) for one in predictions.inputs),
        "row": max(len(str(one.rows)) for one in predictions.inputs),
        "class": max(map(len, predictions.card.classes), default=0),
    }


def _column_texts(column: pd.Series) -> list[str]:
    """Return the cells of a column as text, with probabilities to four decimals."""
    values = column.tolist()
    if str(column.name).startswith("probability"):
        return ["" if value != value else f"{value:.4f}" for value in values]
    return list(map(format_value, values)) if column.name == "value" else list(map(str, values))
