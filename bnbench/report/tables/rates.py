"""The table of every learning rate."""

from bnbench.analysis.labels import axis_name
from bnbench.report.tables.cells import NOT_FINITE, number_cell, place_cells, rate_cells, spread_cell
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results


def rates_table(results: Results) -> Table:
    """Return a row per variant, axis value and learning rate."""
    score = results.score_name
    header = ["variant", *map(axis_name, results.axes), "rate", "n", "ok", "P(ok), 95% interval"]
    header += [f"validation {score} ± SD", f"test {score} ± SD", "validation loss", "at chance", "diverged"]
    rate_cell = rate_cells(results)
    rows = [
        [
            *place_cells(row, results.axes), rate_cell(row["learning_rate"]), number_cell(row["n"], "d"),
            number_cell(row["n_ok"], "d"),
            Cell(f"{row['p_ok']:.0%} ({100 * row['p_ok_low']:.0f} to {row['p_ok_high']:.0%})", row["p_ok"]),
            spread_cell(row, "validation_score"), spread_cell(row, "test_score"),
            number_cell(row["validation_loss_mean"], ".4g", NOT_FINITE),
            number_cell(row["n_chance"], "d"), number_cell(row["n_diverged"], "d"),
        ]
        for row in results.summary.to_dict("records")
    ]  # fmt: skip
    caption = f"Means and SD over seeds; a diverged trial counts at chance ({score}) and at the initial loss."
    return Table(caption, header, rows)
