"""Fixes that changed outcomes, with the trials that each of them touched.

The code is not part of an id. So a fix that changes what some trials train to has a record here, and its name is hashed
into the ids of exactly these trials: their stored outcomes are not used again, and all other ids stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bnbench.config.schema import Data, Train
from bnbench.data import access
from bnbench.data.splits import has_constant_value, split_sizes
from bnbench.data.types import DatasetInfo
from bnbench.model import catalog
from bnbench.model.layer_conditions import draws_in_inference
from bnbench.model.layers import Layer
from bnbench.model.schedule_arguments import has_factors_beyond_float32


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
    # Whether they have changed for a learning rate and a seed. By default they have for all; the name is then part of
    # the key of the program. Otherwise it is part of the ids of these trials.
    touches_trial: Callable[[float, int], bool] | None = None


def _starts_from_the_weights(settings: ProgramSettings) -> bool:
    return catalog.find_class("optimizers", settings.train.optimizer.name) == "ScheduleFreeAdamW"


def _draws_in_inference(settings: ProgramSettings) -> bool:
    return any(draws_in_inference(layer.class_name, layer.arguments) for layer in settings.layers)


def _lets_raw_values_through(settings: ProgramSettings) -> bool:
    data, facts = settings.data, settings.dataset
    spec = access.built_in(data)
    # Dividing by a range of 1 changes nothing.
    same = facts.dtype == "uint8" and spec is not None and spec.value_range[1] - spec.value_range[0] == 1
    scaled = data.scale == "standard" or (data.scale == "unit" and facts.dtype == "float32")
    return scaled and not same and has_constant_value(data, facts, split_sizes(data, facts, "").train)


def _may_monitor_infinity(settings: ProgramSettings) -> bool:
    return settings.train.on_divergence == "continue" and any(
        catalog.find_class("callbacks", callback.name) in {"EarlyStopping", "ReduceLROnPlateau"}
        and str(callback.arguments.get("monitor", "val_loss")).endswith("loss")
        for callback in settings.train.callbacks
    )


def _has_a_schedule_in_float64(settings: ProgramSettings) -> bool:
    return settings.train.schedule is not None and settings.train.dtype == "float64"


def _has_factors_beyond_float32(settings: ProgramSettings) -> bool:
    schedule = settings.train.schedule if settings.train.dtype == "float64" else None
    return schedule is not None and has_factors_beyond_float32(schedule.arguments)


# Layers that pass a mask on and keep the number of axes. All others remove it, or Keras fails.
_PASS_MASKS = frozenset(
    {
        "Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU",
        "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU",
        "Masking", "Normalization", "PReLU", "ReLU", "Rescaling", "UnitNormalization",
    }
)  # fmt: skip


def _masks_rows(settings: ProgramSettings) -> bool:
    """Return True if a mask reaches the outputs, which have one axis, so that it is a mask of whole rows."""
    names = [layer.class_name for layer in settings.layers]
    return "Masking" in names and _PASS_MASKS.issuperset(names[names[::-1].index("Masking") * -1 - 1 :])


REVISIONS = (
    # The slots that start as copies of the initial weights were those of seed 0 for every seed.
    Revision("optimizer_slots_of_the_seed", _starts_from_the_weights, touches_trial=lambda rate, seed: seed != 0),
    # Each evaluation changed the random numbers of the training after it.
    Revision("evaluation_draws_nothing", _draws_in_inference),
    # A value that is constant in the training part was only shifted, so other rows had it as it is stored.
    Revision("constant_values_are_scaled", _lets_raw_values_through),
    # Callbacks got NaN for an infinite loss, which is never an improvement.
    Revision("infinite_losses_are_monitored", _may_monitor_infinity),
    # With a schedule, the learning rate was rounded to float32.
    Revision(
        "schedules_in_float64",
        _has_a_schedule_in_float64,
        touches_trial=lambda rate, seed: float(np.float32(rate)) != rate,
    ),
    # Factors of a schedule were rounded to float32.
    Revision("factors_in_float64", _has_factors_beyond_float32),
    # A masked row counted in the accuracy, and the validation loss was a mean over other batches than in `fit`.
    Revision("masked_rows_do_not_count", _masks_rows),
)


def program_revisions(settings: ProgramSettings) -> list[str]:
    """Return the names of the revisions that touch every trial of a program."""
    return [one.name for one in REVISIONS if one.touches_trial is None and one.touches(settings)]


def trial_revisions(settings: ProgramSettings) -> tuple[Revision, ...]:
    """Return the revisions that touch a program, but only some of its trials; `trial_id` takes them."""
    return tuple(one for one in REVISIONS if one.touches_trial is not None and one.touches(settings))
