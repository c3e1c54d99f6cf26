"""Rows in the order of the file are those that `fit` takes with `validation_split`, and training still shuffles."""

import keras
import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data.splits import split_rows, split_sizes
from bnbench.training.loop import epoch_orders
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


@pytest.mark.parametrize(("rows", "fraction"), [(50, 0.2), (40, 0.1), (48, 0.25)])
def test_the_parts_are_those_of_keras_validation_split(rows: int, fraction: float) -> None:
    """A model that returns its input has the mean of the rows of a part as its loss."""
    data = dataset(facts((1,), rows=rows + 10, classes=0, test_rows=10))
    settings = Data.model_validate({"name": "digits", "split": {"order": "file", "validation": fraction}})
    parts = split_rows(data, settings, split_sizes(settings, data.facts, "toy"), seed=0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mean_squared_error", run_eagerly=True)
    history = model.fit(
        data.x[:rows], np.zeros(rows), rows, verbose=0, validation_split=fraction, validation_batch_size=rows
    ).history
    assert history["val_loss"][0] == pytest.approx(np.mean(data.x[parts.validation] ** 2), rel=1e-5)
    assert history["loss"][0] == pytest.approx(np.mean(data.x[parts.train] ** 2), rel=1e-5)
    assert parts.test.tolist() == list(range(rows, rows + 10))


def test_training_shuffles_its_rows_every_epoch() -> None:
    program = make_plan(data__split={"order": "file"}).cohorts[0].program
    rows = split_rows(dataset(program.facts), program.data, program.sizes, seed=0).train
    orders = [order.tolist() for order in epoch_orders(program, rows, seed=0)]
    assert rows.tolist() == list(range(len(rows)))
    assert all(sorted(order) == rows.tolist() != order for order in orders)
    assert orders[0] != orders[1]
