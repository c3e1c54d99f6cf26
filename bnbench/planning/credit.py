"""The key `credit` of an experiment -> its variants: one for each subset of the norm slots or ingredients.

Of more than five, sampled orders decide which subsets are trained: each order adds one slot or ingredient after the
other, and each is credited with what it adds (Castro, Gomez and Tejada 2009). Orders come in pairs, of which the second
one is the first one backward, because their errors partly cancel (Mitchell, Cooper, Frank and Holmes 2022).
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnbench.config.adaptive import Adaptive, AdaptiveEdge
from bnbench.config.credit import DEFAULT_ORDERS, MAX_EXACT, Credit, needed_subsets
from bnbench.config.load import check_config
from bnbench.config.schema import NAME, Experiment, Variant
from bnbench.data import access
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.norm_slots import norm_names_of
from bnbench.model.norms import NO_NORM

Subset = tuple[str, ...]


@dataclass(frozen=True)
class _Made:
    """What `credit` asks for.

    Attributes:
        players: the slots or ingredients.
        stem: the beginning of the names of variants.
        names: those of some subsets, which the experiment has already.
        variant_of: returns the keys of the variant of a subset.
    """

    players: Subset
    stem: str
    names: Mapping[Subset, str]
    variant_of: Callable[[Subset], dict[str, Any]]


def expand_credit(experiment: Experiment, where: Location | str) -> tuple[Experiment, Location]:
    """Return the experiment with a variant for each subset, and the location that knows where they come from.

    An experiment without `credit`, or with `credit.subsets`, stays as it is.

    Raises:
        ConfigError: no variant has a norm, there is no norm slot, or two ingredients set the same key.
    """
    where, credit = Location.of(where), experiment.credit
    if credit is None or credit.subsets is not None:
        return experiment, where
    make = _by_slots if credit.slots is not None else _by_ingredients
    made = make(experiment, credit, where)
    many = len(made.players) > MAX_EXACT
    orders = _sample_orders(made.players, credit.orders or DEFAULT_ORDERS) if many else None
    subsets = list(needed_subsets(made.players, orders))
    names = _name_variants(made, subsets)
    variants = {names[subset]: made.variant_of(subset) for subset in subsets}
    for subset in subsets:
        where = _with_origins(where, names[subset], subset, credit)
    resolved = {"subsets": {names[subset]: list(subset) for subset in subsets}, "sampled": orders}
    return _with_variants(experiment, variants, names[()], resolved, where), where


def _with_variants(
    experiment: Experiment, variants: Mapping[str, Mapping[str, Any]], baseline: str, credit: Mapping[str, Any],
    where: Location,
) -> Experiment:  # fmt: skip
    """Return the experiment with other variants and the search for their edges, as a file would have it."""
    values = experiment.dump()
    labels = {name: text for name, text in values["figures"]["labels"].items() if name in variants}
    adaptive = experiment.sweep.adaptive or Adaptive(edge=AdaptiveEdge())
    changed = {
        "variants": dict(variants),
        "baseline": baseline,
        "credit": {key: value for key, value in credit.items() if value is not None},
        "figures": {**values["figures"], "labels": labels},
        "sweep": {**values["sweep"], "adaptive": adaptive.model_dump()},
    }
    return check_config({**values, **changed}, where)


def _by_slots(experiment: Experiment, credit: Credit, where: Location) -> _Made:
    """Return how the norm slots of a variant are made into variants."""
    name = credit.variant or _first_normalized(experiment, where)
    variant = experiment.variants[name]
    if variant.norm.name == NO_NORM or variant.network is not None:
        raise ConfigError(where / "credit" / "variant", f"{name} has no norm slot that it fills: name another variant")
    count = _count_slots(experiment, name, where)
    slots = credit.slots
    groups = slots if isinstance(slots, dict) else {f"slot {i}": [i] for i in range(1, count + 1)}
    settings = {key: value for key, value in variant.model_dump().items() if key != "norm_slots"}

    def variant_of(subset: Subset) -> dict[str, Any]:
        filled = sorted({slot for player in subset for slot in groups[player]})
        if not filled:
            return {key: value for key, value in settings.items() if key not in ("norm", "norm_position")}
        return settings if len(filled) == count else {**settings, "norm_slots": filled}

    base = experiment.variants[experiment.baseline]
    same = _without_norm(base) == _without_norm(variant) and base.norm.name == NO_NORM
    names = {(): experiment.baseline if same else f"{name}-none", tuple(groups): name}
    return _Made(tuple(groups), name, names, variant_of)


def _first_normalized(experiment: Experiment, where: Location) -> str:
    for name, variant in experiment.variants.items():
        if variant.norm.name != NO_NORM and name != experiment.baseline:
            return name
    raise ConfigError(
        where / "variants", "no variant but the baseline has a norm, so there is no slot to credit: add "
        "batchnorm: {norm: batch}"
    )  # fmt: skip


def _without_norm(variant: Variant) -> dict[str, Any]:
    return variant.model_dump(exclude={"norm", "norm_position", "norm_slots"})


def _count_slots(experiment: Experiment, name: str, where: Location) -> int:
    """Return how many norm slots a variant fills; of a sweep of layers, at the values that are not swept."""
    variant, spec = experiment.variants[name], access.built_in(experiment.data)
    place = where / "variants" / name
    norm = NormSlot(variant.norm.name, variant.norm.arguments, variant.norm_position, place / "norm")
    own = variant.layers is not None
    # Only the number of outputs depends on the number of classes.
    params = {**experiment.params, **variant.params, "classes": 2}
    flat = flatten_layers(
        variant.layers if variant.layers is not None else experiment.layers, params, norm,
        place / "layers" if own else where / "model" / "layers", spec.shape if spec else None,
    )  # fmt: skip
    return len(norm_names_of(flat))


def _by_ingredients(experiment: Experiment, credit: Credit, where: Location) -> _Made:
    """Return how named changes of the baseline are made into variants."""
    ingredients = credit.ingredients or {}
    _refuse_same_key(ingredients, where / "credit" / "ingredients")
    base = experiment.variants[experiment.baseline].model_dump()

    def variant_of(subset: Subset) -> dict[str, Any]:
        merged: dict[str, Any] = base
        for player in subset:
            merged = _merge(merged, ingredients[player])
        return merged

    return _Made(tuple(ingredients), "", {(): experiment.baseline}, variant_of)


def _merge(settings: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a variant with a change, which replaces single keys of `train` and `params`."""
    merged = dict(settings)
    for key, value in change.items():
        merged[key] = {**(merged.get(key) or {}), **value} if _holds_keys(key, value) else value
    return merged


