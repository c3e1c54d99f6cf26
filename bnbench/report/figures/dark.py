"""The colors of a figure on a dark page: light paper becomes dark, black ink becomes light, and other colors stay."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

# The background and the text of the report on a dark screen.
PAPER, INK = (0x14 / 255, 0x17 / 255, 0x1C / 255), (0xE6 / 255, 0xE9 / 255, 0xED / 255)
# Artists with this name keep their color, for example digits on a colored cell.
KEEP_COLOR = "keep color"
# The largest difference between the parts of a color that counts as gray.
GRAY = 0.08

Rgba = tuple[float, float, float, float]


def darken_color(color: Any) -> Rgba:
    """Return the color that takes its place on a dark page: grays are inverted, other colors stay."""
    red, green, blue, alpha = to_rgba(color)
    if max(red, green, blue) - min(red, green, blue) > GRAY:
        return red, green, blue, alpha
    ink = 1 - (red + green + blue) / 3
    mixed = tuple(paper + ink * (text - paper) for paper, text in zip(PAPER, INK, strict=True))
    return mixed[0], mixed[1], mixed[2], alpha


def darken_colors(colors: Iterable[Any]) -> NDArray[np.float64]:
    """Return colors as `darken_color` changes each of them, (n, 4)."""
    return np.array([darken_color(color) for color in colors], float).reshape(-1, 4)


def darken_context(context: GraphicsContextBase) -> GraphicsContextBase:
    """Return a copy of a graphics context with the color of a dark page."""
    dark = GraphicsContextBase()
    dark.copy_properties(context)
    dark.set_foreground(darken_color(context.get_rgb()), isRGBA=True)
    return dark
