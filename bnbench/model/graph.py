"""The graph that a list of layers describes: what each layer takes, what depends on what, and in which order.

A list describes any acyclic graph with one input and one output: each layer comes after the layers that it takes, and
the last one gives the output of the model. In a list without `inputs` each layer takes the one before it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Generic, TypeVar

from bnbench.errors import ConfigError
from bnbench.model.layer import INPUT, Layer

Value = TypeVar("Value")


def is_chain(layers: Iterable[Layer]) -> bool:
    """Return True if each layer takes the layer before it."""
    return not any(layer.inputs for layer in layers)


def input_names(layers: Sequence[Layer]) -> dict[str, tuple[str, ...]]:
    """Return for each layer, by name, the names of the layers that it takes, or INPUT."""
    before = [INPUT, *(layer.name for layer in layers[:-1])]
    return {layer.name: layer.inputs or (last,) for layer, last in zip(layers, before, strict=True)}


class Flow(Generic[Value]):
    """Values on their way through a graph, such as shapes or tensors; each is kept as long as a layer still takes it.

    Go through the layers in order. For each, call `take` and then `give`.

    Args:
        layers: the whole list.
        first: the input of the model.
    """

    def __init__(self, layers: Sequence[Layer], first: Value) -> None:
        self._taken = input_names(layers)
        self._waiting = Counter(chain.from_iterable(self._taken.values()))
        self._values = {INPUT: first}
        # What the last layer so far has given.
        self.last = first

    def take(self, layer: Layer) -> list[Value]:
        """Return the inputs of a layer."""
        names = self._taken[layer.name]
        values = [self._values[name] for name in names]
        self._waiting.subtract(names)
        for name in set(names):
            if not self._waiting[name]:
                del self._values[name]
        return values

    def give(self, layer: Layer, value: Value) -> None:
        """Keep the output of a layer for the layers that take it."""
        self.last = value
        if self._waiting[layer.name]:
            self._values[layer.name] = value


def as_argument(values: Sequence[Value]) -> Value | list[Value]:
    """Return what Keras calls a layer with: its input, or the list of its inputs if it merges several."""
    return values[0] if len(values) == 1 else list(values)


def ancestors(layers: Sequence[Layer], names: Collection[str]) -> set[str]:
    """Return the names of the layers on whose outputs some of the named layers depend."""
    taken, found = input_names(layers), set[str]()
    for layer in reversed(layers):
        if layer.name in names or layer.name in found:
            found.update(taken[layer.name])
    return found - {INPUT}


def depths(layers: Sequence[Layer], counted: Collection[str]) -> dict[str, int]:
    """Return how deep each layer lies: how many of the counted layers the longest path to it has, with itself."""
    flow: Flow[int] = Flow(layers, 0)
    found: dict[str, int] = {}
    for layer in layers:
        found[layer.name] = max(flow.take(layer)) + (layer.name in counted)
        flow.give(layer, found[layer.name])
    return found


def following(layers: Sequence[Layer]) -> dict[str, list[Layer]]:
    """Return for each layer, by name, the layers that follow it up to the first fork or merge of the graph."""
    takers: dict[str, list[Layer]] = {}
    taken = input_names(layers)
    for layer in layers:
        for name in taken[layer.name]:
            takers.setdefault(name, []).append(layer)
    found: dict[str, list[Layer]] = {}
    for layer in reversed(layers):
        after = takers.get(layer.name, [])
        alone = len(after) == 1 and len(taken[after[0].name]) == 1
        found[layer.name] = [after[0], *found[after[0].name]] if alone else []
    return found


def order_layers(layers: Iterable[Layer], output: str) -> tuple[Layer, ...]:
    """Return the layers of a graph in the order of this project, with `inputs` only where they are needed.

    The order goes back from the output along the inputs of each layer, the first input first. Layers in front of and
    behind another one, such as a norm, do not change the order of the others.

    Args:
        layers: in any order, each with all of its `inputs`.
        output: the name of the layer that gives the output of the model.

    Raises:
        ConfigError: two layers have one name, a layer takes one that does not exist or depends on itself, or nothing
            takes the output of a layer.
    """
    listed = list(layers)
    named = {layer.name: layer for layer in listed}
    for name, count in Counter([INPUT, *(layer.name for layer in listed)]).items():
        if count > 1:
            raise ConfigError(named[name].where, f"two layers have the name {name}")
    if output not in named:
        raise ConfigError("", f"the output is that of {output}, which is no layer of the model")
    order = _find_order(named, output)
    unused = [layer for layer in listed if layer.name not in order]
    if unused:
        raise ConfigError(unused[0].where, f"nothing takes the output of {unused[0].name}")
    return tuple(shorten_inputs(named[name], last) for name, last in zip(order, (INPUT, *order), strict=False))


def _find_order(named: Mapping[str, Layer], output: str) -> dict[str, None]:
    """Return the names of the layers that lead to the output, each behind those that it takes."""
    order: dict[str, None] = {}
    # Not a recursion, because a model may be deeper than the stack of Python.
    stack, entered = [output], {output}
    while stack:
        layer = named[stack[-1]]
        missing = next((name for name in layer.inputs if name != INPUT and name not in order), None)
        if missing is None:
            order[stack.pop()] = None
        elif missing not in named:
            raise ConfigError(layer.where, f"{layer.name} takes {missing}, which is no layer of the model")
        elif missing in entered:
            raise ConfigError(layer.where, f"{layer.name} depends on its own output")
        else:
            entered.add(missing)
            stack.append(missing)
    return order


def shorten_inputs(layer: Layer, before: str) -> Layer:
    """Return a layer without `inputs` if it only takes the layer before it, so that a graph has one description."""
    return replace(layer, inputs=()) if layer.inputs == (before,) else layer


def number_layers(layers: Sequence[Layer], stem: Callable[[Layer], str]) -> tuple[Layer, ...]:
    """Return the layers with new names: a stem and a number, counted from 0 for each stem.

    Args:
        stem: returns the first part of the name of a layer, such as `dense`.
    """
    counts: Counter[str] = Counter()
    names = {INPUT: INPUT}
    renamed: list[Layer] = []
    for layer in layers:
        first = stem(layer)
        names[layer.name] = f"{first}_{counts[first]}"
        counts[first] += 1
        inputs = tuple(names[name] for name in layer.inputs)
        renamed.append(replace(layer, name=names[layer.name], inputs=inputs))
    return tuple(renamed)
