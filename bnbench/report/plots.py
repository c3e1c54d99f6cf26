"""The figures of the report for notebooks and scripts: `results.plot.rates()` draws one and returns its Axes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib import pyplot, rc_context, rcParams
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bnbench.errors import ResultsError, did_you_mean
from bnbench.report.figures.gallery import figure_inputs, list_figures
from bnbench.report.figures.layout import split_by_setting
from bnbench.report.figures.spec import FigureSpec, figure_of
from bnbench.report.figures.style import STYLE, project_style, style_of
from bnbench.results.presentation import PlotMethod
from bnbench.results.results import Results

# The setting of the user that counts: figures have as many pixels as other figures of the user.
DPI: Literal["figure.dpi"] = "figure.dpi"


class Plots:
    """The figures of the report, each a method: `results.plot.rates()`, `results.plot.curves()`.

    They look as in the report, whatever style the user has set; that style stays set. Pyplot knows them, so a notebook
    shows them, and `pyplot.show()` and `pyplot.savefig()` work.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    def __getattr__(self, name: str) -> PlotMethod:
        # Notebooks ask every object for many names that begin with an underscore.
        specs = {} if name.startswith("_") else _specs()
        if name not in specs:
            hint = f"{did_you_mean(name, specs)}; there are {', '.join(specs)}" if specs else ""
            raise AttributeError(f"no figure has the name {name!r}{hint}")
        return _method(self._results, name, specs[name])

    def __dir__(self) -> list[str]:
        return list(_specs())

    def __repr__(self) -> str:
        return f"Plots({', '.join(_specs())})"


def draw_for_user(results: Results, spec: FigureSpec, *, ax: Axes | None = None) -> Axes | NDArray[Any]:
    """Draw a figure of the report and return its panels.

    Args:
        results: what is drawn.
        spec: the figure.
        ax: draw into these Axes, with the legend inside and without the note; by default into a new figure.

    Returns:
        The Axes of the panel, or a one-dimensional array of them in reading order if there are several. A figure that
        has a file for each setting of the further axes is drawn once for each setting.

    Raises:
        ResultsError: there is nothing to draw yet, or the figure does not fit into one panel.
    """
    inputs = figure_inputs(spec, results)
    if not inputs:
        raise ResultsError(f"{results.folder}: the figure {spec.name!r} has nothing to show for these trials")
    if ax is not None:
        _check_one_panel(spec, results, inputs[0].table)
        # The user may have chosen a black background, so text and lines keep the colors of the user's style.
        with rc_context({**STYLE, DPI: rcParams[DPI]}):
            spec.draw(replace(inputs[0], ax=ax))
        return ax
    with project_style({**style_of(inputs[0].settings), DPI: rcParams[DPI]}):
        panels = [panel for one in inputs for panel in _show(spec.draw(one))]
    return panels[0] if len(panels) == 1 else np.array(panels, dtype=object)


def _specs() -> dict[str, FigureSpec]:
    """Return the figures by the names of their methods, in the order of the report."""
    return {spec.name.replace("-", "_"): spec for spec in list_figures()}


def _method(results: Results, name: str, spec: FigureSpec) -> PlotMethod:
    """Return the method that draws a figure, with the docstring that notebooks show."""

    def method(*, ax: Axes | None = None) -> Axes | NDArray[Any]:
        return draw_for_user(results, spec, ax=ax)

    method.__name__ = method.__qualname__ = name
    into = " With `ax`, draw into these Axes." if spec.takes_ax else ""
    method.__doc__ = f"Draw the figure {spec.name!r} of the report, and return its Axes or an array of them.{into}"
    return method


def _check_one_panel(spec: FigureSpec, results: Results, table: pd.DataFrame) -> None:
    reason = "" if spec.takes_ax else "it has several panels"
    settings = len(split_by_setting(results, table)) if spec.takes_ax else 1
    if settings > 1:
        reason = f"it has a panel for each of the {settings} settings of the further axes"
    if reason:
        raise ResultsError(f"the figure {spec.name!r} cannot be drawn into `ax`: {reason}; leave `ax` out")


def _show(panels: Sequence[Axes]) -> Sequence[Axes]:
    """Let pyplot know the figure of some panels, so that a notebook shows it, and return the panels."""
    figure = figure_of(panels[0])
    # `pyplot.figure` calls the class to make the figure that it then keeps.
    pyplot.figure(FigureClass=lambda *args, **settings: figure)  # type: ignore[arg-type]
    return panels
