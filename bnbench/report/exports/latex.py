"""Results -> the tables of the report as LaTeX, one file each, for the package booktabs."""

from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.report.latex import TABLES, escape_latex, render_latex
from bnbench.results.results import Results
from bnbench.store import results_dir

# What a paper needs before `\begin{document}`.
PREAMBLE = "% Needs \\usepackage{booktabs} and \\usepackage{textcomp}. Made by bnbench.\n"


def export(results: Results, folder: Path) -> list[Path]:
    """Write a file for each table that has rows: variants.tex, differences.tex and so on.

    Raises:
        ResultsError: there is no table yet, or a file cannot be written.
    """
    made = {name: table for name, make in TABLES.items() if (table := make(results)) is not None and table.rows}
    if not made:
        raise ResultsError(f"{results.folder}: no trial has finished, so there is no table to export")
    paths = []
    for name, table in made.items():
        path = folder / f"{name}.tex"
        text = render_latex(results, name, None, escape_latex(table.caption), f"tab:{results.config.name}-{name}")
        results_dir.write_text(path, PREAMBLE + text)
        paths.append(path)
    return paths
