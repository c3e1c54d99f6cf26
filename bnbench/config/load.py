"""Reads an experiment, from a file or from Python values, and reports every mistake in it at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bnbench.config import limits, renamed
from bnbench.config.additions import Addition, add_to_sweep, from_override, is_addition
from bnbench.config.messages import explain_problem, is_about_key
from bnbench.config.overrides import set_key
from bnbench.config.plain import plain_mapping, plain_value
from bnbench.config.schema import MAX_LISTED, Experiment
from bnbench.config.yaml_loader import read_marked_yaml
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location, Mark, config_location, override_location

# An experiment: the path of its file, the content of such a file as Python values, or the experiment itself.
ConfigSource = Path | str | Mapping[str, object] | Experiment
# What messages name in the place of a file if there is none.
NO_FILE = "config"


def load_config(config: ConfigSource, overrides: Mapping[str, object] | None = None) -> Experiment:
    """Return the experiment in a file or a mapping, with dotted keys overridden.

    A key that ends with `+` adds values to a list of the sweep: `{"sweep.learning_rate+": [0.3]}`.

    Raises:
        ConfigError: the file, the mapping or an override is wrong. The message has a line for each mistake.
    """
    return load_located_config(config, overrides)[0]


def load_located_config(
    config: ConfigSource, overrides: Mapping[str, object] | None = None, further: Sequence[Addition] = ()
) -> tuple[Experiment, Location]:
    """Return the experiment in a file or a mapping, and its location.

    The location of a file knows the line and column of every value. Without a file it is called `config`.

    Args:
        config: the path of the experiment file, its content, or the experiment.
        overrides: as for `load_config`.
        further: what else to add to the sweep, after the overrides.

    Raises:
        ConfigError: as for `load_config`.
    """
    values, source, root = _read(config)
    changed, given = values, overrides or {}
    replaced = {key: value for key, value in given.items() if not is_addition(key)}
    for key, value in replaced.items():
        origin = override_location(key, value)
        changed = set_key(changed, key, plain_value(value, origin), origin)
    where = config_location(source, replaced, renamed.mark_new_keys(root) if root else None)
    additions = [
        from_override(key, plain_value(value, override_location(key, value)))
        for key, value in given.items()
        if is_addition(key)
    ]
    changed, where = add_to_sweep(changed, [*additions, *further], where)
    renamed.note_old_keys(changed, where, replaced)
    return _validate(changed, where, values if given or further else None), where


def _read(config: ConfigSource) -> tuple[dict[str, object], str, Mark | None]:
    """Return the values of an experiment, the name of its source, and where the values are written if it is a file."""
    if isinstance(config, Experiment):
        return config.dump(), NO_FILE, None
    if isinstance(config, Mapping):
        return plain_mapping(config, NO_FILE), NO_FILE, None
    if not isinstance(config, Path | str):
        raise ConfigError(NO_FILE, f"found {shorten(config)}, wanted the path of an experiment file or a mapping")
    values, root = read_marked_yaml(Path(config))
    return values, str(config), root


def check_config(values: Mapping[str, object], where: Location | str) -> Experiment:
    """Return the experiment that nested plain values describe.

    Raises:
        ConfigError: a key is unknown or missing, or a value is wrong. The message has a line for each mistake.
    """
    return _validate(values, Location.of(where), None)


def _validate(values: Mapping[str, object], where: Location, file_alone: Mapping[str, object] | None) -> Experiment:
    limits.check_limits(values, where)
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        old = _problems(file_alone) if file_alone is not None else []
        found = error.errors()
        lines = [_line(problem, where, old) for problem in found[:MAX_LISTED]]
        more = [f"and {len(found) - MAX_LISTED:,} more"] if len(found) > MAX_LISTED else []
        raise ConfigError("", "\n".join([*dict.fromkeys(lines), *more])) from None


def _problems(values: Mapping[str, object]) -> list[tuple[Sequence[int | str], str]]:
    try:
        Experiment.model_validate(values)
    except ValidationError as error:
        return [explain_problem(problem, _keys_at) for problem in error.errors()]
    return []


def _line(problem: Mapping[str, Any], where: Location, old: Sequence[object]) -> str:
    """Return the place and the message of a mistake; if an override causes it, the place is the override."""
    steps, message = explain_problem(problem, _keys_at)
    place = where
    for step in steps:
        place /= step
    if problem["type"] == "missing":
        place = place.missing
    elif is_about_key(problem):
        place = place.key
    inside = [] if (steps, message) in old else place.overrides_below()
    return f"{inside[0] if inside else place}: {message}"


def _keys_at(steps: Sequence[int | str]) -> list[str]:
    """Return the known keys at a place in an experiment file."""
    part: type[BaseModel] = Experiment
    for step in steps:
        if step in part.model_fields:
            part = _model_in(part.model_fields[str(step)].annotation) or part
        # Else the step is the name of a variant or a position in a list, and `part` describes what it leads to.
    return [field.alias or name for name, field in part.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model of a field: its own type, or one inside a list, a mapping or a union."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
