"""Pictures -> plots/captions.md: what each figure shows, with n and the meaning of bands, for the text of a paper."""

from collections.abc import Sequence

from bnbench.report.document import Picture
from bnbench.report.markdown import escape_markdown


def render_captions(pictures: Sequence[Picture]) -> str:
    """Return a section for each figure, with the name of its file without the ending."""
    parts = ["# Captions of the figures in this folder"]
    for one in pictures:
        name = one.path.rpartition("/")[2].rpartition(".")[0]
        parts += [f"## {name}", escape_markdown(f"{one.caption} {one.note}".strip())]
    return "\n\n".join(parts) + "\n"
