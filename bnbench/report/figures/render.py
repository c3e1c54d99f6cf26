"""Draws a figure once for all of its files: a PNG for a light page, one for a dark page, and SVG.

Matplotlib spends most of the time of `savefig` on finding out what to draw: ticks, the places of labels, transforms. It
is the same for each of these files. So one renderer takes what Matplotlib draws and passes it on to a renderer of each
file. PDF has other units and is saved by Matplotlib alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO, StringIO
from math import ceil, cos, radians, sin
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import NDArray

from bnbench.report.figures.dark import KEEP_COLOR, darken_color, darken_colors, darken_context
from bnbench.report.figures.indexed_png import encode_png

POINTS_PER_INCH = 72
# Pixels around a text: anti-aliasing may color a part of the next pixel.
TEXT_MARGIN = 2
# Without a date, equal figures give equal files.
UNDATED_SVG, UNDATED_PDF = {"Date": None}, {"CreationDate": None}
# The size that Matplotlib writes, which is in pixels here.
SVG_SIZE = re.compile(r'width="[\d.]+pt" height="[\d.]+pt"')


@dataclass(frozen=True)
class RenderedFigure:
    """The files of a figure.

    Attributes:
        files: the content of each file by its type, such as png.
        dark_png: the same picture for a dark page.
    """

    files: Mapping[str, bytes]
    dark_png: bytes


def render_figure(figure: Figure, kinds: Sequence[str]) -> RenderedFigure:
    """Draw a figure and return its files.

    Args:
        figure: the figure, in the style in which it was made.
        kinds: the types of its files: png, svg, pdf.
    """
    renderer = FileRenderer(figure, svg="svg" in kinds)
    figure.draw(renderer)
    make: dict[str, Callable[[], bytes]] = {
        "png": lambda: encode_png(renderer.light, figure.dpi),
        "svg": renderer.svg_file,
        "pdf": lambda: _save_pdf(figure),
    }
    return RenderedFigure({kind: make[kind]() for kind in kinds}, encode_png(renderer.dark, figure.dpi))


def _save_pdf(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="pdf", metadata=UNDATED_PDF)
    return file.getvalue()


class FileRenderer(RendererBase):
    """Passes on what Matplotlib draws to a renderer of each file.

    All of them count in the pixels of the PNG, also SVG, whose header says how large a pixel is. Line widths and sizes
    of texts are in points. The renderers of PNG know how many pixels a point has; that of SVG takes both for the same.
    """

    def __init__(self, figure: Figure, svg: bool) -> None:
        super().__init__()
        self._inches, self._dpi = figure.get_size_inches(), figure.dpi
        # 9.2 inches are 1839.9999999999998 pixels.
        self._width, self._height = (round(side) for side in figure.bbox.size)
        self._light: Any = RendererAgg(self._width, self._height, self._dpi)
        self._dark: Any = RendererAgg(self._width, self._height, self._dpi)
        self._svg_text = StringIO()
        self._svg = self._make_svg(figure) if svg else None
        self._kept: list[bool] = []
        self._in_image = False

    def _make_svg(self, figure: Figure) -> MixedModeRenderer:
        vector = RendererSVG(self._width, self._height, self._svg_text, metadata=UNDATED_SVG)
        width, height = self._inches
        return MixedModeRenderer(figure, width, height, self._dpi, vector)

    @property
    def light(self) -> NDArray[np.uint8]:
        """The picture for a light page: red, green, blue and opacity, (rows, columns, 4)."""
        return np.asarray(self._light.buffer_rgba())

    @property
    def dark(self) -> NDArray[np.uint8]:
        """The same picture for a dark page."""
        return np.asarray(self._dark.buffer_rgba())

    def svg_file(self) -> bytes:
        """Return the SVG file, after the figure has been drawn.

        Raises:
            ValueError: no SVG was asked for.
        """
        if self._svg is None:
            raise ValueError("no SVG was asked for")
        self._svg.finalize()
        width, height = (f"{POINTS_PER_INCH * side:.6g}pt" for side in self._inches)
        return SVG_SIZE.sub(f'width="{width}" height="{height}"', self._svg_text.getvalue(), count=1).encode()

    @property
    def _pixels_per_point(self) -> float:
        return self._dpi / POINTS_PER_INCH

    @property
    def _svg_scale(self) -> float:
        """How many units of the SVG a point has; 1 for an image inside of it, which knows its own resolution."""
        return 1.0 if self._in_image else self._pixels_per_point

    def _pass_on(self, name: str, context: GraphicsContextBase, *values: Any) -> None:
        """Draw in the files of a light page."""
        getattr(self._light, name)(context, *values)
        if self._svg is not None:
            getattr(self._svg, name)(_scale_lines(context, self._svg_scale), *values)

    @property
    def _keeps_color(self) -> bool:
        return any(self._kept)

    def _dark_context(self, context: GraphicsContextBase) -> GraphicsContextBase:
        return context if self._keeps_color else darken_context(context)

    def _darken(self, colors: Any, darken: Callable[[Any], Any]) -> Any:
        return colors if colors is None or self._keeps_color else darken(colors)

    def draw_path(self, gc: GraphicsContextBase, path: Any, transform: Any, face: Any = None) -> None:
        """Draw a path."""
        self._pass_on("draw_path", gc, path, transform, face)
        self._dark.draw_path(self._dark_context(gc), path, transform, self._darken(face, darken_color))

    def draw_markers(
        self, gc: GraphicsContextBase, marker_path: Any, marker_trans: Any, path: Any, trans: Any, face: Any = None
    ) -> None:
        """Draw a marker at each vertex of a path."""
        places = (marker_path, marker_trans, path, trans)
        self._pass_on("draw_markers", gc, *places, face)
        self._dark.draw_markers(self._dark_context(gc), *places, self._darken(face, darken_color))

    def draw_path_collection(self, gc: GraphicsContextBase, *values: Any, **named: Any) -> None:
        """Draw paths. The values from the sixth on are the colors of faces and edges, line widths and dashes."""
        before, (faces, edges, widths, dashes), after = values[:5], values[5:9], values[9:]
        self._light.draw_path_collection(gc, *values, **named)
        colors = [self._darken(part, darken_colors) for part in (faces, edges)]
        self._dark.draw_path_collection(self._dark_context(gc), *before, *colors, widths, dashes, *after, **named)
        if self._svg is not None:
            scale = self._svg_scale
            lines = [scale * width for width in widths], [_scale_dashes(one, scale) for one in dashes]
            self._svg.draw_path_collection(_scale_lines(gc, scale), *before, faces, edges, *lines, *after, **named)

    def draw_quad_mesh(self, gc: GraphicsContextBase, *values: Any) -> None:
        """Draw a mesh, whose colors mean values: they are the same on a dark page."""
        self._pass_on("draw_quad_mesh", gc, *values)
        self._dark.draw_quad_mesh(gc, *values)

    def draw_image(self, gc: GraphicsContextBase, x: float, y: float, im: Any, transform: Any = None) -> None:
        """Draw an image, whose colors mean values: they are the same on a dark page."""
        if transform is not None:
            raise NotImplementedError("an image with a transform")
        self._pass_on("draw_image", gc, x, y, im)
        self._dark.draw_image(gc, x, y, im)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        """Draw a text. Its pixels are found once, also for texts that occur several times, such as the ends of axes."""
        dark = self._dark_context(gc)
        mask = text_mask(s, prop.copy(), angle, self._dpi)
        for target, context in ((self._light, gc), (self._dark, dark)):
            _draw_mask(target, context, mask, round(x), round(y))
        if self._svg is not None:
            scaled = prop.copy()
            scaled.set_size(prop.get_size_in_points() * self._pixels_per_point)
            self._svg.draw_text(gc, x, y, s, scaled, angle, ismath, mtext)

    def open_group(self, s: str, gid: str | None = None) -> None:
        """Begin to draw an artist."""
        self._kept.append(gid == KEEP_COLOR)
        if self._svg is not None:
            self._svg.open_group(s, gid)

    def close_group(self, s: str) -> None:
        """End an artist."""
        self._kept.pop()
        if self._svg is not None:
            self._svg.close_group(s)

    def start_rasterizing(self) -> None:
        """Begin an image inside the SVG."""
        self._in_image = True
        if self._svg is not None:
            self._svg.start_rasterizing()

    def stop_rasterizing(self) -> None:
        """End an image inside the SVG."""
        self._in_image = False
        if self._svg is not None:
            self._svg.stop_rasterizing()

    def option_image_nocomposite(self) -> bool:
        """Draw each image alone."""
        return True

    def flipy(self) -> bool:
        """Return True: y is 0 at the top."""
        return True

    def get_canvas_width_height(self) -> tuple[int, int]:
        """Return the size in pixels."""
        return self._width, self._height

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Return the size of a text in pixels."""
        width, height, descent = self._light.get_text_width_height_descent(s, prop, ismath)
        return width, height, descent

    def points_to_pixels(self, points: Any) -> Any:
        """Return a length in pixels."""
        return points * self._pixels_per_point


