"""The arguments that Keras classes take, and checks that a config gives only those, with values in their ranges.

They are read from each class's `__init__`, so a check needs no import of Keras. The ranges are in `range_tables`.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from bnbench.errors import ConfigError, did_you_mean, shorten
from bnbench.location import Location
from bnbench.model.argument_rules import broken_rule
from bnbench.model.catalog import FAMILIES, resolve_class
from bnbench.model.former_names import former_argument, rate_argument
from bnbench.model.keras_source import imported_names, module_file, parse_file
from bnbench.model.ranges import find_range, range_problem

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
        ConfigError: the name or an argument is unknown, an argument is missing, refused, or holds a value that is out
            of its range.
    """
    where = Location.of(where)
    class_name = resolve_class(family, name, where)
    defaults = _allowed(family, class_name, refused)
    for argument, value in arguments.items():
        # A former name of the learning rate is refused as its present name is.
        meant = argument if argument in defaults or argument in refused else rate_argument(argument, refused)
        if meant in refused:
            raise ConfigError(where / argument, refused[meant])
        if argument not in defaults:
            raise ConfigError(where / str(argument), _unknown(family, class_name, str(argument), value, defaults))
        problem = _problem(family, class_name, argument, value, defaults[argument])
        if problem:
            raise ConfigError(where / argument, problem)
    missing = [name for name, default in defaults.items() if default is REQUIRED and name not in arguments]
    if missing:
        raise ConfigError(where, f"{class_name} needs {', '.join(missing)}")
    broken = broken_rule(family, class_name, defaults, arguments)
    if broken:
        raise ConfigError(where / broken[0], broken[1])
    return class_name


def _unknown(family: str, class_name: str, argument: str, value: object, known: Mapping[str, object]) -> str:
    """Return what to write instead of an argument that a class does not have."""
    instead = former_argument(family, class_name, argument, value, known)
    if instead:
        return f"{class_name} has no such argument: {instead}"
    return f"{class_name} has no such argument{did_you_mean(argument, known)}; it has {', '.join(known)}"


def _allowed(family: str, class_name: str, refused: Mapping[str, str]) -> dict[str, object]:
    """Return the arguments that a config may give to a class, each with its default."""
    known = class_signature(family, class_name)
    base = BASE_ARGUMENTS.get(family, {}) if known.takes_more else {}
    return {n: d for n, d in {**base, **known.defaults}.items() if n not in HIDDEN and n not in refused}


def _problem(family: str, class_name: str, argument: str, value: object, default: object) -> str | None:
    """Return what is wrong with the value of an argument, or None."""
    if argument.endswith(tuple(OBJECTS)):
        # `layers` checks the object. Without one Keras takes an initializer that has no seed.
        unseeded = value is None and default is not None
        return "found None, wanted an initializer: without one, no seed decides the weights" if unseeded else None
    row = find_range(family, class_name, argument)
    if value is None and (default is None or (row and row.null)):
        return None
    if row:
        return range_problem(row, class_name, value)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"found {shorten(value)}, wanted true or false"
    return f"{class_name}.{argument} is not yet checked with the installed Keras: leave it out"


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
