"""Turns the series of the oldest probes into fields of a result, which have their own columns in the table `trials`.

Later probes have no columns: their series stay series.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.planning.trial import FinalProbeValues, Series

NAMES = {"prediction_share", "majority_share", "dead_share", "gradient_growth", "bn_mode_gap", *PRE_ACTIVATIONS}


@dataclass(frozen=True)
class Measured:
    """The fields of `Result` that probes measure; `Result` describes them."""

    bn_mode_gap: float | None
    probe: FinalProbeValues
    gradient_growth: float | None
    pre_activations: tuple[tuple[float | None, ...], ...]
    measurements: tuple[Series, ...]


def as_result_fields(series: Sequence[Series]) -> Measured:
    """Return the fields of a result that contain these series."""
    return Measured(
        bn_mode_gap=_last(series, "bn_mode_gap"),
        probe=_probe(series),
        gradient_growth=_last(series, "gradient_growth"),
        pre_activations=_pre_activations(series),
        measurements=tuple(one for one in series if one.name not in NAMES),
    )


def _probe(series: Sequence[Series]) -> FinalProbeValues:
    """Return the final values, with the layer of the largest dead share; if several are equal, the first of them."""
    dead = {one.layer: float(one.values[-1]) for one in series if one.name == "dead_share"}
    worst = max(dead, key=dead.__getitem__, default=None)
    shares = _last(series, "prediction_share"), _last(series, "majority_share")
    return FinalProbeValues(*shares, dead[worst] if worst is not None else None, worst)


def _pre_activations(series: Sequence[Series]) -> tuple[tuple[float | None, ...], ...]:
    by_name = {one.name: one.values.tolist() for one in series}
    percentiles = [by_name[name] for name in PRE_ACTIVATIONS if name in by_name]
    return tuple(tuple(map(_none_if_nan, epoch)) for epoch in zip(*percentiles, strict=True))


def _last(series: Iterable[Series], name: str) -> float | None:
    return next((_none_if_nan(float(one.values[-1])) for one in series if one.name == name), None)


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
