"""Results -> the figures of the experiment's source, drawn from our trials."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from bnbench.analysis.labels import RateFormat, format_list, format_setting
from bnbench.config.figure_settings import FigureSettings
from bnbench.config.source_figures import AGAINST_RATE, SourceFigure
from bnbench.report.figures import sources
from bnbench.report.figures.gallery import looks_of
from bnbench.report.figures.sources.spec import DrawnSourceFigure, SourceInput, SourceKind
from bnbench.report.figures.spec import figure_of
from bnbench.results.results import Results


def draw_source_figures(results: Results, settings: FigureSettings | None = None) -> Iterator[DrawnSourceFigure]:
    """Yield each entry of `source_figures` in the order of the file, with its figure if there is something to draw."""
    for number, item in enumerate(results.config.source_figures, start=1):
        yield _draw(f"source-{number}", item, results, settings or results.config.figures)


@cache
def list_kinds() -> dict[str, SourceKind]:
    """Return the `KIND` of every module in this folder that has one, by name."""
    modules = [import_module(f"{sources.__name__}.{info.name}") for info in iter_modules(sources.__path__)]
    return {module.KIND.name: module.KIND for module in modules if hasattr(module, "KIND")}


def _draw(name: str, item: SourceFigure, results: Results, settings: FigureSettings) -> DrawnSourceFigure:
    looks = looks_of(results, settings)
    all_variants = results.config.variants or tuple(looks)
    variants = tuple(item.shown_variants(list(all_variants)))
    shown = {variant: looks[variant] for variant in variants if variant in looks}
    inputs = SourceInput(results, item, variants, shown, settings)
    kind = list_kinds()[item.figure]
    found = inputs.all_trials if item.figure == AGAINST_RATE else inputs.trials
    absent = [variant for variant in variants if variant not in set(found["variant"])]
    missing = (f"No trial of {format_list(absent, 10)} has finished{_where(item, results)}.",) if absent else ()
    if found.empty:
        return DrawnSourceFigure(name, item, "", None, missing)
    if kind.rows(inputs).empty:
        return DrawnSourceFigure(name, item, "", None, (*missing, kind.missing))
    return DrawnSourceFigure(name, item, kind.caption(inputs), figure_of(kind.draw(inputs)[0]), missing)


def _where(item: SourceFigure, results: Results) -> str:
    """Return the place of an entry: ` at rate 0.01 with units 50`."""
    text = RateFormat([] if results.summary.empty else results.summary["learning_rate"])
    rate = f" at rate {text(item.at)}" if item.at != "best" else ""
    axes = ", ".join(f"{axis.rpartition('.')[2]} {format_setting(value)}" for axis, value in item.where.items())
    return f"{rate} with {axes}" if axes else rate
