"""One value for each trial, of what a probe measured over its training."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest

from bnbench.analysis.columns import OUTCOMES, column_names
from bnbench.analysis.probe_columns import PROBE_COLUMNS
from bnbench.analysis.registry import METRICS

Points = Mapping[tuple[str, str], Sequence[tuple[float, float]]]


def _summarize(name: str, points: Points) -> dict[str, float]:
    rows = [
        {"trial": trial, "layer": layer, "position": position, "value": value}
        for (trial, layer), values in points.items()
        for position, value in values
    ]
    return PROBE_COLUMNS[name].summarize(pd.DataFrame(rows)).to_dict()


def test_the_sharpness_at_the_end_counts() -> None:
    found = _summarize("sharpness_times_rate", {("a", ""): [(0, 5.0), (300, 2.1), (100, 3.0)], ("b", ""): [(0, 1.0)]})
    assert found == {"a": 2.1, "b": 1.0}


def test_line_searches_of_the_first_steps_are_averaged_as_logarithms() -> None:
    steps = [(1, 1e-3), (4, 1e-2), (7, 1e-1), (50, 1.0)]
    assert _summarize("first_worse_length", {("a", ""): steps}) == {"a": pytest.approx(1e-2)}
    # A trial that diverges before step 4 has step 1 alone.
    assert _summarize("first_worse_length", {("a", ""): [(1, 1e-5)]}) == {"a": pytest.approx(1e-5)}
    # If no length up to 1 makes one of them worse, the mean is unknown.
    missing = _summarize("first_worse_length", {("a", ""): [(1, 1e-3), (4, float("nan")), (7, 1e-1)]})
    assert pd.isna(missing["a"])


def test_looks_over_the_training_are_averaged() -> None:
    assert _summarize("gradient_change", {("a", ""): [(1, 2.0), (11, 4.0)]}) == {"a": 3.0}


def test_the_smallest_growth_of_any_kernel_counts() -> None:
    norms = {("a", "dense_0"): [(0, 1.0), (10, 2.0), (20, 3.0)], ("a", "dense_1"): [(0, 4.0), (10, 4.4), (20, 4.84)]}
    assert _summarize("least_norm_growth", norms) == {"a": pytest.approx(1.1)}
    shrinking = {("a", "dense_0"): [(0, 2.0), (10, 1.0)]}
    assert _summarize("least_norm_growth", shrinking) == {"a": 0.5}


def test_effective_rates_of_layers_are_averaged_as_logarithms() -> None:
    rates = {("a", "dense_0"): [(0, 9.0), (10, 0.1)], ("a", "dense_1"): [(10, 0.001), (0, 9.0)]}
    assert _summarize("effective_rate", rates) == {"a": pytest.approx(0.01)}


def test_each_has_a_column_and_a_metric() -> None:
    assert PROBE_COLUMNS.keys() <= set(column_names(OUTCOMES))
    assert PROBE_COLUMNS.keys() <= METRICS.keys()
