"""Learning rates that change: the swept rate times a factor, which is a schedule of Keras, a warm-up, or both."""

from collections.abc import Callable
from typing import Any

import keras

from bnbench.config.schema import Train, WarmupSteps
from bnbench.model.schedule_arguments import RATE_ARGUMENTS


# A checkpoint contains the optimizer, so Keras has to find this class when it loads one.
@keras.saving.register_keras_serializable(package="bnbench")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A linear warm-up, and then a constant rate or another schedule from its own step 0.

    In step s, counted from 0, of the n steps of the warm-up, the rate is (s + 1) / n of the rate that follows. So no
    step is lost at a rate of 0, and the last one already has the whole rate. This is min(1, t / n) of Ma and Yarats
    2021, "On the adequacy of untuned warmup for adaptive optimization", whose steps t are counted from 1.

    Args:
        then: a rate, or the schedule that follows.
        steps: of the warm-up, at least one.
    """

    def __init__(self, then: Any, steps: int) -> None:
        self.then, self.steps = then, steps

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        first, rate = self._rate_at(0), self._rate_at(keras.ops.maximum(step - self.steps, 0))
        share = (keras.ops.cast(step, first.dtype) + 1) / self.steps
        return keras.ops.where(step < self.steps, share * first, rate)

    def _rate_at(self, step: Any) -> Any:
        return self.then(step) if _is_schedule(self.then) else keras.ops.convert_to_tensor(self.then)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` takes, as plain values."""
        then = self.then
        return {
            "then": keras.optimizers.schedules.serialize(then) if _is_schedule(then) else float(then),
            "steps": self.steps,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WarmUp":
        """Return the schedule that `get_config` describes."""
        then = config["then"]
        schedule = keras.optimizers.schedules.deserialize(then) if isinstance(then, dict) else then
        return cls(schedule, config["steps"])


class RateTimesFactor(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """The swept rate, a variable, times a schedule of factors that starts from 1."""

    def __init__(self, rate: keras.Variable, factor: Any) -> None:
        self.rate, self.factor = rate, factor

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        return self.rate * self.factor(step)

    def get_config(self) -> dict[str, Any]:
        """Return the config of a schedule with the same learning rates, for the present rate."""
        return dict(self.as_keras_schedule().get_config())

    def as_keras_schedule(self) -> Any:
        """Return a schedule with the same learning rates, for the present rate; one of Keras' own if there is one."""
        return _times(self.factor, float(self.rate.numpy()))


def _times(factor: Any, rate: float) -> Any:
    """Return a schedule whose learning rates are those of a schedule of factors times a rate."""
    if not _is_schedule(factor):
        return rate * float(factor)
    if not isinstance(factor, WarmUp):
        config = factor.get_config()
        for name in RATE_ARGUMENTS & config.keys():
            if config[name] is not None:
                config[name] = for_each(config[name], lambda factor: rate * float(factor))
        return type(factor).from_config(config)
    then, steps = _times(factor.then, rate), factor.steps
    if _is_schedule(then):
        return WarmUp(then, steps)
    # From 1/n of the rate in step 0 to all of it in step n - 1. Keras has no decay over 0 steps.
    first = then / steps
    return keras.optimizers.schedules.PolynomialDecay(first, max(1, steps - 1), end_learning_rate=then)


def for_each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a changed number, or a list of changed numbers."""
    return [change(one) for one in value] if isinstance(value, list) else change(value)


def with_warmup(train: Train, factor: Any) -> Any:
    """Return a factor, a number or a schedule, after the warm-up of a training whose steps have been resolved."""
    return WarmUp(factor, train.warmup.steps) if isinstance(train.warmup, WarmupSteps) else factor


def _is_schedule(value: Any) -> bool:
    return isinstance(value, keras.optimizers.schedules.LearningRateSchedule)
