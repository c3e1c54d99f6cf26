"""Results -> files: tables as CSV, the figures and the report, made from the store alone."""

import base64
from collections.abc import Sequence
from pathlib import Path

from bnbench.report.document import Picture, SourcePicture, make_document, render_markdown
from bnbench.report.figures.gallery import draw_figures
from bnbench.report.figures.sources.gallery import draw_source_figures
from bnbench.report.figures.style import STYLE, project_style
from bnbench.report.html import render_html
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store

# The file types of each figure; the report contains the first.
KINDS = ("png", "svg")


def write_report(folder: Path, kinds: Sequence[str] = KINDS) -> list[Path]:
    """Write report.html, report.md, the digest, the CSV tables and plots/; return their paths in this order.

    Args:
        kinds: the kinds of file of each figure; PNG first.

    Raises:
        ResultsError: the folder has no results, or its files cannot be read or written.
    """
    store.require_results(folder)
    with results_dir.lock_files(folder):
        results_dir.refuse_links(folder)
        return _write(Results(folder), kinds)


def _write(results: Results, kinds: Sequence[str]) -> list[Path]:
    folder = results.folder
    tables = {"trials": results.trials, "history": results.history, "summary": results.summary}
    paths = results_dir.write_tables(folder, tables)
    pictures, sources = [], []
    with project_style(STYLE):
        for drawn in draw_figures(results):
            written = results_dir.write_figure(folder, drawn.name, drawn.figure, kinds)
            pictures.append(_picture(folder, written[0], drawn.caption))
            paths += written
        for shown in draw_source_figures(results):
            written = results_dir.write_figure(folder, shown.name, shown.figure, kinds) if shown.figure else []
            picture = _picture(folder, written[0], shown.caption) if written else None
            sources.append(SourcePicture(shown.item.source, shown.item.description, picture, shown.missing))
            paths += written
    document = make_document(results, pictures, sources)
    reports = {results_dir.REPORT: render_html(document), results_dir.PAGE: render_markdown(document)}
    for name, text in reports.items():
        results_dir.write_text(folder / name, text)
    return [*(folder / name for name in reports), *digest.write_digest(folder, digest.make_digest(results)), *paths]


def _picture(folder: Path, path: Path, caption: str) -> Picture:
    png = path.read_bytes()
    # The header of a PNG file has its width in pixels.
    width = int.from_bytes(png[16:20], "big")
    return Picture(path.relative_to(folder).as_posix(), caption, base64.b64encode(png).decode("ascii"), width // 2)
