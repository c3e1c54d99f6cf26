"""Results -> all figures of the report."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

import pandas as pd

from bnbench.config.figure_settings import FigureSettings
from bnbench.report import figures
from bnbench.report.figures.layout import split_by_setting
from bnbench.report.figures.spec import DrawnFigure, FigureInput, FigureSpec
from bnbench.report.figures.style import Look, variant_looks
from bnbench.results.results import Results


def draw_figures(results: Results, settings: FigureSettings | None = None) -> Iterator[DrawnFigure]:
    """Yield every figure that has data, in the order of the report.

    Args:
        results: what is drawn.
        settings: how it is drawn; by default as the config says.
    """
    for spec in list_figures():
        yield from _draw_figure(spec, results, settings)


def list_figures() -> list[FigureSpec]:
    """Return the `FIGURE` of every module in this folder that has one, sorted by `order`."""
    modules = [import_module(f"{figures.__name__}.{info.name}") for info in iter_modules(figures.__path__)]
    return sorted((module.FIGURE for module in modules if hasattr(module, "FIGURE")), key=lambda spec: spec.order)


def looks_of(results: Results, settings: FigureSettings) -> dict[str, Look]:
    """Return the look that each variant has in all figures."""
    return variant_looks(list(dict.fromkeys(results.summary["variant"])), settings)


def figure_inputs(spec: FigureSpec, results: Results, settings: FigureSettings | None = None) -> list[FigureInput]:
    """Return the data of each file that a figure becomes; none if there is nothing to draw."""
    table = results.summary if results.summary.empty else spec.table(results)
    if table.empty:
        return []
    chosen = settings or results.config.figures
    whole = FigureInput(results, table, looks_of(results, chosen), results.score_name, settings=chosen)
    if spec.per_page is None:
        return [whole]
    parts = spec.split(whole) if spec.split else split_by_setting(results, table)
    most = max(1, spec.per_page(whole))
    pages = [parts[start : start + most] for start in range(0, len(parts), most)]
    return [_page(whole, page, alone=most == 1) for page in pages]


def _page(whole: FigureInput, page: list[tuple[str, pd.DataFrame]], alone: bool) -> FigureInput:
    """Return what one file draws; a file of one setting says which one it is."""
    table = page[0][1] if len(page) == 1 else pd.concat([rows for _, rows in page])
    return replace(whole, table=table, setting=page[0][0] if alone else "")


def _draw_figure(spec: FigureSpec, results: Results, settings: FigureSettings | None) -> Iterator[DrawnFigure]:
    inputs = figure_inputs(spec, results, settings)
    for number, one in enumerate(inputs, start=1):
        name = spec.name if len(inputs) == 1 else f"{spec.name}-{number}"
        yield DrawnFigure(name, spec.name, spec.caption(one), spec.draw(one))
