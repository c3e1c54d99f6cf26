"""YAML -> Experiment: every check of a single value, every default, frozen.

What needs several values at once (layers that fit together, a batch that fits the data), or Keras' own names, is
checked by `plan`. So an experiment that was stored can be read whatever Keras is installed, or none.
"""

import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from bnbench.config.expectations import Claim, Published
from bnbench.config.renamed import rename_old_keys
from bnbench.config.types import STRICT, Rate, branch_of
from bnbench.config.yaml_loader import dump_yaml
from bnbench.errors import not_one_of, shorten

MAX_VALUES = 1000  # of an axis: rates, seeds or any other
MAX_TRIALS = 1_000_000
MAX_LISTED = 20  # of the things that are wrong
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")  # also a folder's name, on every file system


class ConfigModel(BaseModel):
    """One mapping of an experiment file."""

    model_config = STRICT


def _named(value: object) -> object:
    """`sgd`, `{sgd: {momentum: 0.9}}` and `{name: sgd, momentum: 0.9}` are one."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and "name" not in value and len(value) == 1:
        name, arguments = next(iter(value.items()))
        if arguments is not None and not isinstance(arguments, dict):
            raise ValueError(f"{name}: found {shorten(arguments)}, wanted a mapping of its arguments")
        return {"name": name, **(arguments or {})}
    return value


class Named(ConfigModel):
    """A thing of Keras by its name, with its own arguments."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """All but the name."""
        return dict(self.__pydantic_extra__ or {})


def _slug(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{shorten(value)} cannot be a name: wanted letters, digits, '_', '-' and '.', at most 80, "
            "a letter or digit first"
        )
    return value


def _class_names(value: object) -> object:
    return [str(name) if type(name) is int else name for name in value] if isinstance(value, list) else value


def _classes(value: list[str] | None) -> list[str] | None:
    if value is not None and (len(value) < 2 or len(set(value)) < len(value)):
        raise ValueError(f"found {shorten(value)}, wanted at least two classes, each once")
    return value


NamedValue = Annotated[Named, BeforeValidator(_named)]
Slug = Annotated[str, AfterValidator(_slug)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Split(ConfigModel):
    """How the rows are parted into training, validation and test, anew for each seed."""

    # Of the rows that are not officially test; `test`: the test part serves as both, as some sources did.
    validation: Annotated[
        Annotated[Fraction, Tag("(number)")] | Annotated[Literal["test"], Tag("(word)")], Discriminator(branch_of)
    ] = 0.1
    test: Fraction | None = None  # None: the official test part, or 0.2 of the rows where a set has none
    stratify: bool = True


class Data(ConfigModel):
    """The data set and how its rows are used."""

    name: str
    # Rows of these alone, in this order; None: of all classes.
    classes: Annotated[list[str] | None, BeforeValidator(_class_names), AfterValidator(_classes)] = None
    split: Split = Split()
    scale: Literal["none", "unit", "standard", "l2"] = "standard"
    # Equal rows would leak from one part into another.
    duplicates: Literal["drop", "keep"] = "drop"
    limit: Count | None = None  # rows a part

    @model_validator(mode="before")
    @classmethod
    def _current(cls, values: object) -> object:
        return rename_old_keys("data", values)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # lists have no hash of their own


class Model(ConfigModel):
    """The layer list that the variants share, and the numbers in it that may change."""

    layers: list[Any] = Field(min_length=1)
    params: dict[str, Any] = {}


def _norm(value: object) -> object:
    if value is None:
        return {"name": "none"}
    return _named(value)


class Variant(ConfigModel):
    """One named change of the model; what it does not name is as the experiment has it."""

    norm: Annotated[Named, BeforeValidator(_norm)] = Named(name="none")
    norm_position: Literal["before", "after"] | None = (
        None  # of the activation beside the slot; None: where the slot stands
    )
    layers: list[Any] | None = Field(default=None, min_length=1)
    params: dict[str, Any] = {}
    train: dict[str, Any] = {}


class Train(ConfigModel):
    """How a trial is trained; all but the learning rate and the seed."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    batch_size: Annotated[
        Annotated[Count, Tag("(number)")] | Annotated[Literal["full"], Tag("(word)")], Discriminator(branch_of)
    ] = 32
    steps_per_epoch: Count | None = None  # None: one pass over the training part
    optimizer: NamedValue = Named(name="sgd")
    schedule: NamedValue | None = None
    loss: NamedValue = Named(name="sparse_categorical_crossentropy", from_logits=True)
    callbacks: list[NamedValue] = []
    on_divergence: Literal["stop", "continue"] = "stop"
    pre_activations: bool = False  # record percentiles of one unit's, of the last hidden layer, after every epoch
    dtype: Literal["float32", "float64"] = "float32"
    engine: Literal["auto", "xla", "graph"] = "auto"
    threads: Annotated[int, Field(ge=1, le=256)] = 1  # of one trial; the bits of large networks depend on it


