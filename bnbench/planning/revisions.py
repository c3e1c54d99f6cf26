"""Fixes that changed outcomes, with the trials that each of them touched.

The code is not part of an id. So a fix that changes what some trials train to has a record here, and its name is hashed
into the ids of exactly these trials: their stored outcomes are not used again, and all other ids stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bnbench.config.schema import Data, Train
from bnbench.data.types import DatasetInfo
from bnbench.model import catalog
from bnbench.model.layer_conditions import draws_in_inference
from bnbench.model.layers import Layer


@dataclass(frozen=True)
class ProgramSettings:
    """What the key of a program is a hash of."""

    data: Data
    dataset: DatasetInfo
    layers: Sequence[Layer]
    train: Train


@dataclass(frozen=True)
class Revision:
    """One fix that changed outcomes."""

    # It is hashed, so it must never change.
    name: str
    # Whether the outcomes of a program have changed.
    touches: Callable[[ProgramSettings], bool]
    # Whether they have changed for a seed. By default they have for every seed; the name is then part of the key of the
    # program. Otherwise it is part of the ids of the trials with these seeds.
    touches_seed: Callable[[int], bool] | None = None


def _starts_from_the_weights(settings: ProgramSettings) -> bool:
    return catalog.find_class("optimizers", settings.train.optimizer.name) == "ScheduleFreeAdamW"


def _draws_in_inference(settings: ProgramSettings) -> bool:
    return any(draws_in_inference(layer.class_name, layer.arguments) for layer in settings.layers)


REVISIONS = (
    # The slots that start as copies of the initial weights were those of seed 0 for every seed.
    Revision("optimizer_slots_of_the_seed", _starts_from_the_weights, touches_seed=lambda seed: seed != 0),
    # Each evaluation changed the random numbers of the training after it.
    Revision("evaluation_draws_nothing", _draws_in_inference),
)


def program_revisions(settings: ProgramSettings) -> list[str]:
    """Return the names of the revisions that touch every trial of a program."""
    return [one.name for one in REVISIONS if one.touches_seed is None and one.touches(settings)]


def seed_revisions(settings: ProgramSettings) -> tuple[Revision, ...]:
    """Return the revisions that touch a program, but only some of its seeds; `trial_id` takes them."""
    return tuple(one for one in REVISIONS if one.touches_seed is not None and one.touches(settings))
