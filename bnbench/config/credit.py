"""The key `credit` of an experiment: which norm slots or ingredients raise the highest rate that trains.

In the resolved file, `subsets` says which variant has which of them. `planning.credit` makes it from the shorter forms.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from bnbench.config.types import STRICT, InnerValueError, Name, branch_of
from bnbench.errors import not_one_of, shorten

# Up to so many slots or ingredients, each subset of them is a variant; of more, those that sampled orders pass through.
MAX_EXACT = 5
# How many orders of more slots or ingredients are sampled, unless the experiment file says otherwise.
DEFAULT_ORDERS = 10
# A layer list has at most so many layers.
MAX_SLOT = 2000
# All subsets of more would be too many variants to train, and so would be their orders.
MAX_PLAYERS = 64

# Which of the three forms further keys belong to.
FORMS_OF = {"variant": ("slots",), "orders": ("slots", "ingredients"), "sampled": ("subsets",)}


def _slots(slots: list[int]) -> list[int]:
    if not slots:
        raise ValueError("found an empty list, wanted at least one slot; without a norm, write norm: none")
    if slots != sorted(set(slots)):
        raise ValueError(f"found {shorten(slots)}, wanted ascending numbers, each once")
    return slots


def _all_or_groups(slots: object) -> object:
    if slots is not None and slots != "all" and not isinstance(slots, dict):
        raise ValueError(f"found {shorten(slots)}, wanted all, or groups of slots by name, as {{last: [3]}}")
    return slots


NormSlots = Annotated[list[Annotated[int, Field(ge=1, le=MAX_SLOT)]], AfterValidator(_slots)]


class Credit(BaseModel):
    """Which norm slots or ingredients share the gain in the highest rate that trains: one of the first three keys."""

    model_config = STRICT
    # The norm slots of the variant: each of them, or groups of them by name.
    slots: Annotated[
        Annotated[
            Annotated[Literal["all"], Tag("(word)")] | Annotated[dict[Name, NormSlots], Tag("(mapping)")],
            Discriminator(branch_of),
        ]
        | None,
        BeforeValidator(_all_or_groups),
    ] = None
    # Named changes, each with the keys of a variant, that are made to the baseline.
    ingredients: dict[Name, dict[str, Any]] | None = None
    # The slots or ingredients that each variant has, for variants that are written out.
    subsets: dict[Name, list[Name]] | None = None
    # The variant whose norm slots they are. By default the first one with a norm.
    variant: Name | None = None
    # How many orders are sampled if there are more than five slots or ingredients: pairs of an order and its reverse.
    orders: Annotated[int, Field(ge=4, le=1000, multiple_of=2)] | None = None
    # The orders in which slots or ingredients are added, where `subsets` has not all subsets.
    sampled: list[list[Name]] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Credit":
        given = [key for key in ("slots", "ingredients", "subsets") if getattr(self, key) is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none of them"
            raise ValueError(f"wanted one of slots, ingredients and subsets, {found}: for example {{slots: all}}")
        for key, forms in FORMS_OF.items():
            if getattr(self, key) is not None and given[0] not in forms:
                raise InnerValueError(f"it belongs to {' or '.join(forms)}, not to {given[0]}: leave it out", key)
        if self.slots != "all" and not 1 <= len(self.players) <= MAX_PLAYERS:
            raise InnerValueError(f"found {len(self.players)} names, wanted 1 to {MAX_PLAYERS}", given[0])
        if self.subsets is not None:
            self._check_sampled()
            _check_subsets(self.subsets, self.wanted_subsets())
        return self

    def _check_sampled(self) -> None:
        for i, order in enumerate(self.sampled or []):
            if sorted(order) != sorted(self.players):
                raise InnerValueError(f"found {shorten(order)}, wanted each of {', '.join(self.players)}", "sampled", i)

    @property
    def players(self) -> tuple[str, ...]:
        """The names of what shares the gain; none as long as the slots are not known."""
        if self.subsets is not None:
            return tuple(dict.fromkeys(chain.from_iterable(self.subsets.values())))
        return tuple(self.ingredients or (self.slots if isinstance(self.slots, dict) else ()) or ())

    def wanted_subsets(self) -> Iterable[tuple[str, ...]]:
        """Return the subsets that must have a variant."""
        return needed_subsets(self.players, self.sampled)

    @model_serializer(mode="wrap")
    def _used_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if value is not None}


def _check_subsets(subsets: Mapping[str, Sequence[str]], wanted: Iterable[Sequence[str]]) -> None:
    """Raise if a subset is missing or there are two variants for it."""
    known: dict[frozenset[str], str] = {}
    for name, subset in subsets.items():
        if len(set(subset)) < len(subset):
            raise InnerValueError(f"found {shorten(list(subset))}, wanted each once", "subsets", name)
        other = known.setdefault(frozenset(subset), name)
        if other != name:
            raise InnerValueError(f"the same subset as {other}: leave one of the variants out", "subsets", name)
    for subset in wanted:
        if frozenset(subset) not in known:
            lacking = f"exactly {', '.join(subset)}" if subset else "none of them, as in plain: []"
            raise InnerValueError(f"wanted a variant for each subset, and none has {lacking}", "subsets")


def needed_subsets(
    players: Collection[str], orders: Iterable[Sequence[str]] | None = None
) -> Iterator[tuple[str, ...]]:
    """Yield all subsets, the smallest first, or those that some orders pass through. Players keep their order.

    Args:
        players: all of them.
        orders: None for all subsets.
    """
    if orders is None:
        for size in range(len(players) + 1):
            yield from combinations(players, size)
        return
    position = {player: i for i, player in enumerate(players)}
    beginnings = (order[:size] for order in orders for size in range(len(order) + 1))
    passed = {tuple(sorted(position[name] for name in beginning)) for beginning in beginnings}
    for places in sorted(passed, key=lambda places: (len(places), places)):
        yield tuple(name for name, i in position.items() if i in places)


def check_variants(credit: Credit, variants: Collection[str]) -> Credit:
    """Return the settings.

    Raises:
        InnerValueError: they name a variant that the experiment does not have.
    """
    for steps, name in [(("variant",), credit.variant), *((("subsets", name), name) for name in credit.subsets or {})]:
        if name is not None and name not in variants:
            raise InnerValueError(not_one_of(name, variants), *steps)
    return credit
