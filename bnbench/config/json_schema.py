"""The records of an experiment file -> a JSON schema (draft 2020-12), with which an editor completes and checks keys.

Pydantic makes most of it. Added are the short forms that the records accept before validation (`optimizer: sgd`), the
names that this room does not know, and the comments above the fields as descriptions.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, get_args

from pydantic import BaseModel

from bnbench.analysis.asked_probes import ALL
from bnbench.config.renamed import RENAMED
from bnbench.config.schema import NAME, Experiment

DRAFT = "https://json-schema.org/draft/2020-12/schema"
# The slot for the norm of a variant, in a list of layers.
SLOT = "norm"
# How a residual block makes its shortcut, unless it is a list of layers.
SHORTCUTS = ("auto", "conv", "none")
Schema = dict[str, Any]
# Keys whose value is a name with arguments, and the family of the names.
NAMED = {
    "optimizer": "optimizers",
    "schedule": "schedules",
    "loss": "losses",
    "callbacks": "callbacks",
    "norm": "norms",
    "probes": "probes",
}
# What keys mean that have no comment above their field, or one that only says why.
DESCRIPTIONS = {
    "Experiment.name": "The name of the results folder: letters, digits, '_', '-' and '.', at most 80 characters.",
    "Experiment.title": "One line for people.",
    "Experiment.data": "The data set and how its rows are used.",
    "Experiment.model": "The layer list that all variants share. Not needed if each variant has a `network`.",
    "Experiment.variants": "Named changes of the model or its training, at least one.",
    "Experiment.train": "How a trial is trained.",
    "Experiment.sweep": "Learning rates, seeds and further axes.",
    "Experiment.save_models": "Which weights are saved: those of the end of training, or of the best epoch.",
    "Experiment.published": "Values of others, shown next to ours.",
    "Experiment.claims": "Statements to test.",
    "Experiment.source_figures": "Figures of the experiment's source, which the report draws again.",
    "Experiment.figures": "How the figures of the report are drawn. No trial depends on it.",
    "Data.name": "The name of a data set.",
    "Data.split": "How each seed splits the rows.",
    "Data.scale": "How values are scaled. Fitted on the training part alone.",
    "Data.duplicates": "Whether equal rows are dropped, because they would leak from one part into another.",
    "Data.shift_test": "How the test rows differ from those of the data set.",
    "Split.stratify": "Whether each part has the same proportions of the classes.",
    "Model.layers": "The layers, in order. `norm` is the slot that each variant fills.",
    "Model.params": "Named values that layers use as `$name`.",
    "Variant.norm": "What is inserted into each slot.",
    "Variant.layers": "Another list of layers for this variant.",
    "Variant.params": "Other values for keys of `model.params`.",
    "Variant.train": "Other values for keys of `train`.",
    "Train.epochs": "The number of epochs.",
    "Train.batch_size": "Rows in each step, or `full` for the whole training part.",
    "Train.optimizer": "A Keras optimizer. The learning rate is swept, so it is no argument.",
    "Train.schedule": "A Keras schedule, as a factor of the learning rate.",
    "Train.loss": "A Keras loss, computed from logits unless `from_logits` is false.",
    "Train.callbacks": "Keras callbacks that act between epochs.",
    "Train.on_divergence": "Whether a trial ends at a loss that is not finite.",
    "Train.dtype": "The type of weights and computations.",
    "Train.engine": "How an epoch is compiled.",
    "LogSpaced.from": "The lowest learning rate.",
    "LogSpaced.to": "The highest learning rate.",
    "LogSpaced.points": "How many learning rates, both ends included.",
    "Sweep.learning_rate": "A range, evenly spaced on a logarithmic scale; a list; or one rate.",
    "Sweep.seeds": "A number n for the seeds 0 to n - 1, or a list.",
    "Sweep.grid": "Further axes: a dotted key under data, model or train, and its values.",
    "Adaptive.edge": "Search for the highest rate at which each variant trains.",
    "AdaptiveEdge.at_most": "The maximum number of trainings of one variant, at one value of the further axes.",
    "Claim.text": "The claim in words.",
    "Claim.metric": "The metric that is judged.",
    "Claim.of": "The variant that the claim is about.",
    "Claim.basis": "Whether the source says it, we read it off a picture, or it is a question of ours.",
    "Claim.at": "`best` for each variant at its own best rate, or a learning rate.",
    "Claim.epoch": "The epoch after which the metric is taken.",
    "Claim.target": "The validation score to reach.",
    "Claim.rope": "The largest difference from 0 that does not matter; only for a difference with a bound of 0.",
    "Published.source": "Where the value was published.",
    "Published.basis": "Whether the source says it, or we read it off a picture.",
    "Published.variant": "The variant of ours that it belongs to.",
    "Published.metric": "The metric that was published.",
    "Published.value": "The published value; `never` if a target was not reached.",
    "Published.at": "`best`, or a learning rate.",
    "Published.epoch": "The epoch after which the metric is taken.",
    "Published.trains": "What counts as a training that trains, for the metric edge.",
    "Published.target": "The validation score to reach.",
    "Published.note": "A note for the table.",
    "SourceFigure.figure": "The kind of figure.",
    "Bound.at_least": "The lowest value that is allowed.",
    "Bound.at_most": "The highest value that is allowed.",
    "Data.decimal": "The decimal mark of a table.",
    "Data.y": "The name of the array with the classes or numbers.",
    "Data.x_validation": "The name of the array with the rows of an official validation part.",
    "Data.y_validation": "The name of the array with their classes or numbers.",
    "Data.x_test": "The name of the array with the rows of an official test part.",
    "Data.y_test": "The name of the array with their classes or numbers.",
    "WarmupSteps.steps": "How many steps the warm-up takes.",
}


@dataclass(frozen=True)
class KnownNames:
    """The names that an experiment file may have, which other rooms know."""

    datasets: Sequence[str]
    # Family -> names: layers, optimizers, schedules, losses, callbacks and norms.
    families: Mapping[str, Sequence[str]]
    metrics: Sequence[str]


def experiment_schema(known: KnownNames) -> Schema:
    """Return the schema. What it accepts may still be refused: it does not relate one value to another."""
    schema = Experiment.model_json_schema(by_alias=True)
    models = {model.__name__: model for model in _models_in(Experiment)}
    records: dict[str, Schema] = {"Experiment": schema, **schema["$defs"]}
    for name, record in records.items():
        for key, value in record.get("properties", {}).items():
            value.pop("title", None)
            _fill_names(value, f"{name}.{key}", known)
            text = DESCRIPTIONS.get(f"{name}.{key}") or _comments(models[name]).get(key)
            record["properties"][key] = {"description": text, **value} if text else value
    # An experiment in which each variant has a network needs no model.
    schema["required"].remove("model")
    model = schema["properties"]["model"]
    (model["$ref"],) = (form["$ref"] for form in model.pop("anyOf") if "$ref" in form)
    schema["properties"]["name"]["pattern"] = f"^{NAME.pattern}$"
    _add_short_forms(schema, schema["$defs"])
    del schema["$defs"]["Named"]
    schema["$defs"] |= {"Layer": _layer(known.families["layers"])}
    schema["$defs"] |= {family: _named(known.families[family]) for family in sorted(set(NAMED.values()))}
    return {"$schema": DRAFT, "title": "An experiment of bnbench", **{k: v for k, v in schema.items() if k != "title"}}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield a record and all records inside it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models_in(field.annotation)
    for part in get_args(annotation):
        yield from _models_in(part)


def _comments(model: type[BaseModel]) -> dict[str, str]:
    """Return the comment above each field of a record and of the records it extends, by the key of the field."""
    bases = [_comments(base) for base in model.__bases__ if issubclass(base, BaseModel) and base is not BaseModel]
    found = {key: text for base in bases for key, text in base.items()}
    source = inspect.getsource(model)
    (node,) = ast.parse(source).body
    lines = source.splitlines()
    for field in node.body if isinstance(node, ast.ClassDef) else []:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            above = takewhile(lambda line: line.startswith("#"), map(str.strip, reversed(lines[: field.lineno - 1])))
            text = " ".join(reversed([line.lstrip("# ") for line in above]))
            name = field.target.id
            found[model.model_fields[name].alias or name] = text
    return found


def _fill_names(value: Any, key: str, known: KnownNames) -> None:
    """Put the known names into the schema of a key, such as `Train.loss`."""
    name = key.rpartition(".")[2]
    if isinstance(value, list):
        for inner in value:
            _fill_names(inner, key, known)
    if not isinstance(value, dict):
        return
    if value.get("$ref") == "#/$defs/Named":
        value["$ref"] = f"#/$defs/{NAMED[name]}"
    names = known.datasets if key == "Data.name" else known.metrics if name == "metric" else ()
    if names and value.get("type") == "string":
        value["enum"] = list(names)
    for inner in value.values():
        _fill_names(inner, key, known)


def _add_short_forms(experiment: Schema, records: Schema) -> None:
    """Add the forms that the records accept before validation."""
    variant, data, sweep = (records[name]["properties"] for name in ("Variant", "Data", "Sweep"))
    norm = variant["norm"]
    norm["anyOf"] = [{"$ref": norm.pop("$ref")}, {"type": "null"}]
    # A variant may set any key of `train`, and needs none.
    train = {key: {"$ref": f"#/$defs/Train/properties/{key}"} for key in records["Train"]["properties"]}
    variant["train"] |= {"properties": train, "additionalProperties": False}
    for key in (records["Model"]["properties"]["layers"], variant["layers"]):
        _set_items(key)
    # A class may be called 3.
    for form in data["classes"]["anyOf"]:
        form.update({"items": {"type": ["string", "integer"]}} if form["type"] == "array" else {})
    for part, keys in RENAMED.items():
        for old, (new, _) in keys.items():
            records[part.capitalize()]["properties"][old] = {"description": f"Now called `{new}`.", "deprecated": True}
    sweep["learning_rate"]["oneOf"].append({"type": "number"})
    probes = experiment["properties"]["probes"]
    probes["anyOf"] = [{"const": ALL}, {"type": probes.pop("type"), "items": probes.pop("items")}]
    sweep["grid"]["propertyNames"] = {"pattern": r"^(data|model|train)\."}


def _set_items(layers: Schema) -> None:
    """Say what the entries of a list of layers are."""
    for form in layers.get("anyOf", [layers]):
        if form["type"] == "array":
            form["items"] = {"$ref": "#/$defs/Layer"}


def _named(names: Sequence[str]) -> Schema:
    """Return the schema of a name with arguments in its three forms: `sgd`, `{sgd: {...}}`, `{name: sgd, ...}`."""
    known = {"enum": list(names)}
    return {
        "anyOf": [
            known,
            {**_one_key(known), "additionalProperties": {"type": ["object", "null"]}},
            {"type": "object", "properties": {"name": known}, "required": ["name"]},
        ]
    }


def _layer(names: Sequence[str]) -> Schema:
    """Return the schema of an entry of a list of layers."""
    known = {"enum": [*names, SLOT]}
    blocks = _blocks()
    one = {**_one_key({"enum": [*names, SLOT, *blocks]}), "properties": blocks}
    return {"description": "A layer of Keras, `norm` for the slot, or a block of layers.", "anyOf": [known, one]}


def _blocks() -> Schema:
    """Return the schemas of the blocks that a list of layers may hold."""
    layer = {"$ref": "#/$defs/Layer"}
    some, any_number = {"type": "array", "items": layer, "minItems": 1}, {"type": "array", "items": layer}
    times = {"description": "A whole number or a `$param`.", "type": ["integer", "string"]}
    shortcut = {
        "description": "auto, conv, none, a `$param`, or the layers of the shortcut.",
        "anyOf": [{"enum": list(SHORTCUTS)}, {"type": "string", "pattern": r"^\$"}, any_number],
    }
    branches = {"type": "array", "items": any_number, "minItems": 2}
    merge = {"description": "A merging layer of Keras, or a `$param`.", "type": ["string", "object"]}
    return {
        "repeat": _block("A list of layers, written out several times.", ("times", "layers"), times=times, layers=some),
        "residual": _block("Layers whose output and input are added.", ("layers",), layers=some, shortcut=shortcut),
        "parallel": _block(
            "Lists of layers with one input, and the layer that merges their outputs.",
            ("branches", "merge"),
            branches=branches,
            merge=merge,
        ),
    }


def _block(description: str, required: Sequence[str], **properties: Schema) -> Schema:
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _one_key(known: Schema) -> Schema:
    return {"type": "object", "minProperties": 1, "maxProperties": 1, "propertyNames": known}
