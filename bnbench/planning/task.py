"""What a data set asks of a model, classes or a number a row, and which losses ask for it."""

from collections.abc import Sequence

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
    """The Keras class of a loss whose name was checked."""
    return catalog.find_class("losses", loss.name) or loss.name


def output_widths(classes: int, loss: Named) -> tuple[int, ...]:
    """How many numbers a model may give for a row: one a class; one alone for two classes, or for a number."""
    if not classes:
        return (1,)
    return (classes,) if loss_class(loss) in OF_CLASSES or classes != 2 else (classes, 1)


def check_loss(classes: int, data: str, loss: Named, where: Location | str) -> None:
    """A loss of classes has no meaning for a number.

    Args:
        classes: of the data set; 0: each row has a number instead.
    """
    if not classes and loss_class(loss) not in OF_NUMBERS:
        known = ", ".join(sorted(map(catalog.snake_case, OF_NUMBERS)))
        raise ConfigError(where, f"{loss.name} is a loss of classes, but {data} has a number a row: wanted {known}")


def check_metric(metric: str, classes: int, where: Location | str) -> None:
    """The score of classes is accuracy, that of numbers R2."""
    wrong, right = ("r2", "accuracy") if classes else ("accuracy", "r2")
    if metric.endswith(f"_{wrong}"):
        named = metric.replace(wrong, right)
        raise ConfigError(
            where, f"{metric}, but the data have {'classes' if classes else 'no classes'}: wanted {named}"
        )


def check_output(shape: Sequence[int | None], flat: Sequence[Layer], classes: int, loss: Named) -> None:
    """A model gives as many numbers as its data and its loss want.

    Raises:
        ConfigError: it does not; names the last layer and both shapes.
    """
    wanted = output_widths(classes, loss)
    if tuple(shape) in {(width,) for width in wanted}:
        return
    told = "one number a class" if classes else "one number a row"
    told += f", or one alone, of the second: ({wanted[1]},)" if len(wanted) > 1 else ""
    raise ConfigError(
        flat[-1].where,
        f"the last layer, {flat[-1].name} ({flat[-1].class_name}), gives {tuple(shape)}, wanted ({wanted[0]},): "
        f"{told}; `- flatten` before the dense layers parts an image into its pixels",
    )


def class_threshold(loss: Named) -> float:
    """Above it one number alone means the second of two classes."""
    return 0.0 if loss.arguments.get("from_logits") else 0.5
