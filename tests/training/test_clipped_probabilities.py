"""A loss of a softmax is computed from its logits, unless a layer behind the softmax hides them (see why/collapse)."""

from typing import Any

import pytest

from bnbench.training.threads import use_threads
from support.small_trials import cohorts, results

WRONG = {"random_normal": {"stddev": 1e4}}  # so large that each row is certain of a class, and mostly of a wrong one


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


@pytest.mark.parametrize("engine", ["graph", "xla"])
@pytest.mark.parametrize(("behind", "learns"), [([], True), ([{"rescaling": {"scale": 1}}], False)])
def test_probabilities_that_are_clipped_have_no_gradient(behind: list[Any], learns: bool, engine: str) -> None:
    layers = [{"dense": {"units": "$classes", "kernel_initializer": WRONG}}, {"activation": "softmax"}, *behind]
    (cohort,) = cohorts(
        model={"layers": layers},
        variants={"plain": {"norm": "none"}},
        train__engine=engine,
        train__loss={"categorical_crossentropy": {"from_logits": False}},
        sweep__learning_rate=[1e3],
        sweep__seeds=1,
    )
    (result,) = results(cohort)
    losses = {epoch.validation_loss for epoch in result.epochs}
    assert (result.epochs[-1].validation_accuracy == 1.0) == learns
    assert (len(losses) == 1) == (not learns)
