"""Renders the reference page of all columns, as Markdown tables; `columns.py` declares them. `make docs` writes it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bnbench.analysis.columns import TABLES, Column

BEGIN, END = "<!-- columns: generated -->", "<!-- end of columns -->"
HEADINGS = {
    "trials": ("`trials.csv`, `Results.trials`", "One row per trial. Further axes of the sweep follow `seed`."),
    "history": ("`history.csv`, `Results.history`", "One row per trial and epoch."),
    "summary": (
        "`summary.csv`, `Results.summary`",
        "One row per variant, value of the further axes and learning rate. Further axes follow `variant`.",
    ),
    "claims": ("`claims.csv`, `Results.claims`", "One row per claim of the experiment file."),
    "published": (
        "`published.csv`, `Results.published`",
        "One row per published value and value of the further axes, which follow `variant`.",
    ),
    "variants": ("`Results.variants`", "One row per variant and value of the further axes, which follow `variant`."),
    "learning_curves": (
        "`Results.learning_curves`",
        "One row per variant and value of the further axes, which follow `variant`: its trials at its best rate.",
    ),
    "confusions": (
        "`Results.confusions`",
        "One row per variant, class and predicted class, for data with classes: the test rows of one trial of each "
        "variant. Further axes follow `variant`.",
    ),
    "step_times": (
        "`Results.step_times`",
        "One row per pair of variants, value of the further axes and round in which one worker trained both by turns. "
        "Further axes follow `over`.",
    ),
    "rate_guesses": (
        "`Results.rate_guesses`",
        "One row per variant, value of the further axes and predictor that `bnbench guess` has run. Further axes "
        "follow `variant`.",
    ),
    "guess_scores": ("`Results.guess_scores`", "One row per predictor that `bnbench guess` has run."),
    "credit": (
        "`Results.credit`",
        "One row per norm slot or ingredient, one for the total and one for the overlap, at each value of the further "
        "axes, which come first. Only for experiments with `credit`.",
    ),
}


def render_columns() -> str:
    """Return a section with a table for each table of results."""
    return "\n\n".join(_section(*HEADINGS[name], columns) for name, columns in TABLES.items())


def replace_block(page: str) -> str:
    """Return a page with a new block between its two marks.

    Raises:
        ValueError: the page does not have both marks, once each and in this order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"wanted {BEGIN} and below it {END}, each once")
    return f"{before}{BEGIN}\n{render_columns()}\n{END}{after}"


def _section(heading: str, text: str, columns: Sequence[Column]) -> str:
    rows = [_row(column) for column in columns if column.public]
    head = ["| column | type | meaning | former names |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {heading}", "", text, "", *head, *rows])


def _row(column: Column) -> str:
    meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
    former = ", ".join(f"`{name}`" for name in column.former)
    return f"| `{column.name}` | {column.dtype} | {meaning} | {former} |"


def _main() -> None:
    page = Path(sys.argv[1])
    page.write_text(replace_block(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _main()
