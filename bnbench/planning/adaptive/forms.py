"""The forms of a training in an adaptive design: whole; short, to choose from; and one that ends early if it fails."""

import math
from collections.abc import Callable
from typing import Any

from bnbench.config.schema import Experiment, Train, WarmupSteps
from bnbench.planning.plan import Forms, Plan

# Short trainings have this share of the epochs. Rates that are compared after one epoch change places later, after two
# or three they hardly do.
SHORT_SHARE, MIN_SHORT_EPOCHS = 0.3, 3
# A training whose first three epochs failed rarely recovers, and in a short training little is saved.
FAILED_EPOCHS, EARLY_FROM = 3, 10
EPOCHS = "epochs"


def make_forms(plan: Plan, make: Callable[[Experiment], Plan]) -> list[Forms]:
    """Return the forms of each cohort of a plan, in its order.

    Args:
        plan: of the whole trainings.
        make: returns the plan of an experiment, on the same data.
    """
    short = make(_shortened(plan.experiment))
    early = make(_ending_early(plan.experiment))
    return [
        Forms(
            whole,
            brief if brief.program.train.epochs < whole.program.train.epochs else None,
            ending if whole.program.train.epochs >= EARLY_FROM else whole,
        )
        for whole, brief, ending in zip(plan.cohorts, short.cohorts, early.cohorts, strict=True)
    ]


def short_epochs(epochs: int) -> int:
    """Return the epochs of a short training."""
    return min(epochs, max(MIN_SHORT_EPOCHS, math.ceil(SHORT_SHARE * epochs)))


def _ending_early(experiment: Experiment) -> Experiment:
    train = experiment.train.model_copy(update={"stop_failed": experiment.train.stop_failed or FAILED_EPOCHS})
    # What a probe measures belongs to whole trainings, which reports show.
    return experiment.model_copy(update={"train": train, "probes": []})


def _shortened(experiment: Experiment) -> Experiment:
    """Return the experiment with fewer epochs, wherever they are set. Shares of the training stay shares."""
    variants = {
        name: variant.model_copy(update={"train": _shortened_keys(variant.train)})
        for name, variant in experiment.variants.items()
    }
    grid = {
        key: [short_epochs(value) for value in values] if key == f"train.{EPOCHS}" else values
        for key, values in experiment.sweep.grid.items()
    }
    sweep = experiment.sweep.model_copy(update={"grid": grid})
    return experiment.model_copy(
        update={"train": _shortened_train(experiment.train), "variants": variants, "sweep": sweep, "probes": []}
    )


def _shortened_train(train: Train) -> Train:
    epochs = short_epochs(train.epochs)
    changed: dict[str, Any] = {EPOCHS: epochs}
    if isinstance(train.warmup, WarmupSteps):
        changed["warmup"] = WarmupSteps(steps=math.ceil(train.warmup.steps * epochs / train.epochs))
    return train.model_copy(update=changed)


def _shortened_keys(train: dict[str, Any]) -> dict[str, Any]:
    own = train.get(EPOCHS)
    return {**train, EPOCHS: short_epochs(own)} if isinstance(own, int) else train
