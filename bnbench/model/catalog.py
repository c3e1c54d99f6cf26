"""The public Keras classes and their arguments, read from the installed source without importing it.

Importing Keras costs seconds, so `plan` and every check of a config use what Keras' own files say: the package
`keras.layers` re-exports its classes one import statement each, and a class says its arguments in `__init__`.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from bnbench.errors import ConfigError, did_you_mean, shorten

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
# They run code of the config's author, load files, or are no step of a Sequential model.
REFUSED = frozenset(
    {
        "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "Input", "InputLayer", "InputSpec",
        "Wrapper", "Pipeline", "StringLookup", "IntegerLookup", "TextVectorization", "LossScaleOptimizer",
        "MultiOptimizer", "OptimizerMap",
        # Layers around layers, and layers of several inputs.
        "Bidirectional", "TimeDistributed", "RNN", "SpectralNormalization", "StackedRNNCells", "GRUCell", "LSTMCell",
        "SimpleRNNCell", "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract",
        "Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention",
    }
)  # fmt: skip
# Of these families only some fit: callbacks that act between epochs and write where bnbench tells them to; losses of
# classes or of a number.
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
SHORT_NAMES = MappingProxyType(  # as Keras has them
    {"mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "bce": "BinaryCrossentropy"}
)
HIDDEN = frozenset(
    {"name", "dtype", "seed", "autocast", "reduction"}
)  # bnbench gives these: names, train.dtype, the trial's seed
# What `**kwargs` passes on, with the defaults.
BASE_ARGUMENTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {"layers": {"trainable": True, "activity_regularizer": None}}
)
# Ends of names of a layer's arguments that hold an object of Keras, with its family.
OBJECTS = MappingProxyType(
    {"_initializer": "initializers", "_regularizer": "regularizers", "_constraint": "constraints"}
)
# They take text although Keras' default is none; all others that do say so by a default that is one.
WORDS = frozenset({"activation", "data_format", "equation", "bias_axes", "exclude_layers"})
REQUIRED = "required"  # stands in a Signature for the default of an argument that has none


@dataclass(frozen=True)
class Signature:
    """The arguments of a class, in order, each with its default as Python reads it (REQUIRED if it has none)."""

    defaults: Mapping[str, object] = field(default_factory=dict)
    takes_more: bool = False  # `**kwargs`: those of the base class

    @property
    def required(self) -> list[str]:
        """Those without a default."""
        return [name for name, default in self.defaults.items() if default is REQUIRED]


def resolve_class(family: str, name: str, where: str) -> str:
    """The class that a snake_case or class name stands for: `conv2d`, `conv_2d` and `Conv2D` are one.

    Raises:
        ConfigError: no public class of that family has the name, or a config may not use it.
    """
    found = find_class(family, name)
    if found:
        return found
    _, base, noun = FAMILIES[family]
    known = CHOSEN.get(family) or {n for n in _class_names(family).values() if n not in REFUSED and n != base}
    usable = {snake_case(n) for n in known}
    reason = "cannot be used in a config" if _public(family, name) else f"is no {noun} of Keras"
    if family in CHOSEN:
        reason += f": wanted one of {', '.join(sorted(usable))}"
    raise ConfigError(where, f"{name!r} {reason}{did_you_mean(snake_case(name), usable)}")


def find_class(family: str, name: str) -> str | None:
    """The class that a name stands for; None where there is none, or a config may not use it."""
    found = _public(family, name)
    chosen = CHOSEN.get(family)
    if found in REFUSED or found == FAMILIES[family][1] or (chosen and found not in chosen):
        return None
    return found


def _public(family: str, name: str) -> str | None:
    names = _class_names(family)
    found = names.get(_fold(SHORT_NAMES.get(name, name)))
    if found is None and family == "schedules":  # `inverse_time` for InverseTimeDecay
        return names.get(_fold(name) + "decay")
    return found


@cache
def class_signature(family: str, class_name: str) -> Signature:
    """The arguments of a class that `resolve` has returned."""
    return _signature_in(*_imports(_package_file(FAMILIES[family][0]))[class_name])


@cache
def activation_names() -> frozenset[str]:
    """The names of Keras' activation functions."""
    imported = _imports(_package_file("keras.activations"))
    return frozenset(name for name in imported if name not in {"get", "serialize", "deserialize"})


