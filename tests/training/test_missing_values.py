"""Missing values are the mean of the training part: in memory, in every step, in saved models, and in `predict`."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.splits import apply_scaling, fit_scaling
from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.training import data_tensors
from bnbench.training.check import check_program
from bnbench.training.check_rows import handful_of_rows
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

# This must come before any computation.
use_threads(1)
# Values 1 and 3 of a row may be missing.
FACTS = replace(facts(), filled=(1, 3))


def incomplete() -> Dataset:
    made = dataset(FACTS)
    x = made.x.copy()
    x[::4, 1] = np.nan
    x[2::5, 3] = np.nan
    return replace(made, x=x)


def cohort(scale: str = "standard") -> Cohort:
    return make_plan(FACTS, data__scale=scale, train__engine="graph").cohorts[1]


def by_hand(x: NDArray[np.float32], train: NDArray[np.int32]) -> NDArray[np.float64]:
    filled = x.astype(np.float64)
    for column in range(filled.shape[1]):
        missing = np.isnan(filled[:, column])
        filled[missing, column] = np.nanmean(filled[train, column])
    return filled


@pytest.mark.parametrize("scale", ["none", "unit", "standard", "l2"])
@pytest.mark.parametrize("in_every_step", [False, True])
def test_missing_values_are_the_training_mean(scale: str, in_every_step: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if in_every_step:
        monkeypatch.setattr(data_tensors, "PRESCALED_BYTES", 0)
    data = incomplete()
    compiled = CompiledProgram(cohort(scale).program, data, eager=True)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    filled = by_hand(data.x, start.parts.train)
    train = filled[start.parts.train]
    wanted = {
        "none": filled,
        "unit": (filled - train.min(axis=0)) / (train.max(axis=0) - train.min(axis=0)),
        "standard": (filled - train.mean(axis=0)) / train.std(axis=0),
        "l2": filled / np.linalg.norm(filled, axis=1, keepdims=True),
    }[scale]
    np.testing.assert_allclose(apply_scaling(start.scaling, data.x), wanted, rtol=1e-6)
    found, _ = compiled.data.batch(tf.range(len(data.x)))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_column_without_any_training_value_is_zero() -> None:
    data = incomplete()
    x = data.x.copy()
    x[:10, 1] = np.nan
    data = replace(data, x=x)
    scaling = fit_scaling(data, cohort().program.data, np.arange(10, dtype=np.int32))
    assert (apply_scaling(scaling, data.x)[:, 1] == 0).all()


def test_the_check_before_training_fills_them_too(tmp_path: Path) -> None:
    rows = handful_of_rows(incomplete())
    assert np.isnan(rows.x).any()
    assert np.isfinite(rows.x[0]).all()
    check_program(cohort().program, rows)
