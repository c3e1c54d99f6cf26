"""The arguments that Keras classes take, and checks that a config gives only those.

They are read from each class's `__init__`, so a check needs no import of Keras.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from bnbench.errors import ConfigError, did_you_mean, shorten
from bnbench.location import Location
from bnbench.model.catalog import FAMILIES, resolve_class
from bnbench.model.keras_source import imported_names, module_file, parse_file

# Arguments that bnbench gives itself: the names of layers, `train.dtype`, the seed of the trial.
HIDDEN = frozenset({"name", "dtype", "seed", "autocast", "reduction"})
# Arguments that `**kwargs` passes on to the base class, with their defaults.
BASE_ARGUMENTS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {"layers": {"trainable": True, "activity_regularizer": None}}
)
# An argument whose name ends like this holds an object of Keras, of this family.
OBJECTS = MappingProxyType(
    {"_initializer": "initializers", "_regularizer": "regularizers", "_constraint": "constraints"}
)
# Arguments that take text although their default is None. All others that take text have a text as default.
TEXT_ARGUMENTS = frozenset({"activation", "data_format", "equation", "bias_axes", "exclude_layers"})
# The default of an argument without a default, in a Signature.
REQUIRED = "required"


@dataclass(frozen=True)
class Signature:
    """The arguments of a class."""

    # The arguments in order, each with its default as Python reads it, or REQUIRED.
    defaults: Mapping[str, object] = field(default_factory=dict)
    # Whether `**kwargs` passes further arguments to the base class.
    takes_more: bool = False

    @property
    def required(self) -> list[str]:
        """The arguments without a default."""
        return [name for name, default in self.defaults.items() if default is REQUIRED]


def check_arguments(
    family: str,
    name: str,
    arguments: Mapping[str, object],
    where: Location | str,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the Keras class with a name, after a check that it takes these arguments.

    Args:
        refused: arguments that a config must not give -> the reason.

    Raises:
        ConfigError: the name or an argument is unknown, an argument is missing, refused, or holds the wrong kind of
            value.
    """
    where = Location.of(where)
    class_name = resolve_class(family, name, where)
    defaults = _allowed(family, class_name, refused)
    for argument, value in arguments.items():
        if argument in refused:
            raise ConfigError(where / argument, refused[argument])
        if argument not in defaults:
            near = did_you_mean(str(argument), defaults)
            raise ConfigError(
                where / str(argument), f"{class_name} has no such argument{near}; it has {', '.join(defaults)}"
            )
        if family == "layers" and argument.endswith(tuple(OBJECTS)):
            # `layers` checks the object.
            continue
        wanted = _wanted(value, defaults[argument], argument in TEXT_ARGUMENTS)
        if wanted:
            raise ConfigError(where / argument, f"found {shorten(value)}, wanted {wanted}")
    missing = [name for name, default in defaults.items() if default is REQUIRED and name not in arguments]
    if missing:
        raise ConfigError(where, f"{class_name} needs {', '.join(missing)}")
    return class_name


def _allowed(family: str, class_name: str, refused: Mapping[str, str]) -> dict[str, object]:
    """Return the arguments that a config may give to a class, each with its default."""
    known = class_signature(family, class_name)
    base = BASE_ARGUMENTS.get(family, {}) if known.takes_more else {}
    return {n: d for n, d in {**base, **known.defaults}.items() if n not in HIDDEN and n not in refused}


def _wanted(value: object, default: object, takes_text: bool) -> str | None:
    """Return what an argument should hold, judged by its default, or None if its value is fine.

    Keras turns mappings into objects, by the names of modules and classes, and takes some texts for file names. So a
    mapping is always refused, and a text is refused unless Keras' default is a text or the argument `takes_text`.
    """
    if value is None:
        return None
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, str) and default is not REQUIRED:
        return None if isinstance(value, str) else "text"
    if isinstance(value, list):
        return next(filter(None, (_wanted(one, default, takes_text) for one in value)), None)
    if isinstance(default, int | float):
        return None if isinstance(value, int | float) and not isinstance(value, bool) else "a number"
    if isinstance(value, Mapping) or (isinstance(value, str) and not takes_text):
        return "a text or a list of texts" if takes_text else "a number or a list of numbers"
    return None


@cache
def class_signature(family: str, class_name: str) -> Signature:
    """Return the arguments of a class that `resolve_class` has returned."""
    return _signature_in(*imported_names(module_file(FAMILIES[family][0]))[class_name])


def _signature_in(module: str, class_name: str) -> Signature:
    path = module_file(module)
    classes = {node.name: node for node in parse_file(path).body if isinstance(node, ast.ClassDef)}
    if class_name not in classes:
        # This module only passes on a class of another one.
        further, original = imported_names(path)[class_name]
        return _signature_in(further, original)
    node = classes[class_name]
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return Signature(dict(_arguments(statement.args)), takes_more=statement.args.kwarg is not None)
    for base in node.bases:
        if isinstance(base, ast.Name) and (base.id in classes or base.id in imported_names(path)):
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
        # A name or a call: it is shown in messages, and never evaluated.
        return ast.unparse(node)
