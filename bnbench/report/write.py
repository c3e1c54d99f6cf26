"""Results -> files: tables as CSV, the figures and the report, made from the store alone."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from bnbench.config.figure_overrides import override_figures
from bnbench.config.figure_settings import FigureSettings
from bnbench.report.captions import render_captions
from bnbench.report.document import Picture, SourcePicture, make_document, render_markdown
from bnbench.report.figures.gallery import draw_figures, list_figures
from bnbench.report.figures.layout import note_of
from bnbench.report.figures.render import render_figure
from bnbench.report.figures.sources.gallery import draw_source_figures
from bnbench.report.figures.sources.spec import DrawnSourceFigure
from bnbench.report.figures.style import project_style, style_of
from bnbench.report.html import render_html
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store

# The report shows each figure as PNG, so this type is written whatever the settings ask for.
SHOWN = "png"


def write_report(
    folder: Path,
    kinds: Sequence[str] | None = None,
    overrides: Mapping[str, object] | None = None,
    pdf: bool = False,
    results: Results | None = None,
) -> list[Path]:
    """Write report.html, report.md, the digest, the CSV tables and plots/; return their paths in this order.

    Args:
        folder: the results folder.
        kinds: the types of the files of each figure; by default those of `figures.format` in the config.
        overrides: other settings of the figures, by dotted keys: `{"figures.width": 3.25}`.
        pdf: whether to add PDF to these types.
        results: what has been read from the folder; by default it is read now.

    Raises:
        ConfigError: an override is wrong.
        ResultsError: the folder has no results, or its files cannot be read or written.
    """
    store.require_results(folder)
    with results_dir.lock_files(folder):
        results_dir.refuse_links(folder)
        results = results or Results(folder)
        variants = results.config.variants or results.trials["variant"].unique()
        settings = override_figures(results.config.figures, overrides or {}, variants)
        types = list(dict.fromkeys([SHOWN, *(kinds or settings.format), *(["pdf"] if pdf else [])]))
        return _write(results, settings, types)


@dataclass(frozen=True)
class _Writer:
    """Writes the files of figures."""

    folder: Path
    kinds: Sequence[str]
    paths: list[Path]

    def write(self, name: str, figure: Figure, kind: str, caption: str) -> Picture:
        """Write the files of a figure, and return the picture for the report."""
        rendered = render_figure(figure, self.kinds)
        paths = results_dir.write_figure(self.folder, name, rendered.files)
        self.paths.extend(paths)
        return Picture(
            paths[self.kinds.index(SHOWN)].relative_to(self.folder).as_posix(), caption,
            _base64(rendered.files[SHOWN]), round(100 * figure.get_figwidth()), kind, note_of(figure),
            _base64(rendered.dark_png),
        )  # fmt: skip


def _write(results: Results, settings: FigureSettings, kinds: Sequence[str]) -> list[Path]:
    folder = results.folder
    tables = {"trials": results.trials, "history": results.history, "summary": results.summary}
    writer = _Writer(folder, kinds, results_dir.write_tables(folder, tables))
    with project_style(style_of(settings)):
        pictures = [
            writer.write(drawn.name, drawn.figure, drawn.kind, drawn.caption)
            for drawn in draw_figures(results, settings)
        ]
        sources = [_write_source(writer, shown) for shown in draw_source_figures(results, settings)]
    document = make_document(results, pictures, sources)
    reports = {results_dir.REPORT: render_html(document), results_dir.PAGE: render_markdown(document)}
    shown_pictures = [*pictures, *(one.picture for one in sources if one.picture)]
    if shown_pictures:
        reports[results_dir.CAPTIONS] = render_captions(shown_pictures)
    for name, text in reports.items():
        results_dir.write_text(folder / name, text)
    results_dir.remove_old_figures(folder, {*(spec.name for spec in list_figures()), "source"}, writer.paths)
    digested = digest.write_digest(folder, digest.make_digest(results))
    return [*(folder / name for name in reports), *digested, *writer.paths]


def _write_source(writer: _Writer, shown: DrawnSourceFigure) -> SourcePicture:
    picture = writer.write(shown.name, shown.figure, "source", shown.caption) if shown.figure else None
    return SourcePicture(shown.item.source, shown.item.description, picture, shown.missing)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
