"""The experiment files in a folder, by name, and which of them `reproduce` runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bnbench.errors import ConfigError, not_one_of

# The name of a short form ends with this. An experiment that takes hours can have a short form with fewer trials.
SHORT = "-short"


def list_experiments(configs: Path) -> dict[str, Path]:
    """Return the experiment files in a folder and its subfolders, by name; files in the folder itself come first.

    Raises:
        ConfigError: there are no files, or two have the same name and would share a results folder.
    """
    known: dict[str, Path] = {}
    for path in sorted(configs.rglob("*.yaml"), key=lambda path: (path.parent, path.stem)):
        if path.stem in known:
            raise ConfigError(
                str(path), f"the same name as {known[path.stem]}, so they would share a results folder: rename one"
            )
        known[path.stem] = path
    if not known:
        raise ConfigError(
            str(configs), "contains no experiment files (*.yaml)" if configs.is_dir() else "no such folder"
        )
    return known


def choose_experiments(known: Mapping[str, Path], names: Sequence[str], full: bool = False) -> list[str]:
    """Return the names to run, each once.

    Without names, choose all known experiments. If an experiment has a short form, choose only the short form, or with
    `full` only the full one.

    Raises:
        ConfigError: a name is unknown.
    """
    for name in names:
        if name not in known:
            raise ConfigError("reproduce", not_one_of(name, known))
    if names:
        return list(dict.fromkeys(names))
    if full:
        return [name for name in known if not (name.endswith(SHORT) and name.removesuffix(SHORT) in known)]
    return [name for name in known if f"{name}{SHORT}" not in known]
