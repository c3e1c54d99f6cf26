"""Checks that the optimizer, schedule, loss and callbacks of a config exist in Keras and take their arguments."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType

from bnbench.config.schema import Named, Train
from bnbench.errors import ConfigError, not_one_of
from bnbench.location import Location
from bnbench.model import arguments, catalog

# For data with a number per row the accuracies are R2.
MONITORED = ("loss", "accuracy", "val_loss", "val_accuracy")
# What the name of a value contains -> the value with that meaning.
KINDS_OF_VALUES = MappingProxyType(
    {"loss": "loss", "entropy": "loss", "error": "loss", "mse": "loss", "mae": "loss"}
    | {"acc": "accuracy", "score": "accuracy", "r2": "accuracy"}
)
_AVERAGED = "averaged weights would differ from the weights that were validated, so train.optimizer cannot average"
# Arguments that a config must not give, with the reason.
OF_OPTIMIZERS = MappingProxyType(
    {
        "learning_rate": "the learning rate is swept: set sweep.learning_rate",
        **dict.fromkeys(("use_ema", "ema_momentum", "ema_overwrite_frequency"), _AVERAGED),
    }
)
START = "initial_learning_rate"
OF_SCHEDULES = MappingProxyType(
    {START: "the schedule is a factor of the swept learning rate, so it starts at 1; train.warmup lets it rise to that"}
)
OF_CALLBACKS = MappingProxyType(
    {
        **dict.fromkeys(("filepath", "log_dir", "verbose"), "bnbench sets it: files go under the results folder"),
        **dict.fromkeys(("save_freq", "update_freq", "profile_batch"), "callbacks act between epochs only"),
        **dict.fromkeys(("embeddings_freq", "embeddings_metadata"), "bnbench logs no embeddings"),
    }
)


def default_from_logits(loss: Named) -> Named:
    """Return the loss with `from_logits: true` if it takes logits and the config does not say otherwise."""
    class_name = catalog.find_class("losses", loss.name)
    if class_name and "from_logits" in arguments.class_signature("losses", class_name).defaults:
        return Named.model_validate({"name": loss.name, "from_logits": True} | loss.arguments)
    return loss


def training_checks(train: Train, where: Location) -> Iterator[Callable[[], object]]:
    """Yield a check for each Keras object that training uses.

    Each raises a ConfigError if Keras has no such class or argument, or if bnbench sets the argument itself.
    """
    yield partial(_check_named, "optimizers", train.optimizer, where / "optimizer", OF_OPTIMIZERS)
    yield partial(_check_named, "losses", train.loss, where / "loss")
    if train.schedule:
        yield partial(_check_schedule, train.schedule, train, where / "schedule")
    for i, callback in enumerate(train.callbacks):
        yield partial(_check_callback, callback, train, where / "callbacks" / i)


def _check_named(
    family: str, named: Named, where: Location, refused: MappingProxyType[str, str] = MappingProxyType({})
) -> str:
    return arguments.check_arguments(family, named.name, named.arguments, where, refused)


def _check_schedule(schedule: Named, train: Train, where: Location) -> None:
    # The own warm-up of a schedule may begin anywhere.
    own = schedule.arguments.get("warmup_target") is not None
    class_name = _check_named(
        "schedules", schedule, where, MappingProxyType({}) if own and START in schedule.arguments else OF_SCHEDULES
    )
    if train.warmup and own:
        raise ConfigError(
            where / "warmup_target",
            f"{class_name} would warm up a second time, after train.warmup: leave one of them out",
        )


def _check_callback(callback: Named, train: Train, where: Location) -> None:
    class_name = _check_named("callbacks", callback, where, OF_CALLBACKS)
    monitor = callback.arguments.get("monitor", MONITORED[0])
    if monitor not in MONITORED:
        raise ConfigError(where / "monitor", _unknown_monitor(str(monitor)))
    if class_name == "TensorBoard" and find_spec("tensorboard") is None:
        raise ConfigError(where, "needs the package tensorboard: pip install 'bnbench[tensorboard]'")
    if class_name == "ReduceLROnPlateau" and train.changes_rate:
        other = "schedule" if train.schedule else "warmup"
        raise ConfigError(where, f"changes the learning rate, and train.{other} does too: leave one of them out")


def _unknown_monitor(name: str) -> str:
    """Return a message with the value that a callback can monitor and whose meaning is nearest."""
    kind = next((kind for word, kind in KINDS_OF_VALUES.items() if word in name.lower()), None)
    if kind is None:
        return not_one_of(name, MONITORED)
    # A callback never sees the test part.
    of_validation = name.lower().startswith(("val", "test"))
    return f"{not_one_of(name, MONITORED).partition(' (')[0]} (did you mean '{'val_' if of_validation else ''}{kind}'?)"