class LogSpaced(ConfigModel):
    """Rates at equal distances on a logarithmic scale, both ends included."""

    start: Rate = Field(alias="from")
    stop: Rate = Field(alias="to")
    points: Annotated[int, Field(ge=2, le=MAX_VALUES)]

    @model_validator(mode="after")
    def _ordered(self) -> "LogSpaced":
        if self.stop <= self.start:
            raise ValueError(f"'from' is {self.start!r} and 'to' is {self.stop!r}: wanted from < to")
        return self

    def rates(self) -> list[float]:
        """The rates, ascending."""
        low, high = math.log10(self.start), math.log10(self.stop)
        inner = (10 ** (low + (high - low) * i / (self.points - 1)) for i in range(1, self.points - 1))
        # Twelve digits: 0.01, not 0.010000000000000002, in every table and id.
        return [self.start, *(float(f"{rate:.12g}") for rate in inner), self.stop]


def _rates(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, list | dict | LogSpaced):
        raise ValueError(f"found {shorten(value)}, wanted {{from: 1.0e-3, to: 10, points: 5}} or a list of rates")
    if value == []:
        raise ValueError("an empty list: wanted at least one rate")
    return value


class Sweep(ConfigModel):
    """The axes along which trials differ."""

    learning_rate: Annotated[
        Annotated[LogSpaced, Tag("(mapping)")] | Annotated[list[Rate], Tag("(list)")],
        Discriminator(branch_of),
        BeforeValidator(_rates),
    ]
    seeds: Annotated[
        Annotated[int, Field(ge=1, le=MAX_VALUES), Tag("(number)")]
        | Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Tag("(list)")],
        Discriminator(branch_of),
    ] = 3
    grid: dict[str, list[Any]] = {}

    @model_validator(mode="after")
    def _distinct(self) -> "Sweep":
        axes: dict[str, list[Any]] = {"learning_rate": self.rates(), "seeds": self.seed_list(), **self.grid}
        for key, values in axes.items():
            if not values:
                raise ValueError(f"{key} is empty: wanted at least one value")
            if len(values) > MAX_VALUES:
                raise ValueError(f"{key} holds {len(values):,} values: at most {MAX_VALUES:,}")
            repeated = [v for i, v in enumerate(values) if v in values[:i]]
            if repeated:
                raise ValueError(f"{key} holds {shorten(repeated[0])} twice")
        if math.prod(map(len, axes.values())) > MAX_TRIALS:
            raise ValueError(f"{math.prod(map(len, axes.values())):,} trials a variant: at most {MAX_TRIALS:,}")
        return self

    def rates(self) -> list[float]:
        """The planned learning rates, ascending."""
        spaced = self.learning_rate
        return spaced.rates() if isinstance(spaced, LogSpaced) else sorted(spaced)

    def seed_list(self) -> list[int]:
        """The planned seeds; a number n stands for 0 to n - 1."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)


def _text_keys(value: object) -> object:
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else value  # a variant named 200


def default_baseline(variants: Iterable[str]) -> str:
    """Return the variant that others are compared with if a config names none: `plain`, else the first."""
    names = list(variants)
    return "plain" if "plain" in names else names[0]


def _baseline(value: object, info: ValidationInfo) -> object:
    variants = info.data.get("variants")
    if not variants or not isinstance(value, str | None):
        return value or ""
    if not value:
        return default_baseline(variants)
    if value not in variants:
        raise ValueError(not_one_of(value, variants))
    return value


class Experiment(ConfigModel):
    """One experiment file, checked and frozen."""

    name: Slug
    title: str = Field(default="", max_length=500)
    data: Data
    model: Model
    variants: Annotated[dict[Slug, Variant], BeforeValidator(_text_keys)] = Field(min_length=1)
    train: Train
    sweep: Sweep
    # The variant that the others are compared with.
    baseline: Annotated[str, BeforeValidator(_baseline), Field(validate_default=True)] = ""
    save_models: Literal["none", "final", "best"] = "none"
    published: list[Published] = []
    claims: list[Claim] = []

    def dump(self) -> dict[str, Any]:
        """The resolved file as plain values; reading it gives an equal Experiment."""
        return self.model_dump(by_alias=True)

    def to_yaml(self) -> str:
        """The resolved file as text."""
        return dump_yaml(self.dump())
