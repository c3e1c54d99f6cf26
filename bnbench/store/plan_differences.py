"""Says why two results folders have different plans. The plans have only ids, which are hashes."""

from collections.abc import Iterator, Mapping
from typing import Any

from bnbench.config.own_data import READING_KEYS
from bnbench.store import results_dir
from bnbench.store.store import Store

# The maximum number of differences in a message.
MAX_REASONS = 5
# Keys of a config that change no trial.
NOT_IN_PLAN = (
    "name", "title", "question", "baseline", "save_models", "top_k", "published", "claims", "source_figures", "figures",
)  # fmt: skip
# These keys of `data` are in an id only through the rows that are read.
NOT_IN_IDS = tuple(f"data.{key}" for key in sorted({"classes", "unit", *READING_KEYS}))
# The parts of an environment that are in an id. Of a version, these are the first two numbers.
PACKAGES, IN_IDS = ("packages.keras", "packages.tensorflow"), ("data", "engines")


def describe_plan_differences(a: Store, b: Store) -> str:
    """Return what differs between the settings, versions and data of two results folders, in words."""
    environments = list(_environment_differences(a, b))
    # If the rows are the same, it does not matter how they were read.
    ignored = NOT_IN_PLAN if any(text.startswith("data.") for text in environments) else (*NOT_IN_PLAN, *NOT_IN_IDS)
    found = [*_settings_differences(a, b, ignored), *environments]
    return "; ".join(found[:MAX_REASONS]) or "the ids of their trials differ"


def _settings_differences(a: Store, b: Store, ignored: tuple[str, ...]) -> Iterator[str]:
    one, other = (results_dir.read_settings(opened.folder)[0] for opened in (a, b))
    if one and other:
        kept = ({key: value for key, value in _flat(part).items() if not _is_in(key, ignored)} for part in (one, other))
        yield from _changed(*kept)
    else:
        yield from _missing(results_dir.CONFIG, {a: one, b: other})


def _environment_differences(a: Store, b: Store) -> Iterator[str]:
    one, other = (results_dir.read_environment(opened.folder) for opened in (a, b))
    if one and other:
        kept = ({key: value for key, value in _flat(part).items() if _is_in_ids(key)} for part in (one, other))
        yield from _changed(*kept)
    else:
        yield from _missing(results_dir.ENVIRONMENT, {a: one, b: other})


def _missing(name: str, files: Mapping[Store, Mapping[str, Any]]) -> Iterator[str]:
    for opened, content in files.items():
        if not content:
            yield f"{opened.folder} has no {name} to compare"


def _changed(a: Mapping[str, object], b: Mapping[str, object]) -> Iterator[str]:
    for key in dict.fromkeys([*a, *b]):
        one, other = a.get(key, "not set"), b.get(key, "not set")
        if key in PACKAGES and _minor(one) == _minor(other):
            continue
        if one != other:
            yield f"{key} is {one} there, {other} here"


def _minor(version: object) -> list[str]:
    return str(version).split(".")[:2]


def _is_in_ids(key: str) -> bool:
    # Machines have the same data in different folders.
    return key in PACKAGES or (_is_in(key, IN_IDS) and not key.endswith(".folder"))


def _is_in(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _flat(value: object, key: str = "") -> dict[str, object]:
    if not isinstance(value, Mapping):
        return {key: value}
    parts = (_flat(inner, f"{key}.{part}".lstrip(".")) for part, inner in value.items())
    return {name: leaf for part in parts for name, leaf in part.items()}
