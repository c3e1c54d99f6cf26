"""Keys and values of older experiment files, which stay readable under their new names."""

import logging
from collections.abc import Container, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bnbench.location import Location, Mark

log = logging.getLogger("bnbench.config")

# Part of the file -> old key -> (new key, old value -> new value).
RENAMED: Mapping[str, Mapping[str, tuple[str, Mapping[object, object]]]] = MappingProxyType(
    {"data": {"repeats": ("duplicates", {"remove": "drop"})}}
)
_noted: set[str] = set()


def rename_old_keys(part: str, values: object) -> object:
    """Return the values of one part of an experiment file under today's names.

    If both names are given, the new one wins.
    """
    if not isinstance(values, dict):
        return values
    current = dict(values)
    for old, (new, words) in RENAMED[part].items():
        if old in current:
            value = current.pop(old)
            current.setdefault(new, words.get(value, value) if isinstance(value, str) else value)
    return current


def current_setting(key: str, value: Any) -> tuple[str, Any]:
    """Return a dotted key and its value under today's names."""
    part, _, name = key.partition(".")
    new, words = RENAMED.get(part, {}).get(name, (name, {}))
    if new == name:
        return key, value
    return f"{part}.{new}", words.get(value, value) if isinstance(value, str) else value


def old_setting(part: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one part under the names that ids of trials were first made from."""
    result = dict(settings)
    for old, (new, words) in RENAMED[part].items():
        value = result.pop(new)
        result[old] = next((before for before, after in words.items() if after == value), value)
    return result


def mark_new_keys(root: Mark) -> Mark:
    """Return the marks of a file in which the values of old keys are found under their new names, too."""
    inner = dict(root.inner)
    for part, keys in RENAMED.items():
        if part in inner:
            given = inner[part].inner
            moved: dict[str | int, Mark] = {new: given[old] for old, (new, _) in keys.items() if old in given}
            inner[part] = replace(inner[part], inner={**moved, **given})
    return replace(root, inner=inner)


def note_old_keys(values: Mapping[str, Any], where: Location, overrides: Container[str] = ()) -> None:
    """Log the new name of each old key in an experiment file or among the keys of overrides, once in a process."""
    for part, keys in RENAMED.items():
        inner = values.get(part)
        grid = values["sweep"].get("grid") if isinstance(values.get("sweep"), dict) else None
        for old, (new, words) in keys.items():
            if f"{part}.{old}" in overrides or (isinstance(inner, dict) and old in inner):
                _note(f"{part}.{old}", f"{part}.{new}", words, where / part / old)
            if isinstance(grid, dict) and f"{part}.{old}" in grid:
                _note(f"{part}.{old}", f"{part}.{new}", words, where / "sweep" / "grid" / f"{part}.{old}")


def _note(old: str, new: str, words: Mapping[object, object], where: Location) -> None:
    if old not in _noted:
        _noted.add(old)
        values = "".join(f", and its value '{before}' is now '{after}'" for before, after in words.items())
        log.warning("%s: the key %s is now %s%s", where.key, old, new, values)