def _scale_lines(context: GraphicsContextBase, scale: float) -> GraphicsContextBase:
    """Return a copy of a graphics context with wider lines and longer dashes."""
    scaled = GraphicsContextBase()
    scaled.copy_properties(context)
    scaled.set_linewidth(scale * context.get_linewidth())
    scaled.set_dashes(*_scale_dashes(context.get_dashes(), scale))
    return scaled


def _scale_dashes(dashes: Any, scale: float) -> tuple[float, list[float] | None]:
    """Return an offset and lengths as Matplotlib has them; the lengths are None for a solid line."""
    offset, lengths = dashes
    return scale * offset, None if lengths is None else [scale * length for length in lengths]


@dataclass(frozen=True)
class TextMask:
    """The pixels of a text that begins at the origin.

    Attributes:
        coverage: how much of each pixel is text, 0 to 255, (rows, columns).
        left: the column of the origin.
        top: the row of the origin.
    """

    coverage: NDArray[np.uint8]
    left: int
    top: int


@lru_cache(maxsize=4096)
def text_mask(text: str, font: FontProperties, angle: float, dpi: float) -> TextMask:
    """Return the pixels of a text; `angle` is in degrees, counterclockwise."""
    width, height, descent = RendererAgg(1, 1, dpi).get_text_width_height_descent(text, font, False)
    turn = radians(angle)
    # The corners of the box around the text, with y pointing down as in the picture.
    corners = [(across, down) for across in (0, width) for down in (descent - height, descent)]
    xs = [across * cos(turn) + down * sin(turn) for across, down in corners]
    ys = [down * cos(turn) - across * sin(turn) for across, down in corners]
    left, top = (TEXT_MARGIN + ceil(-min(sides)) for sides in (xs, ys))
    right, bottom = (TEXT_MARGIN + ceil(max(sides)) for sides in (xs, ys))
    drawn = RendererAgg(left + right, top + bottom, dpi)
    drawn.draw_text(drawn.new_gc(), left, top, text, font, angle)
    return TextMask(np.asarray(drawn.buffer_rgba())[..., 3].copy(), left, top)


def _draw_mask(target: RendererAgg, context: GraphicsContextBase, mask: TextMask, x: int, y: int) -> None:
    rows, columns = mask.coverage.shape
    colored = np.empty((rows, columns, 4), np.uint8)
    color = context.get_rgb()
    colored[..., :3] = np.round(255 * np.array(color[:3]))
    colored[..., 3] = mask.coverage
    # Matplotlib has the first row of an image at the bottom.
    target.draw_image(context, x - mask.left, target.height - (y - mask.top + rows), colored[::-1])