@cache
def _class_names(family: str) -> dict[str, str]:
    imported = _imports(_package_file(FAMILIES[family][0]))
    # Of two public names for one class, as MaxPool2D and MaxPooling2D, the class's own is meant.
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


@cache
def _root() -> Path:
    spec = importlib.util.find_spec("keras")  # finds a top-level package without running it
    if spec is None or spec.origin is None:
        raise ConfigError("", "Keras is not installed: install bnbench with its dependencies")
    return Path(spec.origin).parent


def _package_file(module: str) -> Path:
    path = _root().joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imports(path: Path) -> dict[str, tuple[str, str]]:
    """Name in that file -> (module it comes from, its name there)."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("keras")
        for alias in node.names
    }


def _signature_in(module: str, class_name: str) -> Signature:
    path = _package_file(module)
    classes = {node.name: node for node in _tree(path).body if isinstance(node, ast.ClassDef)}
    if class_name not in classes:  # re-exported once more
        further, original = _imports(path)[class_name]
        return _signature_in(further, original)
    node = classes[class_name]
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return Signature(dict(_arguments(statement.args)), takes_more=statement.args.kwarg is not None)
    for base in node.bases:
        if isinstance(base, ast.Name) and (base.id in classes or base.id in _imports(path)):
            return _signature_in(module, base.id)
    return Signature()


def _arguments(args: ast.arguments) -> Iterator[tuple[str, object]]:
    positional = args.posonlyargs + args.args
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    for arg, default in [*zip(positional, defaults, strict=True), *zip(args.kwonlyargs, args.kw_defaults, strict=True)]:
        if arg.arg != "self":
            yield arg.arg, REQUIRED if default is None else _literal(default)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)  # a name or a call: shown, never evaluated


def check_arguments(
    family: str, name: str, arguments: Mapping[str, object], where: str, refused: Mapping[str, str] | None = None
) -> str:
    """The class that a name stands for, once its arguments are known to be its own.

    Raises:
        ConfigError: an unknown name or argument, one that is missing, or one of `refused` (name -> reason).
    """
    class_name = resolve_class(family, name, where)
    known = class_signature(family, class_name)
    allowed = [n for n in known.defaults if n not in HIDDEN and n not in (refused or {})]
    base = BASE_ARGUMENTS.get(family, {}) if known.takes_more else {}
    allowed += [n for n in base if n not in allowed]
    for argument, value in arguments.items():
        if argument in (refused or {}):
            raise ConfigError(f"{where}.{argument}", (refused or {})[argument])
        if argument not in allowed:
            near = did_you_mean(str(argument), allowed)
            raise ConfigError(
                f"{where}.{argument}", f"{class_name} has no such argument{near}; it has {', '.join(allowed)}"
            )
        if family == "layers" and argument.endswith(tuple(OBJECTS)):
            continue  # `layers` checks what it holds
        wanted = _wanted(value, {**base, **known.defaults}[argument], argument in WORDS)
        if wanted:
            raise ConfigError(f"{where}.{argument}", f"found {shorten(value)}, wanted {wanted}")
    missing = [n for n in known.required if n in allowed and n not in arguments]
    if missing:
        raise ConfigError(where, f"{class_name} needs {', '.join(missing)}")
    return class_name


def _wanted(value: object, default: object, words: bool) -> str | None:
    """What should stand in place of an argument's value, by what stands there by default; None: it will do.

    Keras makes objects of mappings, by names of modules and classes, and takes some texts for files. So a mapping is
    never passed on, and text only where it is Keras' own default, or `words` says that it is no name of a file.
    """
    if value is None:
        return None
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, str) and default is not REQUIRED:
        return None if isinstance(value, str) else "text"
    if isinstance(value, list):
        return next(filter(None, (_wanted(one, default, words) for one in value)), None)
    if isinstance(default, int | float):
        return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"
    if isinstance(value, Mapping) or (isinstance(value, str) and not words):
        return "a text or a list of them" if words else "a number or a list of them"
    return None
