"""YAML file -> Experiment, with every mistake told at once."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bnbench.config import limits
from bnbench.config.messages import explain_problem
from bnbench.config.overrides import set_key
from bnbench.config.schema import MAX_LISTED, Experiment
from bnbench.config.yaml_loader import read_yaml
from bnbench.errors import ConfigError


def load_config(path: Path | str, overrides: Mapping[str, object] | None = None) -> Experiment:
    """The experiment that a file holds, with dotted keys overridden.

    Raises:
        ConfigError: the file or an override says something that bnbench does not know or cannot do; all that is wrong
            is told at once, a line each.
    """
    values = read_yaml(Path(path))
    for key, value in (overrides or {}).items():
        values = set_key(values, key, value, f"{path}: {key}")
    return check_config(values, str(path))


def default_baseline(variants: Iterable[str]) -> str:
    """The variant that the others are compared with: `plain` if there is one, else the first of the experiment."""
    names = list(variants)
    return "plain" if "plain" in names else names[0]


def check_config(values: Mapping[str, object], where: str) -> Experiment:
    """The experiment that nested plain values describe."""
    limits.check_limits(values, where)
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        found = error.errors()
        problems = dict.fromkeys(explain_problem(problem, where, _keys_at) for problem in found[:MAX_LISTED])
        more = [f"and {len(found) - MAX_LISTED:,} more"] * (len(found) > MAX_LISTED)
        raise ConfigError("", "\n".join([*problems, *more])) from None


def _keys_at(steps: Sequence[int | str]) -> list[str]:
    """The keys that are known at a place of an experiment file."""
    part: type[BaseModel] = Experiment
    for step in steps:
        if step in part.model_fields:
            part = _part_in(part.model_fields[str(step)].annotation) or part
        # a variant's own name, a number in a list, or a branch: stay
    return [f.alias or name for name, f in part.model_fields.items()]


def _part_in(annotation: Any) -> type[BaseModel] | None:
    """The mapping that a field may hold: itself, in a list, under a name, or as one of several forms."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_part_in, get_args(annotation))), None)
