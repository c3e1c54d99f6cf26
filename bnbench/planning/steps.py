"""Shares of the training -> numbers of steps: `train.warmup`, and the arguments of schedules that count steps.

How many steps a training has depends on its rows, its batches and its epochs. So shares become numbers for each program
by itself, before it is hashed: a share and the number that it stands for are the same trial.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Any

from bnbench.config.schema import Named, Train, WarmupSteps
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location
from bnbench.model import catalog
from bnbench.model.schedule_arguments import ALL, STEP_ARGUMENTS, is_share


def rows_per_step(train: Train, train_rows: int) -> int:
    """Return the rows of a batch."""
    return train_rows if train.batch_size == "full" else train.batch_size


def steps_per_epoch(train: Train, train_rows: int) -> int:
    """Return the updates between two validations."""
    return train.steps_per_epoch or -(-train_rows // rows_per_step(train, train_rows))


def resolve_steps(train: Train, train_rows: int, where: Location) -> Train:
    """Return the training with every share of it as a number of steps.

    Args:
        train: how a program is trained; its schedule has been checked.
        train_rows: the rows of its training part.
        where: `train` in the experiment file, for messages.

    Raises:
        ConfigError: the warm-up takes the whole training, or two boundaries are the same step.
    """
    total = train.epochs * steps_per_epoch(train, train_rows)
    warmup = _warmup_steps(train, total, where / "warmup")
    # Of a single step nothing is left after its warm-up.
    left = max(1, total - warmup)
    schedule = train.schedule and _resolved_schedule(train.schedule, left, where / "schedule")
    return train.model_copy(update={"warmup": WarmupSteps(steps=warmup) if warmup else None, "schedule": schedule})


def _warmup_steps(train: Train, total: int, where: Location) -> int:
    if train.warmup is None:
        return 0
    if not isinstance(train.warmup, WarmupSteps):
        # At least one step follows, unless the training is a single step.
        return max(1, min(_steps(train.warmup, total), total - 1))
    if train.warmup.steps >= total:
        raise ConfigError(
            where / "steps", f"found {train.warmup.steps}, wanted fewer than the {total} steps of the whole training"
        )
    return train.warmup.steps


def _resolved_schedule(schedule: Named, left: int, where: Location) -> Named:
    names = STEP_ARGUMENTS.get(catalog.find_class("schedules", schedule.name) or "", ())
    changed = {
        name: _resolved(schedule.arguments[name], left, where / name) for name in names if name in schedule.arguments
    }
    if all(value == schedule.arguments[name] for name, value in changed.items()):
        return schedule
    return Named.model_validate({**schedule.model_dump(), **changed})


def _resolved(value: Any, left: int, where: Location) -> Any:
    if not isinstance(value, list):
        return _steps(value, left) if is_share(value) else value
    steps = [_steps(one, left) if is_share(one) else one for one in value]
    if any(after <= before for before, after in pairwise(steps)):
        raise ConfigError(
            where, f"found {shorten(value)}, which are the steps {shorten(steps)} of {left}: they must rise"
        )
    return steps


def _steps(share: Any, total: int) -> int:
    """Return a share of some steps, rounded up: 0.1 of 30 steps is 3."""
    # `0.07 * 100` is a little more than 7. The text of a number is what its writer meant.
    return total if share == ALL else math.ceil(Fraction(repr(share)) * total)


def kind_of_training(train: Train) -> Mapping[str, Any]:
    """Return the settings of a training without numbers of steps: Keras accepts any of them, or none."""
    settings = train.model_dump()
    settings["warmup"] = train.warmup is not None
    if train.schedule:
        names = STEP_ARGUMENTS.get(catalog.find_class("schedules", train.schedule.name) or "", ())
        settings["schedule"] = {key: value for key, value in settings["schedule"].items() if key not in names}
    return settings
