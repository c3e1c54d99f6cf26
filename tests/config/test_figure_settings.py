from typing import Any

import pytest

from bnbench.config.figure_overrides import override_figures
from bnbench.config.figure_settings import FigureSettings
from bnbench.config.load import check_config
from bnbench.errors import ConfigError
from support.examples import make_plan, values

PAPER = {
    "width": 3.25, "font": "serif", "format": ["pdf", "png"], "dpi": 300, "band": "ci", "labels": {"batchnorm": "BN"},
}  # fmt: skip


def test_an_experiment_says_how_its_figures_are_drawn() -> None:
    settings = check_config(values(figures=PAPER), "x.yaml").figures
    assert settings.model_dump() == PAPER
    assert (settings.label("batchnorm"), settings.label("plain")) == ("BN", "plain")
    assert check_config(values(figures={"format": "pdf"}), "x.yaml").figures.format == ["pdf"]
    assert check_config(values(), "x.yaml").figures == FigureSettings()


def test_no_trial_depends_on_how_it_is_drawn() -> None:
    ids = [[trial.id for trial in make_plan(**changes).trials] for changes in ({}, {"figures": PAPER})]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"widht": 3}, r"x.yaml: figures.widht: unknown key \(did you mean 'width'\?\)"),
        ({"width": 1}, r"figures.width: found 1, wanted at least 2.5|found 1, wanted"),
        ({"font": "comic"}, r"figures.font: 'comic' is not one of sans, serif"),
        ({"format": ["eps"]}, r"'eps' is not one of pdf, png, svg"),
        ({"format": []}, r"figures.format: found an empty list"),
        ({"format": ["pdf", "pdf"]}, r"figures.format: found 'pdf' twice"),
        ({"dpi": 10}, r"figures.dpi: found 10, wanted at least 50"),
        ({"band": "sd"}, r"figures.band: 'sd' is not one of range, ci"),
        ({"labels": {"batchnrm": "BN"}}, r"figures.labels.batchnrm: .*did you mean 'batchnorm'"),
    ],
)
def test_a_mistake_is_named_with_its_place(figures: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_config(values(figures=figures), "x.yaml")


def test_a_report_overrides_how_its_figures_are_drawn() -> None:
    changed = override_figures(
        FigureSettings(dpi=300), {"figures.width": 3.25, "figures.labels.plain": "none"}, ["plain"]
    )
    assert (changed.width, changed.dpi, changed.labels) == (3.25, 300, {"plain": "none"})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.epochs", 5, r"-o train.epochs=5: a report changes its figures alone.*figures.width"),
        ("figures.widht", 3.0, r"-o figures.widht=3.0: unknown key \(did you mean 'width'\?\)"),
        ("figures.font", "comic", r"-o figures.font=comic: 'comic' is not one of sans, serif"),
        ("figures.labels.x", "y", r"-o figures.labels.x=y: 'x' is not one of plain"),
    ],
)
def test_a_wrong_override_is_named(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override_figures(FigureSettings(), {key: value}, ["plain"])
