"""What probes measured over a training -> one value for each trial, so that tables, claims and figures can use it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bnbench.analysis import failure_names as names

if TYPE_CHECKING:
    import pandas as pd

# The share of dead units of a layer in a mini-batch: in the first steps, or in the last ones before a divergence.
DEAD_SHARES = ("batch_dead_share", names.DEAD_SHARE)
# From this share on, a layer passes next to nothing on.
DEAD = 0.9
# The first steps of a line search, as in its source.
FIRST_STEPS = (1, 4, 7)


@dataclass(frozen=True)
class ProbeColumn:
    """A value of a trial that is made of one measurement.

    Attributes:
        measurement: the name of the measurement.
        summarize: rows of the measurement (`trial`, `layer`, `position`, `value`) -> a value by trial.
    """

    measurement: str
    summarize: "Callable[[pd.DataFrame], pd.Series[float]]"


def _last(table: "pd.DataFrame") -> "pd.Series[float]":
    return table.sort_values("position").drop_duplicates("trial", keep="last").set_index("trial")["value"]


def _mean(table: "pd.DataFrame") -> "pd.Series[float]":
    return table.groupby("trial")["value"].mean()


def _mean_of_first_steps(table: "pd.DataFrame") -> "pd.Series[float]":
    """Return the geometric mean over those of the first steps that were trained; missing if one has no value."""
    import numpy as np

    early = table[table["position"].isin(FIRST_STEPS)]
    logs = np.log10(early["value"]).groupby(early["trial"])
    return _power(logs.agg(lambda values: values.mean(skipna=False)))


def _mean_of_layers_at_the_end(table: "pd.DataFrame") -> "pd.Series[float]":
    """Return the geometric mean over the layers of their last values."""
    import numpy as np

    ends = table.sort_values("position").drop_duplicates(["trial", "layer"], keep="last")
    return _power(np.log10(ends["value"]).groupby(ends["trial"]).mean())


def _power(logs: "pd.Series[float]") -> "pd.Series[float]":
    import pandas as pd

    return pd.Series(10.0 ** logs.to_numpy(float), logs.index)


def _least_growth(table: "pd.DataFrame") -> "pd.Series[float]":
    """Return the smallest factor by which the norm of any kernel grows from one epoch to the next."""
    ordered = table.sort_values(["trial", "layer", "position"])
    before = ordered.groupby(["trial", "layer"], sort=False)["value"].shift()
    return (ordered["value"] / before).groupby(ordered["trial"]).min()


PROBE_COLUMNS: Mapping[str, ProbeColumn] = {
    "sharpness_times_rate": ProbeColumn("sharpness_times_rate", _last),
    "batch_sharpness_times_rate": ProbeColumn("batch_sharpness_times_rate", _last),
    "first_worse_length": ProbeColumn("line_first_worse", _mean_of_first_steps),
    "gradient_change": ProbeColumn("gradient_change_highest", _mean),
    "effective_smoothness": ProbeColumn("effective_smoothness", _mean),
    "smoothness_at_distance": ProbeColumn("effective_smoothness_at_distance", _mean),
    "effective_rate": ProbeColumn("effective_rate", _mean_of_layers_at_the_end),
    "least_norm_growth": ProbeColumn("normed_kernel_norm", _least_growth),
}

# The columns of `courses`, which are made of several measurements.
FIRST_NONFINITE, FIRST_DEAD_LAYER, FIRST_DEAD_STEP = "first_nonfinite", "first_dead_layer", "first_dead_step"
COURSE_TEXTS, COURSE_NUMBERS = (FIRST_NONFINITE, FIRST_DEAD_LAYER), (FIRST_DEAD_STEP,)
# What `courses` is made of.
COURSE_MEASUREMENTS = (*(names.FIRST_NONFINITE + kind for kind in names.KINDS), *DEAD_SHARES)


def courses(measured: "pd.DataFrame") -> "pd.DataFrame":
    """Return how trials went wrong, by trial: the first tensor that was not finite, and where units died first.

    A layer has died when at least DEAD of its units passed no gradient for any row of a mini-batch.

    Args:
        measured: rows of COURSE_MEASUREMENTS (`trial`, `name`, `layer`, `position`, `value`).
    """
    import pandas as pd

    broken = measured[measured["name"].str.startswith(names.FIRST_NONFINITE)]
    kinds = broken["name"].str.removeprefix(names.FIRST_NONFINITE)
    texts = (kinds + (" of " + broken["layer"]).where(broken["layer"] != "", "")).set_axis(broken["trial"])
    dead = measured[measured["name"].isin(DEAD_SHARES) & (measured["value"] >= DEAD)]
    first = dead.sort_values("position", kind="stable").drop_duplicates("trial").set_index("trial")
    return pd.DataFrame(
        {
            FIRST_NONFINITE: texts[~texts.index.duplicated()],
            FIRST_DEAD_LAYER: first["layer"],
            FIRST_DEAD_STEP: first["position"],
        }
    )
