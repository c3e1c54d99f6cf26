import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from bnbench.report.figures.dark import INK, KEEP_COLOR, PAPER
from bnbench.report.figures.indexed_png import encode_png
from bnbench.report.figures.render import render_figure
from bnbench.report.figures.style import project_style

BLUE, ORANGE = "#0072B2", "#D55E00"
DPI = 100


def pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def blank(**settings: object) -> Figure:
    return Figure(figsize=(2, 1), dpi=DPI, **settings)  # type: ignore[arg-type]


def full() -> Figure:
    """Return a figure with every kind of artist that a report has."""
    figure = Figure(figsize=(6, 3), dpi=DPI)
    lines, cells, image = figure.subplots(1, 3)
    lines.plot([1, 2, 3], [1, 3, 2], color=BLUE, marker="o", linestyle="--")
    lines.fill_between([1, 2, 3], [0, 2, 1], [2, 4, 3], color=ORANGE, alpha=0.15, linewidth=0)
    lines.errorbar([1, 2], [2, 2], yerr=[[1, 1], [1, 1]], color=ORANGE, capsize=2)
    lines.scatter([1, 2, 3], [2, 1, 3], color=ORANGE, s=7, rasterized=True)
    lines.set_ylabel("validation accuracy")
    cells.pcolormesh([0, 1, 2], [0, 1], [[0.1, 0.9]], cmap="viridis", rasterized=True)
    cells.tick_params(axis="x", labelrotation=35)
    image.imshow([[0, 1], [1, 0]], cmap="Blues")
    image.text(0, 0, "8", gid=KEEP_COLOR)
    figure.legend(*lines.get_legend_handles_labels())
    return figure


def is_near(picture: NDArray[np.uint8], color: tuple[float, ...]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(picture - 255 * np.array(color)) < 3).all(axis=-1))


def test_the_picture_is_the_one_that_matplotlib_saves() -> None:
    with project_style():
        figure, expected = full(), BytesIO()
        rendered = render_figure(figure, ["png"])
        figure.savefig(expected, format="png", dpi=DPI)
    ours, theirs = pixels(rendered.files["png"]), pixels(expected.getvalue())
    assert ours.shape == theirs.shape == (300, 600, 3)
    # A text begins at a whole pixel, and there are 256 colors.
    different = np.abs(ours.astype(float) - theirs).max(axis=-1)
    assert (different > 16).mean() < 0.03
    assert different.mean() < 1.5


def test_a_dark_page_has_light_text_and_the_same_colors() -> None:
    with project_style():
        dark = pixels(render_figure(full(), ["png"]).dark_png)
    assert is_near(dark[0, 0], PAPER)
    assert is_near(dark, INK).any()
    # The line of a variant, and the cell of a color map with the highest value
    assert is_near(dark, (0, 0x72 / 255, 0xB2 / 255)).sum() > 20
    assert is_near(dark, (253 / 255, 231 / 255, 37 / 255)).sum() > 1000


def test_text_on_a_colored_cell_stays_as_it_is() -> None:
    with project_style():
        figure = blank()
        figure.text(0.2, 0.2, "M", fontsize=40, gid=KEEP_COLOR)
        dark = pixels(render_figure(figure, []).dark_png)
    assert is_near(dark, (0, 0, 0)).sum() > 50
    assert not is_near(dark, INK).any()


def test_a_turned_text_is_where_matplotlib_draws_it() -> None:
    for angle in (0, 35, 90, 200):
        with project_style():
            figure, expected = blank(), BytesIO()
            figure.text(0.5, 0.4, "epoch", rotation=angle, rotation_mode="anchor")
            ours = pixels(render_figure(figure, ["png"]).files["png"])
            figure.savefig(expected, format="png", dpi=DPI)
        theirs = pixels(expected.getvalue())
        centers = [np.argwhere(picture.min(axis=-1) < 128).mean(axis=0) for picture in (ours, theirs)]
        assert centers[0] == pytest.approx(centers[1], abs=0.7)


def test_an_svg_has_the_size_in_points_and_its_texts_as_shapes() -> None:
    with project_style():
        svg = render_figure(full(), ["svg"]).files["svg"].decode()
    assert 'width="432pt" height="216pt" viewBox="0 0 600 300"' in svg
    # Both rasterized artists and the image
    assert svg.count("<image ") == 3
    assert svg.count("<use ") > 50
    assert svg.rstrip().endswith("</svg>")


def test_lines_of_an_svg_are_as_wide_as_matplotlib_draws_them() -> None:
    with project_style():
        figure, expected = full(), BytesIO()
        ours = render_figure(figure, ["svg"]).files["svg"].decode()
        figure.savefig(expected, format="svg")
    for pattern in (r"stroke-width: ([\d.]+)", r"stroke-dasharray: ([\d.]+)"):
        found, wanted = (re.findall(pattern, text) for text in (ours, expected.getvalue().decode()))
        # Matplotlib leaves out a width of 1.
        in_points = {round(float(width) * 72 / DPI, 3) for width in found} - {1.0}
        assert in_points == {float(width) for width in wanted} != set()


def test_only_the_files_that_are_asked_for_are_made() -> None:
    with project_style():
        rendered = render_figure(blank(), ["pdf", "png"])
    assert list(rendered.files) == ["pdf", "png"]
    assert rendered.files["pdf"].startswith(b"%PDF")


def test_a_png_with_few_colors_has_exactly_these_and_names_its_resolution() -> None:
    drawn = np.full((4, 5, 4), 255, np.uint8)
    drawn[1, 2] = (1, 2, 3, 255)
    drawn[3, 4] = (250, 0, 9, 255)
    png = encode_png(drawn, 200)
    assert (pixels(png) == drawn[..., :3]).all()
    with Image.open(BytesIO(png)) as image:
        assert image.mode == "P"
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)


def test_a_png_with_many_colors_is_close_to_them() -> None:
    ramp = np.linspace(0, 255, 1000).astype(np.uint8)
    drawn = np.stack([ramp, ramp[::-1], np.roll(ramp, 300), np.full_like(ramp, 255)], axis=-1).reshape(10, 100, 4)
    assert np.abs(pixels(encode_png(drawn, 72)).astype(int) - drawn[..., :3]).max() < 16
