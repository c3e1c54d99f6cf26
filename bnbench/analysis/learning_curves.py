"""Trials and their histories -> figures of a variant over the epochs of its trials."""

import math
import statistics
from typing import Any

import pandas as pd

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.trials import DIVERGED, axes_of, by_axes, scored_trials

TO_TARGET = {"epochs_to_target": "epoch", "steps_to_target": "step", "seconds_to_target": "seconds"}
ROUGHNESS = {"score_roughness": "validation_score", "loss_roughness": "validation_loss"}


def trial_curves(ended: pd.DataFrame, history: pd.DataFrame, target: float) -> pd.DataFrame:
    """The trials of a `counted` table with figures of their courses.

    Columns beside those it has:
        epochs_to_target, steps_to_target, seconds_to_target: of training, until the first epoch at which the validation
            accuracy reaches the target; infinite: never; NaN: there is no target. A trial that reached it and diverged
            later reached it.
        aulc: area under the validation score over steps, by trapezia from the untrained model on, divided by the
            steps; chance for a trial that diverged, whose curve has no end.
        overfitting_onset: the first epoch of the lowest validation loss.
        overfitting_rise: from there to the final loss, or to the initial one for a trial that diverged.
        score_roughness, loss_roughness, pre_activation_drift: as `_roughness` and `_drift`; NaN for a trial that is
            not ok, for what learns nothing is smooth and stays where it is.
    """
    history = history[history["trial"].isin(ended["trial"])]
    courses = _lowest(history).join([_area(history), _roughness(history), _drift(history)], how="outer")
    found = ended.merge(courses, left_on="trial", right_index=True, how="left")
    moving = [*ROUGHNESS, "pre_activation_drift"]
    found[moving] = found[moving].where(found["outcome"] == "ok")
    found["aulc"] = found["aulc"].mask(found["outcome"].isin(DIVERGED), found["chance"])
    found["overfitting_rise"] = found["validation_loss"] - found.pop("lowest")
    reached = history[history["validation_score"] >= target].drop_duplicates("trial").set_index("trial")
    never = math.nan if math.isnan(target) else math.inf
    for name, column in TO_TARGET.items():
        found[name] = found["trial"].map(reached[column].astype(float)).fillna(never)
    return found


def _lowest(history: pd.DataFrame) -> pd.DataFrame:
    """By trial: the epoch of its lowest validation loss, and that loss."""
    known = history.dropna(subset="validation_loss").sort_values(["validation_loss", "epoch"])
    first = known.drop_duplicates("trial").set_index("trial")
    return first[["epoch", "validation_loss"]].set_axis(["overfitting_onset", "lowest"], axis=1)


def _area(history: pd.DataFrame) -> "pd.Series[float]":
    """By trial: the mean height of its validation score over steps."""
    by_trial = history.groupby("trial")
    widths = by_trial["step"].diff()
    heights = (history["validation_score"] + by_trial["validation_score"].shift()) / 2
    areas = (widths * heights).groupby(history["trial"]).sum(min_count=1)
    return (areas / by_trial["step"].max()).rename("aulc")


def _roughness(history: pd.DataFrame) -> pd.DataFrame:
    """By trial: the SD of its validation score and loss around a smooth curve over the epochs of training.

    From how far each epoch is off the middle of its neighbours (Gasser, Sroka and Jennen-Steinmetz 1986), so that a
    course that falls or rises evenly has none, however steep. NaN for fewer than three epochs.
    """
    own = history[history["epoch"] > 0]
    trial = own["trial"]
    bends = own.groupby(trial)[list(ROUGHNESS.values())].diff().groupby(trial).diff()
    noise = ((bends**2).groupby(trial).mean() / 6) ** 0.5  # of normal noise a bend has 1 + 4 + 1 times its variance
    return noise.set_axis(list(ROUGHNESS), axis=1)


def _drift(history: pd.DataFrame) -> "pd.Series[float]":
    """By trial: how far the pre-activations move an epoch, as a share of their spread; NaN where none were recorded.

    That is the mean change of the percentiles from one epoch to the next, from the untrained model on, over the mean
    distance from the lowest to the highest of them.
    """
    own = history.dropna(subset=PRE_ACTIVATIONS).set_index("trial")[list(PRE_ACTIVATIONS)]
    moved = own.groupby("trial").diff().abs().mean(axis=1).groupby("trial").mean()
    spread = (own.iloc[:, -1] - own.iloc[:, 0]).groupby("trial").mean()
    return (moved / spread.where(spread > 0)).rename("pre_activation_drift")


