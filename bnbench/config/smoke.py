"""Cuts an experiment to a few seconds, for continuous integration."""

from typing import Any

from bnbench.analysis.asked_probes import ASKED_PROBES, LOOKS
from bnbench.config.load import check_config
from bnbench.config.schema import Experiment

# The maximum number of rows in each part.
SMOKE_ROWS = 200
# Steps of each epoch.
SMOKE_STEPS = 4
# How often a probe looks at the network between the start and the end of a training.
SMOKE_LOOKS = 1
# Pixels of an inch of its figures.
SMOKE_DPI = 60
# Ends the name, so that the results go to a folder of their own.
SUFFIX = "-smoke"


def cut_to_smoke(experiment: Experiment) -> Experiment:
    """Return the experiment with few rows, two short epochs, three learning rates, one seed and one value per axis.

    It has no claims, no published values and no figures of a source, because so little training cannot confirm them.
    Its figures are coarse, and its probes look once during a training.
    """
    values = experiment.dump()
    rates = experiment.sweep.rates()
    values["name"] = experiment.name + SUFFIX
    values["data"]["limit"] = min(experiment.data.limit or SMOKE_ROWS, SMOKE_ROWS)
    batch = min(16, values["data"]["limit"])
    short: dict[str, Any] = {"epochs": 2, "batch_size": batch, "steps_per_epoch": SMOKE_STEPS}
    values["train"].update(short)
    _shorten_warmup(values["train"])
    for variant in values["variants"].values():
        variant["train"] = {key: value for key, value in variant["train"].items() if key not in short}
        _shorten_warmup(variant["train"])
    values["sweep"] = {
        "learning_rate": sorted({rates[0], rates[len(rates) // 2], rates[-1]}),
        "seeds": 1,
        "grid": {
            key: [axis[0]]
            for key, axis in experiment.sweep.grid.items()
            if key != "data.limit" and key.removeprefix("train.") not in short
        },
    }
    # A third of the time of a smoke run would go into its figures.
    values["figures"] = {**values.get("figures", {}), "format": "png", "dpi": SMOKE_DPI}
    for probe in values["probes"]:
        looks = probe.get(LOOKS, ASKED_PROBES[probe["name"]].looks)
        if looks is not None:
            probe[LOOKS] = min(looks, SMOKE_LOOKS)
    values["claims"] = values["published"] = values["source_figures"] = []
    return check_config(values, experiment.name)


def _shorten_warmup(train: dict[str, Any]) -> None:
    """Let a warm-up that has a number of steps take half of the training at most."""
    warmup = train.get("warmup")
    if isinstance(warmup, dict) and isinstance(warmup.get("steps"), int):
        train["warmup"] = {"steps": min(warmup["steps"], SMOKE_STEPS)}
