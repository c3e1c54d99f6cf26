"""The task of a data set, classes or one number per row, and the losses and outputs that fit it."""

from collections.abc import Sequence

from bnbench.analysis.registry import find_metric
from bnbench.config.schema import Named
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model import catalog
from bnbench.model.layers import Layer

OF_CLASSES = frozenset(
    {"SparseCategoricalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge"}
)
OF_TWO_CLASSES = frozenset({"BinaryCrossentropy", "BinaryFocalCrossentropy"})
OF_NUMBERS = frozenset({"MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh"})


def loss_class(loss: Named) -> str:
    """Return the Keras class of a loss whose name has been checked."""
    return catalog.find_class("losses", loss.name) or loss.name


def output_widths(classes: int, loss: Named) -> tuple[int, ...]:
    """Return how many outputs a model may have: one per class; a single one for a number, or for two classes."""
    if not classes:
        return (1,)
    return (classes,) if loss_class(loss) in OF_CLASSES or classes != 2 else (classes, 1)


def check_loss(classes: int, data: str, loss: Named, where: Location | str) -> None:
    """Raise if a loss for classes is used for data with one number per row.

    Args:
        classes: how many the data set has; 0 if each row has a number.
    """
    if not classes and loss_class(loss) not in OF_NUMBERS:
        known = ", ".join(sorted(map(catalog.snake_case, OF_NUMBERS)))
        raise ConfigError(
            where, f"{loss.name} is a loss for classes, but {data} has a number for each row: use {known}"
        )


def score_kind(classes: int) -> str:
    """Return what the rows of a data set have, and the score that this gives."""
    return "classes (the score is accuracy)" if classes else "a number for each row (the score is R2)"


def check_metric(metric: str, classes: int, top_k: int, where: Location | str) -> None:
    """Raise if the data have no such metric, as R2 for classes, or if it says nothing, as the top 5 of three classes.

    Args:
        classes: how many the data set has; 0 if each row has a number.
        top_k: the k of the top-k accuracy.
    """
    wrong, right = ("r2", "accuracy") if classes else ("accuracy", "r2")
    if metric.endswith(f"_{wrong}"):
        named = metric.replace(wrong, right)
        raise ConfigError(where, f"{metric}, but the data have {'classes' if classes else 'no classes'}: use {named}")
    known = find_metric(metric)
    if known and known.of_numbers:
        check_numbers(metric, classes, where)
    if known and known.of_classes and not classes:
        raise ConfigError(where, f"{metric} needs data with classes, but the data have a number for each row")
    if known and known.of_k and classes <= top_k:
        advice = f"set top_k below {classes}" if classes > 2 else "name another metric"
        raise ConfigError(where, f"{metric} is 1 for any network: top_k is {top_k} of {classes} classes; {advice}")


def check_numbers(what: str, classes: int, where: Location | str) -> None:
    """Raise if something that only data with one number per row have is wanted of classes."""
    if classes:
        raise ConfigError(where, f"{what} needs data with a number for each row, but the data have classes")


def check_output(shape: Sequence[int | None], flat: Sequence[Layer], classes: int, loss: Named) -> None:
    """Raise if a model does not have the outputs that its data and its loss need.

    Raises:
        ConfigError: the message names the last layer, its shape and the needed shape.
    """
    wanted = output_widths(classes, loss)
    if tuple(shape) in {(width,) for width in wanted}:
        return
    reason = "one output per class" if classes else "one output per row"
    reason += f", or a single output for the second class: ({wanted[1]},)" if len(wanted) > 1 else ""
    raise ConfigError(
        flat[-1].where,
        f"the last layer, {flat[-1].name} ({flat[-1].class_name}), gives {tuple(shape)}, wanted ({wanted[0]},): "
        f"{reason}; for images, write `- flatten` before the dense layers",
    )


def class_threshold(loss: Named) -> float:
    """Return the value above which a single output means the second of two classes."""
    return 0.0 if loss.arguments.get("from_logits") else 0.5
