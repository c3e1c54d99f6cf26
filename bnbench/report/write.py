"""Results -> files: tables as CSV, the figures and the report, made from the store alone."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from bnbench.config.figure_overrides import override_figures
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
    drawing: "ReportDrawing | None" = None,
) -> list[Path]:
    """Write report.html, report.md, the digest, the CSV tables and plots/; return their paths in this order.

    Args:
        folder: the results folder.
        kinds: the types of the files of each figure; by default those of `figures.format` in the config.
        overrides: other settings of the figures, by dotted keys: `{"figures.width": 3.25}`.
        pdf: whether to add PDF to these types.
        drawing: a report that has been begun; then the other arguments do not matter.

    Raises:
        ConfigError: an override is wrong.
        ResultsError: the folder has no results, or its files cannot be read or written.
    """
    store.require_results(folder)
    return (drawing or ReportDrawing(Results(folder), kinds, overrides, pdf)).write()


@dataclass(frozen=True)
class _Drawn:
    """A figure that has been drawn, and its picture in the report."""

    name: str
    files: Mapping[str, bytes]
    picture: Picture


class ReportDrawing:
    """A report whose figures can be drawn one by one, before it is written.

    The arguments and errors are those of `write_report`.
    """

    def __init__(
        self,
        results: Results,
        kinds: Sequence[str] | None = None,
        overrides: Mapping[str, object] | None = None,
        pdf: bool = False,
    ) -> None:
        variants = results.config.variants or results.trials["variant"].unique()
        settings = override_figures(results.config.figures, overrides or {}, variants)
        self.results, self._settings = results, settings
        self._kinds = list(dict.fromkeys([SHOWN, *(kinds or settings.format), *(["pdf"] if pdf else [])]))
        self._drawn: list[_Drawn] = []
        self._sources: list[tuple[DrawnSourceFigure, _Drawn | None]] = []
        self._steps = self._draw()

    def draw_next(self) -> bool:
        """Draw one figure; return False if all have been drawn."""
        # The style belongs to Matplotlib, not to a figure, so it is set for each of them.
        with project_style(style_of(self._settings)):
            return next(self._steps, False)

    def write(self) -> list[Path]:
        """Draw the figures that are left and write all files; return their paths."""
        folder = self.results.folder
        with results_dir.lock_files(folder):
            results_dir.refuse_links(folder)
            while self.draw_next():
                pass
            return self._write(folder)

    def _draw(self) -> Iterator[bool]:
        for drawn in draw_figures(self.results, self._settings):
            self._drawn.append(self._render(drawn.name, drawn.figure, drawn.kind, drawn.caption))
            yield True
        for shown in draw_source_figures(self.results, self._settings):
            figure = shown.figure
            self._sources.append((shown, self._render(shown.name, figure, "source", shown.caption) if figure else None))
            yield True

    def _render(self, name: str, figure: Figure, kind: str, caption: str) -> _Drawn:
        rendered = render_figure(figure, self._kinds)
        picture = Picture(
            f"{results_dir.PLOTS}/{name}.{SHOWN}", caption, _base64(rendered.files[SHOWN]),
            round(100 * figure.get_figwidth()), kind, note_of(figure), _base64(rendered.dark_png),
        )  # fmt: skip
        return _Drawn(name, rendered.files, picture)

    def _write(self, folder: Path) -> list[Path]:
        results = self.results
        tables = {"trials": results.trials, "history": results.history, "summary": results.summary}
        paths = results_dir.write_tables(folder, tables)
        for one in (*self._drawn, *(drawn for _, drawn in self._sources if drawn)):
            paths.extend(results_dir.write_figure(folder, one.name, one.files))
        pictures = [drawn.picture for drawn in self._drawn]
        sources = [
            SourcePicture(shown.item.source, shown.item.description, drawn.picture if drawn else None, shown.missing)
            for shown, drawn in self._sources
        ]
        document = make_document(results, pictures, sources)
        reports = {results_dir.REPORT: render_html(document), results_dir.PAGE: render_markdown(document)}
        if shown_pictures := [*pictures, *(one.picture for one in sources if one.picture)]:
            reports[results_dir.CAPTIONS] = render_captions(shown_pictures)
        for name, text in reports.items():
            results_dir.write_text(folder / name, text)
        results_dir.remove_old_figures(folder, {*(spec.name for spec in list_figures()), "source"}, paths)
        digested = digest.write_digest(folder, digest.make_digest(results, document.answer.sentences[0]))
        return [*(folder / name for name in reports), *digested, *paths]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
