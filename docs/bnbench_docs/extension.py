"""What Sphinx calls: writes the pages before it reads them, and directs links to them."""

from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

from bnbench_docs.command_help import help_markup
from bnbench_docs.links import site_links
from bnbench_docs.notebook import NotebookParser
from bnbench_docs.pages import site_pages, write_pages

ROOT = Path(__file__).resolve().parents[2]
# Pages whose children no forge needs in the text: name -> (patterns of the children).
CHILDREN = {"decisions/README": "0*", "experiments/index": "*"}


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension."""
    app.add_source_parser(NotebookParser)
    app.connect("builder-inited", _write_pages)
    app.connect("source-read", _adapt_source)
    for part in ("description", "epilog"):
        app.connect(f"sphinx-click-process-{part}", _adapt_help)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    write_pages(ROOT)


def _adapt_source(app: Sphinx, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    source[0] = site_links(source[0], page, site_pages(ROOT))
    if name in CHILDREN:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n:titlesonly:\n\n{CHILDREN[name]}\n```\n"


def _adapt_help(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    lines[:] = help_markup(lines)
