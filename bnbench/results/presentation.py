"""What shows `Results` to people: figures, HTML and LaTeX.

`Results` declares here what it needs, and the room `report`, which `results` may not import, implements it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class PlotMethod(Protocol):
    """Draws a figure and returns its panels."""

    def __call__(self, *, ax: "Axes | None" = None) -> "Axes | NDArray[Any]":
        """Return the panel, or a one-dimensional array of the panels."""
        ...


class Plots(Protocol):
    """The figures of the report, each a method with the name of its file."""

    def __getattr__(self, name: str) -> PlotMethod:
        """Return the method that draws a figure."""
        ...


class Presentation(Protocol):
    """Shows some results."""

    @property
    def plot(self) -> Plots:
        """The figures."""
        ...

    def to_html(self) -> str:
        """Return a summary as a part of an HTML page."""
        ...

    def to_latex(self, table: str, columns: Sequence[str] | None, caption: str | None, label: str | None) -> str:
        """Return a table of the report as LaTeX. `Results.to_latex` describes the arguments and the errors."""
        ...
