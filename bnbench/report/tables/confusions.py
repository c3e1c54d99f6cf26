"""The tables of confused classes."""

from bnbench.analysis.confusion import MAX_CLASSES, most_confused
from bnbench.analysis.labels import axis_name, format_percent
from bnbench.report.tables.cells import number_cell, place_cells, rate_cells, share_cell
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results

# The number of confused pairs of each variant in a report.
MAX_PAIRS = 5
OF_TRIAL = (
    "They are of one trial of each variant: at its best rate, the seed with the highest validation score. The test "
    "rows have no part in this choice."
)


def confusions_table(results: Results) -> Table | None:
    """Return the most confused pairs of classes of each variant, or None if nothing is confused, or known."""
    table = most_confused(results.confusions, MAX_PAIRS) if len(results.confusions) else results.confusions
    if table.empty:
        return None
    rate_cell = rate_cells(results)
    rows = [
        [
            *place_cells(row, results.axes), rate_cell(row["learning_rate"]), number_cell(row["seed"], "d"),
            Cell(row["target"]), Cell(row["predicted"]), number_cell(row["rows"], "d"),
            share_cell(row["share"], format_percent),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = [
        "variant",
        *map(axis_name, results.axes),
        "rate",
        "seed",
        "class",
        "predicted",
        "rows",
        "share of the class",
    ]
    caption = f"The {MAX_PAIRS} pairs of classes that each variant confuses most: test rows, final weights. {OF_TRIAL}"
    return Table(caption, header, rows)


def matrices_table(results: Results) -> Table | None:
    """Return the whole confusion matrices, or None if there are none, or too many classes to read them."""
    table = results.confusions
    classes = list(dict.fromkeys(table["target"]))
    groups = table.groupby(["variant", "target"], sort=False)
    # Where an axis changes the data, variants may have other classes.
    if not 0 < len(classes) <= MAX_CLASSES or any(len(part) != len(classes) for _, part in groups):
        return None
    rows = [
        [Cell(str(variant)), Cell(str(target)), *(number_cell(count, "d") for count in part["rows"])]
        for (variant, target), part in groups
    ]
    caption = f"Test rows by their class (row) and the predicted class (column), final weights. {OF_TRIAL}"
    return Table(caption, ["variant", "class", *classes], rows)
