"""The records of an experiment file, with every default and every check of a single value.

`planning` checks several values at once (layers that fit together, a batch that fits the data), and the names of data
sets, norms and Keras classes. So a stored experiment can be read whatever is installed.
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
    SerializerFunctionWrapHandler,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from bnbench.config.adaptive import Adaptive
from bnbench.config.credit import Credit, NormSlots, check_variants
from bnbench.config.expectations import Claim, Published, check_one_main
from bnbench.config.figure_settings import FigureSettings, check_labels
from bnbench.config.networks import NETWORK_KEYS, NetworkPath, need_model, with_model_or_none, written_keys
from bnbench.config.own_data import OwnData
from bnbench.config.probes import all_probes, check_distinct, check_probe
from bnbench.config.renamed import rename_old_keys
from bnbench.config.source_figures import SourceFigure
from bnbench.config.types import STRICT, Axis, InnerValueError, Name, Rate, branch_of
from bnbench.config.yaml_loader import dump_yaml
from bnbench.errors import not_one_of, shorten

# The maximum length of an axis: rates, seeds or any other.
MAX_VALUES = 1000
# The largest k of a top-k accuracy.
MAX_TOP_K = 10
# The maximum number of mistakes in one message.
MAX_LISTED = 20
# A name is also the name of a folder, on every file system.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


class ConfigModel(BaseModel):
    """One mapping of an experiment file."""

    model_config = STRICT


def second_name(name: object, inner: object) -> str:
    """Return the message about `{sgd: {name: adam}}`, which could mean either of them."""
    return f"found {shorten(inner)}, but the name is already {shorten(name)}: leave it out"


def _named(value: object, info: ValidationInfo) -> object:
    """Return `{name: sgd, momentum: 0.9}` for `{sgd: {momentum: 0.9}}`, and `{name: sgd}` for `sgd`."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and "name" not in value and len(value) != 1:
        kind = {"callbacks": "callback", "probes": "probe"}.get(str(info.field_name), info.field_name)
        found = f"found {len(value)}: {', '.join(map(str, value))}" if value else "found none"
        raise ValueError(f"wanted one {kind}, a name or {{name: {{its arguments}}}}, {found}")
    if isinstance(value, dict) and "name" not in value:
        name, arguments = next(iter(value.items()))
        if arguments is not None and not isinstance(arguments, dict):
            raise ValueError(f"{name}: found {shorten(arguments)}, wanted a mapping of its arguments")
        arguments = arguments or {}
        if "name" in arguments:
            raise InnerValueError(second_name(name, arguments["name"]), name, "name")
        return {"name": name, **arguments}
    return value


class Named(ConfigModel):
    """The name of an optimizer, loss, norm and so on, with its arguments."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments: all keys except the name."""
        return dict(self.__pydantic_extra__ or {})


