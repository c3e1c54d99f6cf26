"""Reads a notebook without outputs as a page: its text, and its code as code blocks."""

import json
from collections.abc import Mapping
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser


class NotebookParser(MystParser):  # type: ignore[misc]  # its types are not always installed
    """The parser of `.ipynb` files."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        """Parse the cells as Markdown."""
        super().parse(notebook_markdown(inputstring), document)


def notebook_markdown(text: str) -> str:
    """Return the cells of a notebook as Markdown. Text that is Markdown already stays: `source-read` may change it."""
    if not text.lstrip().startswith("{"):
        return text
    return "\n\n".join(map(_cell, json.loads(text)["cells"])) + "\n"


def _cell(cell: Mapping[str, Any]) -> str:
    source = "".join(cell["source"])
    return source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```"