def _holds_keys(key: str, value: object) -> bool:
    return key in ("train", "params") and isinstance(value, Mapping)


def _refuse_same_key(ingredients: Mapping[str, Mapping[str, Any]], where: Location) -> None:
    """Raise if two ingredients set one key: what they do together would depend on their order."""
    first: dict[tuple[str, ...], str] = {}
    for name, change in ingredients.items():
        for steps in _leaves(change):
            other = first.setdefault(steps, name)
            if other != name:
                raise ConfigError(
                    where / name, f"{other} sets {'.'.join(steps)}, too: write the variants out, with credit.subsets"
                )


def _leaves(change: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in change.items():
        if _holds_keys(key, value):
            yield from ((key, str(inner)) for inner in value)
        else:
            yield (key,)


def _sample_orders(players: Sequence[str], count: int) -> list[list[str]]:
    """Return orders of the players: random ones, each followed by itself backward. They are the same ones each time."""
    draw = random.Random(0)
    orders: list[list[str]] = []
    while len(orders) < count:
        order = draw.sample(list(players), len(players))
        orders += [order, order[::-1]]
    return orders[:count]


def _name_variants(made: _Made, subsets: Sequence[Subset]) -> dict[Subset, str]:
    """Return a name for each subset: the numbers of its slots, or the names of its ingredients."""
    names: dict[Subset, str] = {}
    for subset in subsets:
        numbers = [str(made.players.index(player) + 1) for player in subset]
        words = [re.sub(r"^slot (?=\d+$)", "", player) for player in subset]
        known = made.names.get(subset)
        candidates = ["-".join(filter(None, [made.stem, *parts])) for parts in (words, ["subset", *numbers])]
        fitting = [one for one in candidates if NAME.fullmatch(one) and one not in names.values()]
        names[subset] = known or fitting[0]
    return names


def _with_origins(where: Location, name: str, subset: Subset, credit: Credit) -> Location:
    """Return the location with a note that a variant comes from `credit`."""
    place = where / "credit"
    where = where.set_at(("variants", name), place)
    for player in subset if credit.ingredients else ():
        for steps in _leaves((credit.ingredients or {})[player]):
            origin = place / "ingredients" / player
            for step in steps:
                origin /= step
            where = where.set_at(("variants", name, *steps), origin)
    return where
