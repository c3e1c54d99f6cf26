"""Copies the files of a trial from one results folder to another: its saved model, its checkpoints and its logs."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from bnbench.store import results_dir
from bnbench.store.prune import TRIAL


def copy_files(source: Path, target: Path, trial: str) -> None:
    """Copy the files of a trial; they replace those that the target has."""
    _copy(source, target, _files_of(source, trial))


def copy_missing_files(source: Path, target: Path, trial: str) -> bool:
    """Copy the files of a trial that the target lacks; return whether there were any."""
    # A model and its card belong together: the card says which weights the model has.
    has_model = results_dir.model_path(target, trial).exists()
    missing = [
        name
        for name in _files_of(source, trial)
        if not (has_model if name.parts[0] == results_dir.MODELS else (target / name).exists())
    ]
    _copy(source, target, missing)
    return bool(missing)


def _copy(source: Path, target: Path, names: Iterable[Path]) -> None:
    for name in names:
        with results_dir.replaced_file(target / name) as temporary:
            shutil.copyfile(source / name, temporary)


def _files_of(folder: Path, trial: str) -> list[Path]:
    """Return the saved model, the checkpoints and the logs of a trial, relative to the folder."""
    found = []
    for name in (results_dir.MODELS, results_dir.CHECKPOINTS, results_dir.TENSORBOARD):
        for path in sorted((folder / name).glob(f"{trial}*")):
            owner = TRIAL.match(path.name)
            if owner and owner[0] == trial and not path.is_symlink():
                found += [one.relative_to(folder) for one in _files_below(path)]
    return found


def _files_below(path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder. A link could lead to files that are not results."""
    inner = sorted(path.rglob("*")) if path.is_dir() else [path]
    return (one for one in inner if one.is_file() and not one.is_symlink())
