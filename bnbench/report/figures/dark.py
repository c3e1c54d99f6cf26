"""Recolors a drawn figure for a dark page: light paper becomes dark, black ink becomes light, and colors stay."""

from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

# The background and the text of the report on a dark screen.
PAPER, INK = (0x14 / 255, 0x17 / 255, 0x1C / 255), (0xE6 / 255, 0xE9 / 255, 0xED / 255)
# Artists with this name keep their color, for example digits on a colored cell.
KEEP_COLOR = "keep color"
# The largest difference between the parts of a color that counts as gray.
GRAY = 0.08

Rgba = tuple[float, float, float, float]


def darken_figure(figure: Figure) -> None:
    """Change the colors of a figure, which has been drawn for a white page."""
    for artist in figure.findobj(_has_colors):
        if artist.get_gid() != KEEP_COLOR:
            for read, write in _colors_of(artist):
                write(_darken(read()))


def darken_color(color: Any) -> Rgba:
    """Return the color that takes its place on a dark page: grays are inverted, other colors stay."""
    red, green, blue, alpha = to_rgba(color)
    if max(red, green, blue) - min(red, green, blue) > GRAY:
        return red, green, blue, alpha
    ink = 1 - (red + green + blue) / 3
    mixed = tuple(paper + ink * (text - paper) for paper, text in zip(PAPER, INK, strict=True))
    return mixed[0], mixed[1], mixed[2], alpha


def _darken(colors: Any) -> Any:
    """Return one color, or a sequence of colors, as a setter of Matplotlib takes it."""
    if isinstance(colors, str):
        return colors if colors in {"none", "auto"} else darken_color(colors)
    parts = list(colors)
    if all(hasattr(part, "__len__") for part in parts):
        return [darken_color(part) for part in parts]
    return darken_color(colors)


def _has_colors(artist: Artist) -> bool:
    # A collection with values takes its colors from a color map.
    values = isinstance(artist, Collection) and artist.get_array() is not None
    return isinstance(artist, Text | Line2D | Patch | Collection) and not values


def _colors_of(artist: Any) -> Iterator[tuple[Callable[[], Any], Callable[[Any], None]]]:
    """Yield what reads each color of an artist, with what writes it."""
    if isinstance(artist, Text):
        yield artist.get_color, artist.set_color
    elif isinstance(artist, Line2D):
        yield artist.get_markerfacecolor, artist.set_markerfacecolor
        yield artist.get_markeredgecolor, artist.set_markeredgecolor
        yield artist.get_color, artist.set_color
    else:
        yield artist.get_facecolor, artist.set_facecolor
        yield artist.get_edgecolor, artist.set_edgecolor