def _slug(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(
            f"{shorten(value)} is no valid name: use at most 80 letters, digits, '_', '-' and '.', and begin with a "
            "letter or digit"
        )
    return value


def _class_names(value: object) -> object:
    return [str(name) if type(name) is int else name for name in value] if isinstance(value, list) else value


def _classes(value: list[str] | None) -> list[str] | None:
    if value is not None and (len(value) < 2 or len(set(value)) < len(value)):
        raise ValueError(f"found {shorten(value)}, wanted at least two classes, each once")
    return value


NamedValue = Annotated[Named, BeforeValidator(_named)]
ProbeValue = Annotated[Named, BeforeValidator(_named), AfterValidator(check_probe)]
Slug = Annotated[str, AfterValidator(_slug)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Split(ConfigModel):
    """How each seed splits the rows into a training, a validation and a test part."""

    # A fraction of the rows outside the official test part; `test`: the test part is also the validation part, as in
    # some publications.
    validation: Annotated[
        Annotated[Fraction, Tag("(number)")] | Annotated[Literal["test"], Tag("(word)")], Discriminator(branch_of)
    ] = 0.1
    # The fraction of test rows. By default the official test part, or 0.2 of the rows if there is no official test
    # part.
    test: Fraction | None = None
    stratify: bool = True
    # `file`: the first rows of the file train, the next ones validate, and the last ones test. All seeds have the same
    # parts, and `stratify` has no effect.
    order: Literal["random", "file"] = "random"


def _brightness(value: float) -> float:
    if not -1 <= value <= 1:
        raise ValueError(f"found {value:g}, wanted -1 to 1: a fraction of the range of the pixels")
    return value


class ShiftTest(ConfigModel):
    """How the test rows differ from those of the data set. Training and validation rows stay as they are."""

    # This fraction of the range of the pixels is added to each pixel, and the result is clipped to the range.
    brightness: Annotated[float, AfterValidator(_brightness)] = 0.0


def _unit(value: object) -> object:
    return "meters" if value == "metres" else value


class Data(OwnData):
    """The data and how their rows are used: a built-in data set by `name`, or own data, see `OwnData`."""

    # Only the rows of these classes, numbered in this order. By default all classes.
    classes: Annotated[list[str] | None, BeforeValidator(_class_names), AfterValidator(_classes)] = None
    # The unit of the numbers, for a data set that has several. By default its own one.
    unit: Annotated[Name | None, BeforeValidator(_unit)] = None
    split: Split = Split()
    scale: Literal["none", "unit", "standard", "l2"] = "standard"
    # Equal rows would leak from one part into another.
    duplicates: Literal["drop", "keep"] = "drop"
    # The maximum number of rows in each part.
    limit: Count | None = None
    shift_test: ShiftTest = ShiftTest()
    # `standard`: numbers are learned with mean 0 and standard deviation 1 in the training part. Scores and predictions
    # are in the unit of the data.
    target_scale: Literal["none", "standard"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _current(cls, values: object) -> object:
        return rename_old_keys("data", values)

    def __hash__(self) -> int:
        # Lists are not hashable.
        return hash(self.model_dump_json())


class Model(ConfigModel):
    """The layer list that the variants share, and the parameters in it."""

    layers: list[Any] = Field(min_length=1)
    params: dict[Name, Any] = {}


def _norm(value: object, info: ValidationInfo) -> object:
    if value is None:
        return {"name": "none"}
    return _named(value, info)


class Variant(ConfigModel):
    """One named change of the experiment. For keys that a variant does not set, the values of the experiment hold."""

    norm: Annotated[Named, BeforeValidator(_norm)] = Named(name="none")
    # The side of the activation next to the norm slot. By default the norm is exactly at the slot.
    norm_position: Literal["before", "after"] | None = None
    # The slots that the norm fills, counted from 1 in the order of the layers; the others stay empty. By default all.
    norm_slots: NormSlots | None = None
    layers: list[Any] | None = Field(default=None, min_length=1)
    params: dict[Name, Any] = {}
    # A file with the whole network in place of a list of layers: the JSON of a Keras model, relative to this file.
    network: NetworkPath | None = None
    train: dict[str, Any] = {}

    @model_validator(mode="after")
    def _whole_network(self) -> "Variant":
        given = [key for key in NETWORK_KEYS if getattr(self, key) != Variant.model_fields[key].get_default()]
        if self.network is not None and given:
            raise InnerValueError("the network has all layers: leave this key out, or network", given[0])
        return self

    @model_serializer(mode="wrap")
    def _used_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return written_keys(serialize(self))


class WarmupSteps(ConfigModel):
    """A warm-up of this many steps."""

    steps: Count


def _warmup(value: object) -> object:
    """Return None for a warm-up of nothing, which an axis may have next to others."""
    if value is None or value == {"steps": 0} or (value == 0 and not isinstance(value, bool)):
        return None
    if isinstance(value, dict | WarmupSteps) or (isinstance(value, float) and 0 < value < 1):
        return value
    steps = int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value < 1e9 else 200
    raise ValueError(
        f"found {shorten(value)}, wanted a share of the training below 1, such as 0.1, or a number of steps: "
        f"{{steps: {steps}}}"
    )


# Parts of the names of types with fewer bits than float32, alone or mixed with it.
_LOW_PRECISION = ("16", "8", "4", "half", "mixed", "tf32", "tensorfloat")
_OTHER_NAMES = {"single": "float32", "float": "float32", "fp32": "float32", "double": "float64", "fp64": "float64"}


def _dtype(value: object) -> object:
    word = value.lower() if isinstance(value, str) else ""
    if word not in {"float32", "float64"} and any(part in word.replace("64", "") for part in _LOW_PRECISION):
        raise ValueError(
            f"{shorten(value)} is not possible: weights and computation have one type, float32 (the default) or "
            "float64; types of fewer bits, alone or mixed, are not supported"
        )
    if word in _OTHER_NAMES:
        raise ValueError(f"{shorten(value)} is not one of float32, float64 (did you mean '{_OTHER_NAMES[word]}'?)")
    return value


def _text_keys(value: object) -> object:
    # Python code may name a variant, or a class, 200.
    if not isinstance(value, dict):
        return value
    renamed = {str(k): v for k, v in value.items()}
    if len(renamed) < len(value):
        twice = next(k for i, k in enumerate(value) if str(k) in [str(other) for other in list(value)[:i]])
        raise InnerValueError(f"{str(twice)!r} is there twice, as text and as a number: remove one", str(twice))
    return renamed


def _class_weight(value: object) -> object:
    if isinstance(value, str) and value != "balanced":
        raise ValueError(f"found {shorten(value)}, wanted balanced, or a mapping of classes to weights: {{rare: 5}}")
    if not isinstance(value, dict):
        return value
    if not value:
        raise ValueError("found an empty mapping, wanted the weight of at least one class")
    return _text_keys(value)


def _weights(value: dict[str, float]) -> dict[str, float]:
    for name, weight in value.items():
        if weight <= 0:
            raise InnerValueError(f"found {weight:g}, wanted a number above 0", name)
    return value


class Train(ConfigModel):
    """How a trial is trained: everything except the learning rate and the seed."""

    epochs: Annotated[int, Field(ge=1, le=1_000_000)]
    batch_size: Annotated[
        Annotated[Count, Tag("(number)")] | Annotated[Literal["full"], Tag("(word)")], Discriminator(branch_of)
    ] = 32
    # By default one pass over the training part.
    steps_per_epoch: Count | None = None
    optimizer: NamedValue = Named(name="sgd")
    # A share of all steps, or a number of them: the learning rate rises in equal steps to the rate with which the
    # schedule begins.
    warmup: Annotated[
        Annotated[
            Annotated[Fraction, Tag("(number)")] | Annotated[WarmupSteps, Tag("(mapping)")], Discriminator(branch_of)
        ]
        | None,
        BeforeValidator(_warmup),
    ] = None
    schedule: NamedValue | None = None
    loss: NamedValue = Named(name="sparse_categorical_crossentropy", from_logits=True)
    # How much the rows of each class count in the training loss, by the name of the class; 1 for classes without a
    # weight. `balanced`: all classes count alike, whatever their share of the training part.
    class_weight: Annotated[
        Annotated[
            Annotated[Literal["balanced"], Tag("(word)")]
            | Annotated[dict[str, float], AfterValidator(_weights), Tag("(mapping)")],
            Discriminator(branch_of),
        ]
        | None,
        BeforeValidator(_class_weight),
    ] = None
    callbacks: list[NamedValue] = []
    on_divergence: Literal["stop", "continue"] = "stop"
    # After so many failed epochs in a row, a trial ends. An epoch fails if its training loss is not below that of the
    # untrained model and that of a constant prediction; epochs of the warm-up do not count.
    stop_failed: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    # Whether to record percentiles of the input of one unit's activation, in the last hidden layer, after every epoch.
    pre_activations: bool = False
    dtype: Annotated[Literal["float32", "float64"], BeforeValidator(_dtype)] = "float32"
    engine: Literal["auto", "xla", "graph"] = "auto"
    # The number of threads of one trial. The exact results of large networks depend on it.
    threads: Annotated[int, Field(ge=1, le=256)] = 1

    @property
    def changes_rate(self) -> bool:
        """Whether the learning rate changes by a plan, so that no callback can change it."""
        return self.schedule is not None or self.warmup is not None


class LogSpaced(ConfigModel):
    """Learning rates at equal distances on a logarithmic scale, including both ends."""

    start: Rate = Field(alias="from")
    stop: Rate = Field(alias="to")
    points: Annotated[int, Field(ge=2, le=MAX_VALUES)]

    @model_validator(mode="after")
    def _ordered(self) -> "LogSpaced":
        if self.stop <= self.start:
            raise ValueError(f"'from' is {self.start!r} and 'to' is {self.stop!r}: wanted from < to")
        return self

    def rates(self) -> list[float]:
        """Return the learning rates in ascending order."""
        low, high = math.log10(self.start), math.log10(self.stop)
        inner = (10 ** (low + (high - low) * i / (self.points - 1)) for i in range(1, self.points - 1))
        # Round to twelve digits, so that tables and ids have 0.01 and not 0.010000000000000002.
        return [self.start, *(float(f"{rate:.12g}") for rate in inner), self.stop]


def _rates(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [value]
    if not isinstance(value, list | dict | LogSpaced):
        raise ValueError(
            f"found {shorten(value)}, wanted {{from: 1.0e-3, to: 10, points: 5}} or a list of learning rates"
        )
    if value == []:
        raise ValueError("found an empty list, wanted at least one learning rate")
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
    grid: dict[Axis, list[Any]] = {}
    # A design that chooses its next trainings from those that have finished, instead of the full grid.
    adaptive: Adaptive | None = None

    @model_serializer(mode="wrap")
    def _without_adaptive(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if key != "adaptive" or value is not None}

    @model_validator(mode="after")
    def _distinct(self) -> "Sweep":
        axes: dict[str, list[Any]] = {"learning_rate": self.rates(), "seeds": self.seed_list(), **self.grid}
        for key, values in axes.items():
            steps = ("grid", key) if key in self.grid else (key,)
            if not values:
                raise InnerValueError("found no value, wanted at least one", *steps)
            if len(values) > MAX_VALUES:
                raise InnerValueError(f"found {len(values):,} values, wanted at most {MAX_VALUES:,}", *steps)
            repeated = [v for i, v in enumerate(values) if v in values[:i]]
            if repeated:
                raise InnerValueError(f"found {shorten(repeated[0])} twice: remove one", *steps)
        return self

    def rates(self) -> list[float]:
        """Return the planned learning rates in ascending order."""
        spaced = self.learning_rate
        return spaced.rates() if isinstance(spaced, LogSpaced) else sorted(spaced)

    def seed_list(self) -> list[int]:
        """Return the planned seeds; a number n means 0 to n - 1."""
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)


def default_baseline(variants: Iterable[str]) -> str:
    """Return the variant that others are compared with if a config names none: `plain`, else the first."""
    names = list(variants)
    return "plain" if "plain" in names else names[0]


def _baseline(value: object, info: ValidationInfo) -> object:
    variants = info.data.get("variants")
    if not variants or not isinstance(value, str | None):
        return "" if value is None else value
    if not value:
        return default_baseline(variants)
    if value not in variants:
        raise ValueError(not_one_of(value, variants))
    return value


def _figures(settings: FigureSettings, info: ValidationInfo) -> FigureSettings:
    variants = info.data.get("variants")
    return check_labels(settings, variants) if variants else settings


def _credit(credit: Credit | None, info: ValidationInfo) -> Credit | None:
    variants = info.data.get("variants")
    return check_variants(credit, variants) if credit and variants else credit


class Experiment(ConfigModel):
    """One experiment file, checked and frozen."""

    name: Slug
    title: str = Field(default="", max_length=500)
    # The question that it helps to answer. `bnbench reproduce` groups its page by these.
    question: str = Field(default="", max_length=200)
    data: Data
    # The layer list that all variants share. Not needed if each variant has a `network`.
    model: Annotated[Model | None, BeforeValidator(need_model)]
    variants: Annotated[dict[Slug, Variant], BeforeValidator(_text_keys)] = Field(min_length=1)
    train: Train
    sweep: Sweep
    # The variant that the others are compared with.
    baseline: Annotated[str, BeforeValidator(_baseline), Field(validate_default=True)] = ""
    save_models: Literal["none", "final", "best"] = "none"
    # The k of the top-k accuracy in tables and claims. Every trial measures all of them.
    top_k: Annotated[int, Field(ge=2, le=MAX_TOP_K)] = 5
    published: list[Published] = []
    claims: Annotated[list[Claim], AfterValidator(check_one_main)] = []
    source_figures: list[SourceFigure] = []
    # What trials measure in their networks besides scores: names of probes, or `all`. They change no training.
    probes: Annotated[list[ProbeValue], BeforeValidator(all_probes), AfterValidator(check_distinct)] = []
    # How the figures of the report are drawn: see `FigureSettings`.
    figures: Annotated[FigureSettings, AfterValidator(_figures)] = FigureSettings()
    # Which norm slot or ingredient raises the highest rate that trains, and by how much.
    credit: Annotated[Credit | None, AfterValidator(_credit)] = None

    @model_validator(mode="before")
    @classmethod
    def _model_or_networks(cls, values: object) -> object:
        return with_model_or_none(values)

    @model_validator(mode="after")
    def _used_model(self) -> "Experiment":
        if self.model and all(variant.network for variant in self.variants.values()):
            raise InnerValueError("no variant uses it, because each has a network: leave it out", "model")
        return self

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that the variants share."""
        return self.model.params if self.model else {}

    @property
    def layers(self) -> list[Any]:
        """The layer list that the variants share; empty if each has a network."""
        return self.model.layers if self.model else []

    @model_serializer(mode="wrap")
    def _used_keys(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {k: v for k, v in serialize(self).items() if k not in ("model", "credit") or v is not None}

    def dump(self) -> dict[str, Any]:
        """Return the resolved file as plain values; `check_config` makes an equal Experiment of them."""
        return self.model_dump(by_alias=True)

    def to_yaml(self) -> str:
        """Return the resolved file as YAML text."""
        return dump_yaml(self.dump())
