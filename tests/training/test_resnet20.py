"""ResNet-20 of configs/: its number of weights, and that it trains as in `fit`."""

from dataclasses import replace

import numpy as np
import pytest

from bnbench.config.load import load_config
from bnbench.config.schema import Data
from bnbench.data.access import load_dataset
from bnbench.data.types import DataDirs, Dataset, DatasetInfo
from bnbench.planning.plan import Cohort, make_plan
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.threads import use_threads
from support.keras_fit import fit_trial
from support.paths import ROOT

# A part of CIFAR-10; the last rows are its test part.
ROWS = DatasetInfo("cifar10", "part", "part", (32, 32, 3), "uint8", tuple("abcdefghij"), 2_000, 400, 0)
SMALL = {
    "data.duplicates": "keep", "train.batch_size": 8, "train.epochs": 1, "train.steps_per_epoch": 5,
    "claims": [], "published": [],
    # The rate is divided after 32,000 steps.
    "train.dtype": "float64", "train.schedule": None, "sweep.learning_rate": [1e-5], "sweep.seeds": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def images(places: DataDirs) -> Dataset:
    """The first 2,000 images of CIFAR-10."""
    whole = load_dataset(Data(name="cifar10"), places)
    return replace(
        whole, facts=ROWS, x=whole.x[: ROWS.rows], y=whole.y[: ROWS.rows], repeated=whole.repeated[: ROWS.rows]
    )


def resnet20() -> dict[str, Cohort]:
    experiment = load_config(ROOT / "configs" / "resnet20.yaml", SMALL)
    return {cohort.variant: cohort for cohort in make_plan(experiment, lambda data: ROWS, "here").cohorts}


def test_it_has_as_many_weights_as_published() -> None:
    weights = resnet20()["batchnorm"].program.weights
    assert weights is not None
    # He et al. 2015, table 6: 0.27 million.
    assert weights.trainable == 269_722


@pytest.mark.parametrize("variant", ["plain", "batchnorm"])
def test_five_steps_equal_those_of_fit(variant: str, images: Dataset) -> None:
    use_threads(1)
    cohort = resnet20()[variant]
    program, trial = cohort.program, cohort.trials[0]
    with keras_defaults("float64"):
        compiled = CompiledProgram(program, images, eager=True)
        start = compiled.start(trial.seed)
        compiled.reset(start, trial.learning_rate)
        (order,) = loop.epoch_orders(program, start.parts.train, trial.seed)
        losses, _ = compiled.train_epoch(order)
        theirs = fit_trial(program, images, trial, validate=False)
    assert len(losses) == 5
    assert theirs.logs["loss"] == pytest.approx([losses.mean()], rel=1e-8)
    for our, their in zip(compiled.model.variables, theirs.model.variables, strict=True):
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-8, atol=1e-8, err_msg=our.path)
