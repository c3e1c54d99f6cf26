"""The public Keras classes that a config may name, by family: layers, optimizers, losses and so on.

`keras.layers` and its like import each of their classes by one statement, which `keras_source` reads.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from types import MappingProxyType

from bnbench.errors import ConfigError, did_you_mean
from bnbench.location import Location
from bnbench.model.former_names import former_class
from bnbench.model.keras_source import imported_names, module_file
from bnbench.model.layer_table import LAYERS

# Family -> (package, the base class every member but itself derives from, what a message calls one).
FAMILIES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "layers": ("keras.layers", "Layer", "layer"),
        "optimizers": ("keras.optimizers", "Optimizer", "optimizer"),
        "schedules": ("keras.optimizers.schedules", "LearningRateSchedule", "schedule"),
        "losses": ("keras.losses", "Loss", "loss"),
        "initializers": ("keras.initializers", "Initializer", "initializer"),
        "regularizers": ("keras.regularizers", "Regularizer", "regularizer"),
        "constraints": ("keras.constraints", "Constraint", "constraint"),
        "callbacks": ("keras.callbacks", "Callback", "callback"),
    }
)
# Optimizers around optimizers, and a part of Keras' inside. `layer_table` has the layers that are refused.
REFUSED = frozenset({"LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"})
# Only some classes of these families fit: callbacks that act between epochs and write into a folder that bnbench
# chooses; losses for classes or for one number.
CHOSEN = MappingProxyType(
    {
        "callbacks": frozenset({"EarlyStopping", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard"}),
        "losses": frozenset(
            {
                "SparseCategoricalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
                "CategoricalHinge", "BinaryCrossentropy", "BinaryFocalCrossentropy", "MeanSquaredError",
                "MeanAbsoluteError", "Huber", "LogCosh",
            }
        ),
    }
)  # fmt: skip
# Keras has these, too.
SHORT_NAMES = MappingProxyType({"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "bce": "BinaryCrossentropy"})


def resolve_class(family: str, name: str, where: Location | str) -> str:
    """Return the class with a snake_case or class name; `conv2d`, `conv_2d` and `Conv2D` are the same.

    Raises:
        ConfigError: no public class of the family has the name, or a config must not use it.
    """
    found = _public(family, name)
    reason = _refusal(family, found) if found else f"is no {FAMILIES[family][2]} of Keras"
    if found and not reason:
        return found
    usable = {snake_case(known) for known in _class_names(family).values() if not _refusal(family, known)}
    if family == "layers" and found:
        raise ConfigError(where, f"{name!r} {reason}")
    instead = former_class(family, name)
    if instead:
        raise ConfigError(where, f"{name!r} {reason}: {instead}")
    if family in CHOSEN:
        reason += f": wanted one of {', '.join(sorted(usable))}"
    raise ConfigError(where, f"{name!r} {reason}{did_you_mean(snake_case(name), usable)}")


def find_class(family: str, name: str) -> str | None:
    """Return the class that a name stands for, or None if no class has the name or a config must not use it."""
    found = _public(family, name)
    return found if found and not _refusal(family, found) else None


def usable_classes(family: str) -> list[str]:
    """Return the classes of a family that a config may use, in alphabetical order."""
    return sorted(known for known in set(_class_names(family).values()) if not _refusal(family, known))


def may_be_saved(family: str, name: str) -> bool:
    """Return whether the file of a saved model may have a class: a config may use it, or once could."""
    record = LAYERS.get(name) if family == "layers" else None
    return find_class(family, name) == name or (record is not None and record.once_trained)


def _refusal(family: str, class_name: str) -> str:
    """Return why a config must not use a public class, and for a layer what to write instead; empty if it may."""
    if family == "layers":
        record = LAYERS.get(class_name)
        return record.refused if record else f"is not yet checked with Keras {_keras_version()}: use another layer"
    chosen = CHOSEN.get(family)
    allowed = class_name not in REFUSED and class_name != FAMILIES[family][1] and (not chosen or class_name in chosen)
    return "" if allowed else "cannot be used in a config"


@cache
def _keras_version() -> str:
    return ".".join(version("keras").split(".")[:2])


def _public(family: str, name: str) -> str | None:
    names = _class_names(family)
    found = names.get(_fold(SHORT_NAMES.get(name, name)))
    if found is None and family == "schedules":
        # `inverse_time` means InverseTimeDecay.
        return names.get(_fold(name) + "decay")
    return found


@cache
def activation_names() -> frozenset[str]:
    """Return the names of Keras' activation functions."""
    imported = imported_names(module_file("keras.activations"))
    return frozenset(name for name in imported if name not in {"get", "serialize", "deserialize"})


@cache
def _class_names(family: str) -> dict[str, str]:
    imported = imported_names(module_file(FAMILIES[family][0]))
    # Some classes have two public names, as MaxPool2D and MaxPooling2D; the result is the class's own name.
    return {
        _fold(name): original if original in imported else name
        for name, (_, original) in imported.items()
        if name[0].isupper()
    }


def _fold(name: str) -> str:
    return name.replace("_", "").lower()


def snake_case(name: str) -> str:
    """`Conv2D` -> `conv2d`, `ReduceLROnPlateau` -> `reduce_lr_on_plateau`."""
    parts: list[str] = []
    for i, letter in enumerate(name):
        after_lower = i > 0 and name[i - 1].islower()
        before_lower = 0 < i < len(name) - 1 and name[i + 1].islower() and name[i - 1].isalpha()
        parts.append("_" + letter if letter.isupper() and (after_lower or before_lower) else letter)
    return "".join(parts).lower().replace("__", "_")
