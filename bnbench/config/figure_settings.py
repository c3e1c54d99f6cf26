"""How the figures of a report are drawn: size, font, file types, band and names. No trial depends on it."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, field_validator

from bnbench.config.types import STRICT, InnerValueError, Name
from bnbench.errors import not_one_of

FileType = Literal["pdf", "png", "svg"]
# Inches. Below, no panel has room for its labels; above, no page has room for the figure.
MIN_WIDTH, MAX_WIDTH = 2.5, 20
MAX_LABEL = 60


def _types(types: list[FileType]) -> list[FileType]:
    if not types:
        raise ValueError("found an empty list, wanted at least one of pdf, png, svg")
    repeated = [one for i, one in enumerate(types) if one in types[:i]]
    if repeated:
        raise ValueError(f"found {repeated[0]!r} twice: remove one")
    return types


class FigureSettings(BaseModel):
    """How the figures of a report are drawn. Ids of trials do not depend on it."""

    model_config = STRICT
    # Inches. By default each figure has the width of the report. With a width, each figure is exactly so wide, and its
    # note is in `plots/captions.md` instead of the picture, as a paper needs it.
    width: Annotated[float, Field(ge=MIN_WIDTH, le=MAX_WIDTH)] | None = None
    # DejaVu Sans or DejaVu Serif. Both come with Matplotlib, so every machine draws the same figure.
    font: Literal["sans", "serif"] = "sans"
    # The types of the files in `plots/`: one, or a list.
    format: Annotated[list[FileType], AfterValidator(_types)] = ["png", "svg"]
    # Pixels of an inch, for PNG and for the parts of other files that are images.
    dpi: Annotated[int, Field(ge=50, le=1200)] = 200
    # What a band around a mean is: from the lowest to the highest trial, or the 95% interval of the mean.
    band: Literal["range", "ci"] = "range"
    # The names of variants in figures, by their names in this file.
    labels: dict[Name, Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]] = {}

    @field_validator("format", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    def label(self, variant: str) -> str:
        """Return the name of a variant in figures."""
        return self.labels.get(variant, variant)


# How figures are drawn if nothing else is asked for.
DEFAULT_FIGURES = FigureSettings()


def check_labels(settings: FigureSettings, variants: Iterable[str]) -> FigureSettings:
    """Return the settings.

    Raises:
        InnerValueError: a label is for a variant that the experiment does not have.
    """
    known = list(variants)
    for name in settings.labels:
        if name not in known:
            raise InnerValueError(not_one_of(name, known), "labels", name)
    return settings