def default_target(ended: pd.DataFrame, history: pd.DataFrame, baseline: str) -> float:
    """The validation score that the baseline's median trial at its best rate reaches at its best epoch.

    The lower of the two middle trials where their number is even, so that at least half of them reach it; a trial that
    diverged counts at chance. NaN where the baseline has no trial that is ok at that rate: chance is no target.
    """
    own = ended[ended["variant"] == baseline]
    if own.empty:
        return math.nan
    own = own[own["learning_rate"] == best_rate(own)]
    if not (own["outcome"] == "ok").any():
        return math.nan
    highest = own["trial"].map(history.groupby("trial")["validation_score"].max())
    return float(statistics.median_low(highest.mask(own["outcome"].isin(DIVERGED), own["chance"]).tolist()))


def curve_table(
    trials: pd.DataFrame, history: pd.DataFrame, baseline: str, target: float | None = None
) -> pd.DataFrame:
    """One row a variant and axis value: the courses of its trials at its best rate, as `trial_courses` has them.

    `n` trials, of which `n_reached` reach the `target` (default: `default_target`). Times to it and the onset are
    medians, in which infinity stays; the others are mean and SD (ddof 1).
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        wanted = default_target(part, history, baseline) if target is None else target
        courses = trial_curves(part, history, wanted)
        for variant, cell in courses.groupby("variant", sort=False):
            rate = best_rate(cell)
            rows.append({"variant": variant, **place, "best_rate": rate, "target": wanted}
                        | _middle(cell[cell["learning_rate"] == rate]))  # fmt: skip
    return pd.DataFrame(rows)


def times_by_rate(trials: pd.DataFrame, history: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row a variant, axis value and learning rate: the median epochs to the target, in which infinity stays."""
    parts = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        wanted = default_target(part, history, baseline)
        courses = trial_curves(part, history, wanted)
        medians = courses.groupby(["variant", "learning_rate"], sort=False)["epochs_to_target"].median().reset_index()
        parts.append(medians.assign(**place, target=wanted))
    return pd.concat(parts, ignore_index=True)


def mean_by_epoch(trials: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, axis value, learning rate and epoch: the mean validation score over seeds.

    From where it diverged on, a trial counts at chance; one that ended early keeps what it had.
    """
    keys = ["variant", *axes_of(trials), "learning_rate"]
    planned = scored_trials(
        trials
    )  # a trial may stand in several rows: of two variants, or two axis values, that are one
    ended = planned.drop_duplicates("trial").set_index("trial")
    own = history[history["trial"].isin(ended.index)]
    lost = own["trial"].map(ended["diverged_at_step"]).astype(float) <= own["step"]
    wide = own.assign(score=own["validation_score"].mask(lost)).pivot(index="trial", columns="epoch", values="score")
    wide = wide.reindex(ended.index.intersection(wide.index, sort=False))  # in the order of the plan again
    own = ended.loc[wide.index]
    lost_from = wide.isna().mul(own["diverged_at_step"].notna(), axis=0)
    chance = pd.DataFrame(dict.fromkeys(wide.columns, own["chance"]))
    filled = wide.ffill(axis=1).mask(lost_from, chance)
    long = filled.reset_index().melt(id_vars="trial", value_name="validation_score")
    long = long.merge(planned[["trial", *keys]], on="trial")
    return long.groupby([*keys, "epoch"], sort=False, dropna=False)["validation_score"].mean().reset_index()


def _middle(courses: pd.DataFrame) -> dict[str, float]:
    row: dict[str, float] = {"n": len(courses), "n_reached": int((courses["epochs_to_target"] < math.inf).sum())}
    row |= {f"{name}_median": float(courses[name].dropna().median()) for name in (*TO_TARGET, "overfitting_onset")}
    for name in ("aulc", "overfitting_rise"):
        row |= {f"{name}_mean": float(courses[name].mean()), f"{name}_sd": float(courses[name].std(ddof=1))}
    return row
