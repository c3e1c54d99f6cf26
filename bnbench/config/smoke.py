"""An experiment -> the same one, cut to seconds, for CI."""

from typing import Any

from bnbench.config.load import check_config
from bnbench.config.schema import Experiment

SMOKE_ROWS = 200  # a part
SUFFIX = "-smoke"  # of the name: results stand beside the real ones


def cut_to_smoke(experiment: Experiment) -> Experiment:
    """The same experiment cut to seconds: few rows, two short epochs, three rates, one seed, one value of each axis.

    It makes no claims and stands beside no published figure: so little training could uphold none.
    """
    values = experiment.dump()
    rates = experiment.sweep.rates()
    values["name"] = experiment.name + SUFFIX
    values["data"]["limit"] = min(experiment.data.limit or SMOKE_ROWS, SMOKE_ROWS)
    batch = min(16, values["data"]["limit"])
    short: dict[str, Any] = {"epochs": 2, "batch_size": batch, "steps_per_epoch": 4}
    values["train"].update(short)
    for variant in values["variants"].values():
        variant["train"] = {key: value for key, value in variant["train"].items() if key not in short}
    values["sweep"] = {
        "learning_rate": sorted({rates[0], rates[len(rates) // 2], rates[-1]}),
        "seeds": 1,
        "grid": {
            key: [axis[0]]
            for key, axis in experiment.sweep.grid.items()
            if key != "data.limit" and key.removeprefix("train.") not in short
        },
    }
    values["claims"] = values["published"] = []
    return check_config(values, experiment.name)
