"""Shows `Results` in a notebook and in a paper: figures, a summary as HTML, and tables as LaTeX."""

from collections.abc import Sequence
from functools import cached_property

from bnbench.report.latex import render_latex
from bnbench.report.notebook import render_summary
from bnbench.results.presentation import Plots
from bnbench.results.results import Results


class ReportPresentation:
    """Shows some results with the figures and tables of the report."""

    def __init__(self, results: Results) -> None:
        self._results = results

    @cached_property
    def plot(self) -> Plots:
        """The figures of the report as methods."""
        # Matplotlib is imported by the first figure, not by the first table.
        from bnbench.report import plots

        return plots.Plots(self._results)

    def to_html(self) -> str:
        """Return a summary as a part of an HTML page: the answer, the variants, the claims, the files."""
        return render_summary(self._results)

    def to_latex(self, table: str, columns: Sequence[str] | None, caption: str | None, label: str | None) -> str:
        """Return a table of the report as LaTeX. `Results.to_latex` describes the arguments and the errors."""
        return render_latex(self._results, table, columns, caption, label)
