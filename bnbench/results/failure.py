"""What is stored about one trial -> how it failed: the first broken tensor, the last steps, the layers that died."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis import failure_names as names
from bnbench.analysis.trials import DIVERGED
from bnbench.results.find_trial import trial_names
from bnbench.results.results import Results


@dataclass(frozen=True)
class BrokenTensor:
    """The first tensor with values that were not finite."""

    # `output`, `loss`, `gradient` or `weight`.
    kind: str
    # Empty for the loss.
    layer: str
    step: int
    # How many of its values were not finite.
    count: int


@dataclass(frozen=True)
class Largest:
    """The largest value of any layer."""

    value: float
    layer: str


@dataclass(frozen=True)
class Step:
    """What one mini-batch did before its update, and the update after it."""

    step: int
    loss: float
    # None if it was not measured, or if no layer can have dead units.
    gradient_norm: Largest | None
    update_ratio: Largest | None
    dead_share: Largest | None


@dataclass(frozen=True)
class DyingLayer:
    """A hidden layer of which more units were dead at the end of the last steps than at their beginning."""

    layer: str
    first_step: int
    first_share: float
    last_step: int
    last_share: float


@dataclass(frozen=True)
class Explanation:
    """What is known about the course of one trial.

    Attributes:
        trial, name: its id, and its readable name.
        outcome: `ok`, `chance`, `blown` or `nonfinite`; empty for a failed trial.
        diverged_at_step: None if it did not diverge.
        epoch: the epoch of that step, from 1.
        steps, epochs: how many were trained.
        broken: the first broken tensor, if values were not finite and it is known.
        course: the last steps before it diverged, or what the probe `first_steps` has measured; empty if neither is
            stored.
        dying: the layers whose units died in these steps, the worst first.
        dead_layer, dead_share: the layer with the largest share of dead units on the validation rows, at the end.
        edge: the highest rate that trains of its variant, with the ends of its interval; None if unknown.
        learning_rate: of the trial.
        fault: why a failed trial failed.
    """

    trial: str
    name: str
    outcome: str
    learning_rate: float
    diverged_at_step: int | None
    epoch: int | None
    steps: int
    epochs: int
    broken: BrokenTensor | None
    course: Sequence[Step]
    dying: Sequence[DyingLayer]
    dead_layer: str | None
    dead_share: float | None
    edge: tuple[float, float, float] | None
    fault: str = ""


def explain_trial(results: Results, trial: str) -> Explanation:
    """Return what is known about the course of a trial.

    Args:
        results: the results.
        trial: its id.
    """
    (row,) = results.trials[results.trials["trial"] == trial].to_dict("records")
    measured = results.measurements(trials=[trial])
    outcome = row["outcome"] if isinstance(row["outcome"], str) else ""
    course = _course(measured, results, trial, outcome)
    at = _whole(row["diverged_at_step"]) if outcome in DIVERGED else None
    per_epoch = _steps_per_epoch(results, trial)
    return Explanation(
        trial=trial,
        name=trial_names(results)[trial],
        outcome=outcome,
        learning_rate=row["learning_rate"],
        diverged_at_step=at,
        epoch=None if at is None else (at - 1) // per_epoch + 1 if per_epoch else 1,
        steps=_whole(row["steps"]) or 0,
        epochs=_whole(row["epochs"]) or 0,
        broken=_broken(measured) if outcome in DIVERGED else None,
        course=course,
        dying=_dying(measured, outcome),
        dead_layer=row["dead_layer"] if isinstance(row["dead_layer"], str) else None,
        dead_share=None if pd.isna(row["dead_share"]) else float(row["dead_share"]),
        edge=_edge(results, row),
        fault=next((reason for faulty, reason in results.faults if faulty == trial), ""),
    )


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _steps_per_epoch(results: Results, trial: str) -> int | None:
    history = results.full_history
    steps = history.loc[(history["trial"] == trial) & (history["epoch"] == 1), "step"]
    return int(steps.iloc[0]) if len(steps) else None


def _edge(results: Results, row: Mapping[Any, Any]) -> tuple[float, float, float] | None:
    variants = results.variants
    here = variants["variant"] == row["variant"]
    for axis in results.axes:
        here &= variants[axis].astype(str) == str(row[axis])
    found = variants[here].to_dict("records")
    if len(found) != 1 or pd.isna(found[0]["edge"]):
        return None
    return found[0]["edge"], found[0]["edge_low"], found[0]["edge_high"]


def _broken(measured: pd.DataFrame) -> BrokenTensor | None:
    for kind in names.KINDS:
        found = measured[measured["name"] == names.FIRST_NONFINITE + kind]
        for row in found.to_dict("records"):
            return BrokenTensor(kind, row["layer"], int(row["position"]), int(row["value"]))
    return None


def _series_of(outcome: str) -> tuple[str, str, str]:
    """Return the names of the gradient norm, of the update ratio and of the dead share in the steps that matter."""
    if outcome in DIVERGED:
        return names.GRADIENT_NORM, names.UPDATE_RATIO, names.DEAD_SHARE
    return "gradient_norm", "update_ratio", "batch_dead_share"


def _course(measured: pd.DataFrame, results: Results, trial: str, outcome: str) -> list[Step]:
    tables = [_largest(measured, name) for name in _series_of(outcome)]
    steps = sorted({step for table in tables for step in table})
    losses: Sequence[float] = results.step_losses(trial).tolist() if steps else []
    return [
        Step(step, losses[step - 1] if step <= len(losses) else math.nan, *(table.get(step) for table in tables))
        for step in steps
    ]


def _largest(measured: pd.DataFrame, name: str) -> dict[int, Largest]:
    """Return the layer with the largest value by step. What is not finite is the largest."""
    table = measured[measured["name"] == name]
    table = table.assign(size=table["value"].fillna(math.inf)).sort_values("size", kind="stable")
    last = table.drop_duplicates("position", keep="last")
    return {int(row["position"]): Largest(float(row["value"]), str(row["layer"])) for row in last.to_dict("records")}


def _dying(measured: pd.DataFrame, outcome: str) -> list[DyingLayer]:
    shares = measured[measured["name"] == _series_of(outcome)[2]]
    found = []
    for layer, table in shares.groupby("layer", sort=False):
        ordered = table.sort_values("position")
        steps, values = ordered["position"].tolist(), ordered["value"].tolist()
        last = values.index(max(values))
        if values[last] > values[0]:
            found.append(DyingLayer(str(layer), int(steps[0]), values[0], int(steps[last]), values[last]))
    return sorted(found, key=lambda one: -one.last_share)
