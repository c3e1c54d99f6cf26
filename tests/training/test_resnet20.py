"""ResNet-20 of configs/: its number of weights, and that it trains as in `fit`."""

import numpy as np
import pytest

from bnbench.config.load import load_config
from bnbench.data.types import DatasetInfo
from bnbench.planning.plan import Cohort, make_plan
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.threads import use_threads
from support.examples import dataset
from support.keras_fit import fit_trial
from support.paths import ROOT

# Made-up images of the size of CIFAR-10's; the last rows are the test part.
IMAGES = DatasetInfo("cifar10", "made up", "images", (32, 32, 3), "float32", tuple("abcdefghij"), 200, 40, 0)
SMALL = {
    "data.duplicates": "keep", "train.batch_size": 8, "train.epochs": 1, "train.steps_per_epoch": 5,
    "claims": [], "published": [],
    # The rate is divided after 32,000 steps.
    "train.dtype": "float64", "train.schedule": None, "sweep.learning_rate": [1e-5], "sweep.seeds": 1,
}  # fmt: skip


def resnet20() -> dict[str, Cohort]:
    experiment = load_config(ROOT / "configs" / "resnet20.yaml", SMALL)
    return {cohort.variant: cohort for cohort in make_plan(experiment, lambda data: IMAGES, "here").cohorts}


def test_it_has_as_many_weights_as_published() -> None:
    weights = resnet20()["batchnorm"].program.weights
    assert weights is not None
    # He et al. 2015, table 6: 0.27 million.
    assert weights.trainable == 269_722


@pytest.mark.parametrize("variant", ["plain", "batchnorm"])
def test_five_steps_equal_those_of_fit(variant: str) -> None:
    use_threads(1)
    images = dataset(IMAGES)
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
