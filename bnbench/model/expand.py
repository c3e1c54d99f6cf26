"""Expands the layer list of a config: repeats written out, `$params` filled in, residual and parallel blocks as forks.

Whether a layer exists and takes its arguments is checked later, in `layers`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bnbench.errors import ConfigError, did_you_mean, not_one_of, shorten
from bnbench.location import Location

MAX_LAYERS = 2000
# How a residual block makes its shortcut; a list of layers is another way.
SHORTCUTS = ("auto", "conv", "none")


@dataclass(frozen=True)
class Item:
    """An entry of a layer list: the name of a layer, and its arguments as they are written."""

    name: str
    arguments: Any
    where: Location


@dataclass(frozen=True)
class Fork:
    """Branches that take the same input, and the layer that merges their outputs."""

    branches: tuple[tuple["Item | Fork", ...], ...]
    merge: Item
    # `auto` or `conv` for a residual block whose shortcut depends on shapes, which is then no branch yet.
    shortcut: str
    where: Location


Items = tuple[Item | Fork, ...]


def expand_layers(items: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Items:
    """Return the entries of a layer list, with blocks and repeats written out.

    Args:
        turns: counts lists and layers, because repeats inside repeats can be practically endless.

    Raises:
        ConfigError: an entry does not have the form of one, a parameter is not set, or there are too many layers.
    """
    return tuple(_expand(items, params, where, turns))


def used_params(items: Any) -> set[str]:
    """Return the names that are used as `$name` anywhere in a layer list."""
    if isinstance(items, str):
        return {items[1:]} if items.startswith("$") else set()
    if isinstance(items, Mapping):
        items = list(items.values())
    return set().union(*(used_params(item) for item in items)) if isinstance(items, list) else set()


def _expand(items: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[Item | Fork]:
    if not isinstance(items, list):
        raise ConfigError(where, f"found {shorten(items)}, wanted a list of layers")
    for i, item in enumerate(items):
        place = where / i
        if next(turns) >= MAX_LAYERS:
            raise ConfigError(place, f"more than {MAX_LAYERS} layers")
        if isinstance(item, str):
            yield Item(item, None, place)
        elif isinstance(item, dict) and len(item) > 1:
            raise ConfigError(place, f"wanted one layer, found {len(item)}: {', '.join(map(str, item))}")
        elif not isinstance(item, dict) or not item:
            raise ConfigError(place, f"found {shorten(item)}, wanted one layer, as in `- dense: {{units: 10}}`")
        else:
            name, arguments = next(iter(item.items()))
            block = _BLOCKS.get(name)
            if block:
                yield from block(arguments, params, place / name, turns)
            else:
                yield Item(str(name), substitute(arguments, params, place / str(name)), place)


def _repeat(spec: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[Item | Fork]:
    if not isinstance(spec, dict) or set(spec) != {"times", "layers"}:
        raise ConfigError(where, "wanted {times: a number, layers: [...]}")
    times = substitute(spec["times"], params, where / "times")
    if not isinstance(times, int) or isinstance(times, bool) or not 0 <= times <= MAX_LAYERS:
        raise ConfigError(where / "times", f"found {shorten(times)}, wanted a whole number from 0 to {MAX_LAYERS}")
    _want_layers(spec["layers"], where / "layers")
    for _ in range(times):
        yield from _expand(spec["layers"], params, where / "layers", turns)


def _residual(spec: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[Item | Fork]:
    _check_keys(spec, ("layers",), ("shortcut",), "{layers: [...], shortcut: auto}", where)
    _want_layers(spec["layers"], where / "layers")
    branch = expand_layers(spec["layers"], params, where / "layers", turns)
    shortcut = spec.get("shortcut", "auto")
    place = where / "shortcut"
    if not isinstance(shortcut, list):
        shortcut = substitute(shortcut, params, place)
    if not isinstance(shortcut, list) and shortcut not in SHORTCUTS:
        raise ConfigError(place, f"{not_one_of(shortcut, SHORTCUTS)}, or a list of layers")
    if shortcut == "none":
        yield from branch
        return
    merge = Item("add", None, where)
    if isinstance(shortcut, list):
        yield Fork((branch, expand_layers(shortcut, params, place, turns)), merge, "", where)
    else:
        yield Fork((branch,), merge, shortcut, place if "shortcut" in spec else where)


def _parallel(spec: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[Item | Fork]:
    _check_keys(spec, ("branches", "merge"), (), "{branches: [[...], [...]], merge: add}", where)
    given, place = spec["branches"], where / "branches"
    if not isinstance(given, list) or len(given) < 2:
        raise ConfigError(place, f"found {shorten(given)}, wanted a list of at least two lists of layers")
    if sum(branch == [] for branch in given) > 1:
        raise ConfigError(place, "two branches are []: both are the input itself, so leave one out")
    branches = tuple(expand_layers(branch, params, place / i, turns) for i, branch in enumerate(given))
    yield Fork(branches, _merge_item(spec["merge"], params, where / "merge"), "", where)


def _merge_item(merge: Any, params: Mapping[str, Any], where: Location) -> Item:
    merge = substitute(merge, params, where)
    if isinstance(merge, str):
        return Item(merge, None, where)
    if not isinstance(merge, dict) or len(merge) != 1:
        raise ConfigError(
            where, f"found {shorten(merge)}, wanted a merging layer, as add or {{concatenate: {{axis: 1}}}}"
        )
    name, arguments = next(iter(merge.items()))
    return Item(str(name), arguments, where)


def _check_keys(spec: Any, needed: tuple[str, ...], optional: tuple[str, ...], form: str, where: Location) -> None:
    if not isinstance(spec, dict):
        raise ConfigError(where, f"found {shorten(spec)}, wanted {form}")
    for key in spec:
        if key not in (*needed, *optional):
            raise ConfigError((where / str(key)).key, not_one_of(str(key), (*needed, *optional)))
    for key in needed:
        if key not in spec:
            raise ConfigError((where / key).missing, f"missing: wanted {form}")


def _want_layers(layers: Any, where: Location) -> None:
    if layers == []:
        raise ConfigError(where, "found [], wanted at least one layer")


def substitute(value: Any, params: Mapping[str, Any], where: Location) -> Any:
    """Return a value with each `$name` in it replaced by the parameter."""
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in params:
            raise ConfigError(where, _unknown_param(value, params))
        return params[value[1:]]
    if isinstance(value, dict):
        return {key: substitute(inner, params, where / str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [substitute(inner, params, where / i) for i, inner in enumerate(value)]
    return value


def _unknown_param(value: str, params: Mapping[str, Any]) -> str:
    if value == "$classes":
        return "$classes is the number of classes, but the data have numbers to predict: write 1, for one output"
    near = did_you_mean(value[1:], params)
    known = f"there are {', '.join(params)}" if params else "there are none"
    return f"{value} is not set under model.params{near}; {known}"


_BLOCKS = {"repeat": _repeat, "residual": _residual, "parallel": _parallel}
