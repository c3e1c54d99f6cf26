"""Results -> all figures of the report."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from bnbench.report import figures
from bnbench.report.figures.layout import split_by_setting
from bnbench.report.figures.spec import DrawnFigure, FigureInput, FigureSpec
from bnbench.report.figures.style import Look, variant_looks
from bnbench.results.results import Results


def draw_figures(results: Results) -> Iterator[DrawnFigure]:
    """Yield every figure that has data, in the order of the report."""
    for spec in list_figures():
        yield from _draw_figure(spec, results)


def list_figures() -> list[FigureSpec]:
    """Return the `FIGURE` of every module in this folder that has one, sorted by `order`."""
    modules = [import_module(f"{figures.__name__}.{info.name}") for info in iter_modules(figures.__path__)]
    return sorted((module.FIGURE for module in modules if hasattr(module, "FIGURE")), key=lambda spec: spec.order)


def looks_of(results: Results) -> dict[str, Look]:
    """Return the look that each variant has in all figures."""
    return variant_looks(list(dict.fromkeys(results.summary["variant"])))


def figure_inputs(spec: FigureSpec, results: Results) -> list[FigureInput]:
    """Return the data of each file that a figure becomes; none if there is nothing to draw."""
    table = results.summary if results.summary.empty else spec.table(results)
    if table.empty:
        return []
    looks = looks_of(results)
    parts = split_by_setting(results, table) if spec.per_setting else [("", table)]
    return [FigureInput(results, part, looks, results.score_name, setting) for setting, part in parts]


def _draw_figure(spec: FigureSpec, results: Results) -> Iterator[DrawnFigure]:
    inputs = figure_inputs(spec, results)
    for number, one in enumerate(inputs, start=1):
        name = spec.name if len(inputs) == 1 else f"{spec.name}-{number}"
        yield DrawnFigure(name, spec.caption(one), spec.draw(one))
