"""`data.target_scale: standard`: numbers are learned with mean 0 and SD 1; scores and predictions keep their unit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from bnbench.data.splits import apply_scaling
from bnbench.data.targets import UNSCALED, TargetScale, fit_target_scale
from bnbench.data.types import Dataset
from bnbench.planning.plan import Cohort
from bnbench.planning.trial import Result, Saving
from bnbench.store.model_card import read_card
from bnbench.store.results_dir import model_path
from bnbench.training import loop
from bnbench.training.builder import build_model, load_saved_model
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan

# This must come before any computation.
use_threads(1)
ONE = [{"dense": 8}, "norm", {"activation": "tanh"}, {"dense": 1}]
# The targets of the made-up data, in a unit in which no network could learn them as they are.
FACTOR, OFFSET = 1000.0, 500_000.0


def houses() -> Dataset:
    made = dataset(facts(rows=75, classes=0))
    return replace(made, y=(OFFSET + FACTOR * made.y).astype(np.float32))


def cohort(scale: str = "standard", loss: str = "mse", dtype: str = "float64") -> Cohort:
    made = make_plan(
        facts(rows=75, classes=0), model={"layers": ONE}, train__loss=loss, train__dtype=dtype, train__epochs=10,
        train__engine="graph", sweep__learning_rate=[0.01], data__target_scale=scale, save_models="final",
    )  # fmt: skip
    return next(one for one in made.cohorts if one.variant == "batchnorm")


def trained(compiled: CompiledProgram, of: Cohort, folder: Path) -> Result:
    return loop._train(compiled, of.trials[0], Saving(folder, "final"), lambda trial, epoch: None)


@pytest.mark.usefixtures("float64")
def test_standardized_targets_train_as_in_fit_and_models_predict_in_the_unit_of_the_data(tmp_path: Path) -> None:
    of, data = cohort(), houses()
    compiled = CompiledProgram(of.program, data)
    result = trained(compiled, of, tmp_path)
    trial, start = of.trials[0], compiled.start(0)
    y = data.y.astype(np.float64)
    mean, deviation = y[start.parts.train].mean(), y[start.parts.train].std()
    assert start.target_scale == TargetScale(mean, deviation)

    x, standardized = apply_scaling(start.scaling, data.x), ((y - mean) / deviation)[:, np.newaxis]
    model = build_model(of.program.layers, of.program.facts.shape, "float64", trial.seed)
    model.compile(keras.optimizers.SGD(trial.learning_rate, momentum=0.9), keras.losses.MeanSquaredError())
    rows = start.parts.validation
    orders = loop.epoch_orders(of.program, start.parts.train, trial.seed)
    for epoch, order in zip(result.epochs[1:], orders, strict=True):
        logs = model.fit(
            x[order], standardized[order], batch_size=of.program.batch_size, shuffle=False, verbose=0,
            validation_data=(x[rows], standardized[rows]),
        ).history  # fmt: skip
        assert epoch.train_loss == pytest.approx(logs["loss"][0], rel=1e-8)
        assert epoch.validation_loss == pytest.approx(logs["val_loss"][0], rel=1e-8)

    # R2 has no unit: it is the same for standardized targets and for those of the data.
    test = start.parts.test
    predicted = model(x, training=False).numpy()[:, 0] * deviation + mean
    r2 = 1 - ((predicted - y)[test] ** 2).mean() / ((y[test] - mean) ** 2).mean()
    assert r2 > 0.5
    assert result.test.accuracy == pytest.approx(r2, rel=1e-8)
    assert result.test.loss == pytest.approx((((predicted - y)[test] / deviation) ** 2).mean(), rel=1e-8)

    path = model_path(tmp_path, trial.id)
    np.testing.assert_allclose(load_saved_model(path)(data.x)[:, 0], predicted, rtol=1e-5)
    card = read_card(path)
    assert card is not None
    assert (card.target_mean, card.target_deviation) == (mean, deviation)

    measured = {one.name: one for one in result.measurements}
    positions = measured["test_prediction"].positions.astype(int)
    np.testing.assert_allclose(measured["test_prediction"].values, predicted[positions], rtol=1e-6)
    assert measured["test_target"].values.tolist() == data.y[positions].tolist()
    # A prediction within 0.01 SD of the median is rare here, as it is for the targets.
    assert result.probe.prediction_share == pytest.approx(result.probe.majority_share, abs=0.3)


def test_equal_targets_are_only_shifted() -> None:
    data = replace(houses(), y=np.full(75, 7, np.float32))
    found = fit_target_scale(data, cohort().program.data, np.arange(10, dtype=np.int32))
    assert found == TargetScale(7.0, 1.0)
    assert found.restore(found.standardize(data.y)).tolist() == data.y.tolist()


def test_without_a_scale_targets_are_those_of_the_data() -> None:
    data = houses()
    assert fit_target_scale(data, cohort("none").program.data, np.arange(10, dtype=np.int32)) is UNSCALED
    assert UNSCALED.standardize(data.y) is data.y
    outputs: Any = np.ones(3)
    assert UNSCALED.restore(outputs) is outputs
