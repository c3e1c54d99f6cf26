"""The optimizer, schedule, loss and callbacks that a config names: which of Keras', with which arguments."""

from importlib.util import find_spec
from types import MappingProxyType

from bnbench.config.schema import Experiment, Named, Train
from bnbench.errors import ConfigError, not_one_of
from bnbench.model import catalog

MONITORED = ("loss", "accuracy", "val_loss", "val_accuracy")
MODES = ("auto", "min", "max")
OURS = MappingProxyType(  # arguments of callbacks that a config cannot give, with the reason
    {
        **dict.fromkeys(("filepath", "log_dir", "verbose"), "bnbench sets it: files go under the results folder"),
        **dict.fromkeys(("save_freq", "update_freq", "profile_batch"), "callbacks act between epochs here"),
        **dict.fromkeys(("embeddings_freq", "embeddings_metadata"), "not among what bnbench logs"),
        "restore_best_weights": "the test part is looked at with the final and with the best weights in any case",
    }
)


def resolve_experiment(experiment: Experiment, where: str) -> Experiment:
    """The experiment with everything written out that Keras decides: whether its loss is taken from logits.

    Raises:
        ConfigError: as `check`.
    """
    train = experiment.train.model_copy(update={"loss": _from_logits(experiment.train.loss)})
    check_training(train, f"{where}: train")
    return experiment.model_copy(update={"train": train})


def _from_logits(loss: Named) -> Named:
    """A loss that can be taken from logits is, unless the config says otherwise."""
    class_name = catalog.find_class("losses", loss.name)
    if class_name and "from_logits" in catalog.class_signature("losses", class_name).defaults:
        return Named.model_validate({"name": loss.name, "from_logits": True} | loss.arguments)
    return loss


def check_training(train: Train, where: str) -> None:
    """Optimizer, schedule, loss and callbacks are Keras' own and take the arguments they are given.

    Raises:
        ConfigError: a name or an argument that Keras does not know, or that bnbench gives itself.
    """
    planned = {"learning_rate": "the rate is swept: give it under sweep.learning_rate"}
    averaged = "averaged weights would not be those that were validated: train.optimizer cannot average"
    planned |= dict.fromkeys(("use_ema", "ema_momentum", "ema_overwrite_frequency"), averaged)
    catalog.check_arguments(
        "optimizers", train.optimizer.name, train.optimizer.arguments, f"{where}.optimizer", planned
    )
    catalog.check_arguments("losses", train.loss.name, train.loss.arguments, f"{where}.loss")
    if train.schedule:
        given = {"initial_learning_rate": "the schedule is a factor of the swept rate, so it starts from 1"}
        catalog.check_arguments("schedules", train.schedule.name, train.schedule.arguments, f"{where}.schedule", given)
    for i, callback in enumerate(train.callbacks):
        _check_callback(callback, train, f"{where}.callbacks[{i}]")


def _check_callback(callback: Named, train: Train, where: str) -> None:
    kind = catalog.check_arguments("callbacks", callback.name, callback.arguments, where, OURS)
    for key, known in (("monitor", MONITORED), ("mode", MODES)):
        if callback.arguments.get(key, known[0]) not in known:
            raise ConfigError(f"{where}.{key}", not_one_of(callback.arguments[key], known))
    if kind == "TensorBoard" and find_spec("tensorboard") is None:
        raise ConfigError(where, "needs the package tensorboard: pip install 'bnbench[tensorboard]'")
    if kind == "ReduceLROnPlateau" and train.schedule:
        raise ConfigError(where, "changes the rate, which train.schedule gives already: leave one of them out")
