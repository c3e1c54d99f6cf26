"""Ratios of times come from rounds in which two variants were trained by turns, and from nothing else."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import variant_tables
from bnbench.analysis.cells import Cells
from bnbench.analysis.columns import STEP_TIMES, VARIANTS, column_names
from bnbench.analysis.step_times import (
    UNTIMED,
    PairTimes,
    TimeRatio,
    find_pair,
    step_times_table,
    time_ratio,
    with_overhead,
)
from support.tables import scores, trials


def pair(variant: str = "batchnorm", over: str = "plain", **changes: Any) -> PairTimes:
    """Return three rounds with the ratios 2, 1.5 and 3."""
    seconds = {"seconds": np.array([0.2, 0.15, 0.3]), "over_seconds": np.array([0.1, 0.1, 0.1])}
    values: dict[str, Any] = {**seconds, "learning_rate": 0.01, "seed": 0, "steps": 10, "clock": "processor"}
    return PairTimes(variant, over, **{**values, **changes})


def test_the_ratio_is_the_median_over_the_rounds_with_its_range() -> None:
    found = time_ratio(pair())
    assert (found.median, found.low, found.high) == pytest.approx((2, 1.5, 3))
    assert found.rounds == 3


def test_a_pair_without_rounds_says_why() -> None:
    assert math.isnan(time_ratio(find_pair([], "batchnorm", "plain", {})).median)
    assert time_ratio(find_pair([], "batchnorm", "plain", {})).reason == UNTIMED
    unequal = PairTimes("batchnorm", "plain", reason="batches of 8 and 16 rows")
    assert time_ratio(find_pair([unequal], "batchnorm", "plain", {})) == TimeRatio(reason="batches of 8 and 16 rows")


def test_a_pair_is_found_in_either_order() -> None:
    assert time_ratio(find_pair([pair()], "plain", "batchnorm", {})).median == pytest.approx(0.5)


def test_a_pair_is_found_at_its_setting_and_elsewhere_says_where_it_was_timed() -> None:
    timed = [pair(place={"model.params.units": 50, "data.classes": ["a", "b"]})]
    here = {"model.params.units": 50, "data.classes": '["a", "b"]'}
    assert time_ratio(find_pair(timed, "batchnorm", "plain", here)).rounds == 3
    elsewhere = find_pair(timed, "batchnorm", "plain", here | {"model.params.units": 100})
    assert elsewhere.reason.startswith("timed at units 50, classes ")
    assert elsewhere.reason.endswith(" only")


def test_a_value_of_null_is_a_setting_too() -> None:
    timed = [pair(place={"data.limit": None})]
    assert len(find_pair(timed, "batchnorm", "plain", {"data.limit": math.nan}).seconds) == 3


def test_the_table_of_variants_has_a_ratio_only_where_there_are_rounds() -> None:
    rows = [*scores("plain", {0.1: 0.9}), *scores("batchnorm", {0.1: 0.9}), *scores("layernorm", {0.1: 0.9})]
    table = with_overhead(variant_tables.variant_table(Cells(trials(*rows)), "plain"), [], "plain", [pair()])
    assert table.columns.tolist() == column_names(VARIANTS)
    found = table.set_index("variant")
    assert found["overhead"].tolist() == pytest.approx([math.nan, 2, math.nan], nan_ok=True)
    assert found.loc["batchnorm", ["overhead_low", "overhead_high"]].tolist() == pytest.approx([1.5, 3])
    assert found["overhead_rounds"].tolist() == [0, 3, 0]


def test_a_table_of_no_variants_stays_empty() -> None:
    assert with_overhead(pd.DataFrame(), [], "plain", []).empty


def test_every_round_is_a_row() -> None:
    table = step_times_table([pair(place={"a": 1}), PairTimes("layernorm", "plain", reason="why")], ["a"])
    assert table.columns.tolist() == [*column_names(STEP_TIMES)[:2], "a", *column_names(STEP_TIMES)[2:]]
    assert table["round"].tolist() == [1, 2, 3]
    assert table["ratio"].tolist() == pytest.approx([2, 1.5, 3])
    assert pair().total == pytest.approx(9.5)
    assert step_times_table([], []).columns.tolist() == column_names(STEP_TIMES)
