"""The plain files of a results folder: their names, how each is written in one piece, and how it is read safely."""

import csv
import errno
import json
import re
import shlex
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.config.yaml_loader import read_marked_yaml
from bnbench.errors import ResultsError, shorten_name
from bnbench.location import Location
from bnbench.planning.part import Part
from bnbench.store import model_card
from bnbench.store.csv_safety import escape_formulas

if TYPE_CHECKING:
    import pandas as pd

CONFIG, ENVIRONMENT, MODELS, PLOTS = "config.yaml", "environment.json", "models", "plots"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
REPORT, PAGE = "report.html", "report.md"
CAPTIONS = f"{PLOTS}/captions.md"
# The digest of an experiment: git needs only these files.
RUN, CLAIMS, PUBLISHED = "run.json", "claims.csv", "published.csv"
# The maximum size of a file that is read again. The largest experiments write about 100,000 bytes.
MAX_BYTES = 50_000_000
# The maximum number of characters of a text in environment.json: the longest names a processor or a commit.
MAX_SHOWN_TEXT = 300
FIGURE_TYPES = {".pdf", ".png", ".svg"}


def model_path(folder: Path, trial: str) -> Path:
    """Return the path of a trial's saved model, which need not exist."""
    return folder / MODELS / f"{trial}.keras"


def shown_folder(folder: Path) -> Path:
    """Return a results folder as a report may name it: reports are passed on, and a path can name a user."""
    return folder if not folder.is_absolute() and ".." not in folder.parts else Path(folder.name)


def rerun_command(folder: Path, part: Part | None = None) -> str:
    """Return the command that continues the experiment in this folder; elsewhere it trains the experiment again.

    Args:
        folder: the results folder.
        part: the part of the sweep that the folder is for.
    """
    elsewhere = [] if folder.parent == Path("results") else ["--results-dir", str(folder.parent)]
    chosen = ["--part", str(part), *(["--overlap", str(part.overlap)] if part.overlap else [])] if part else []
    return shlex.join(["bnbench", "run", str(folder / CONFIG), *elsewhere, *chosen])


def refuse_links(folder: Path) -> None:
    """Check that a results folder has no links. A folder from another person could use them to overwrite other files.

    Raises:
        ResultsError: the folder has a link.
    """
    for name in (MODELS, PLOTS, CHECKPOINTS, TENSORBOARD):
        for path in (folder / name, *(folder / name).rglob("*")):
            if path.is_symlink():
                raise ResultsError(f"{path}: a link, which may lead out of the results folder: remove it")


def saved_models(folder: Path, trials: Iterable[str]) -> dict[str, model_card.ModelCard]:
    """Return the cards of the saved models of trials, by trial. Trials without a model are left out.

    Raises:
        ResultsError: a card cannot be read.
    """
    cards = {trial: model_card.read_card(model_path(folder, trial)) for trial in trials}
    return {trial: card for trial, card in cards.items() if card}


def missing_models(folder: Path, trials: Iterable[str], weights: str) -> set[str]:
    """Return the trials whose `final` or `best` weights are not saved."""
    trials = set(trials)
    return trials - {trial for trial, card in saved_models(folder, trials).items() if card.weights == weights}


def read_settings(folder: Path) -> tuple[dict[str, object], Location]:
    """Return the resolved config of a results folder and its location; no settings if config.yaml is missing.

    The location has the name of the file alone: a report may be passed on, and must not name folders of this machine.

    Raises:
        ConfigError: it is not a mapping in YAML.
    """
    path, where = folder / CONFIG, Location(CONFIG)
    if not path.exists():
        return {}, where
    settings, root = read_marked_yaml(path)
    return settings, replace(where, root=root)


def read_environment(folder: Path) -> dict[str, Any]:
    """Return the environment of the last run that trained, with long texts cut; empty if the file is missing.

    Raises:
        ResultsError: it cannot be read.
    """
    return dict(_shortened(read_json(folder / ENVIRONMENT)))


def _shortened(value: Any) -> Any:
    """Return nested plain values in which every text can be shown."""
    if isinstance(value, str):
        return shorten_name(value, MAX_SHOWN_TEXT)
    if isinstance(value, Mapping):
        return {shorten_name(key): _shortened(inner) for key, inner in value.items()}
    return [_shortened(inner) for inner in value] if isinstance(value, list) else value


def read_text(path: Path) -> str:
    """Read a small text file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a folder, a pipe or a device, is larger than any that bnbench writes, or is not UTF-8.
    """
    if not path.is_file():
        raise ValueError("not a file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES:,} bytes")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; return an empty mapping if it is missing.

    Raises:
        ResultsError: it cannot be read.
    """
    try:
        return dict(json.loads(read_text(path))) if path.exists() else {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); remove it to go on without") from error


@contextmanager
def lock_files(folder: Path) -> Iterator[None]:
    """Lock the plain files of a folder: wait until no other command writes them, and make other commands wait."""
    from filelock import FileLock

    try:
        with FileLock(folder / ".files.lock"):
            yield
    except OSError as error:
        raise unwritable_error(folder, error) from error


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path. After the block this file replaces the target, so that no reader sees a partial file."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The temporary name may be a link to a file outside the folder, which must not be overwritten.
        temporary.unlink(missing_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise unwritable_error(path, error) from error


def unwritable_error(path: Path, error: OSError) -> ResultsError:
    """Return an error that says why a file cannot be written, how much space is left, and how to go on."""
    reason = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        existing = next(parent for parent in path.absolute().parents if parent.exists())
        reason += f" ({shutil.disk_usage(existing).free / 1e6:.1f} MB free)"
    return ResultsError(
        f"{path}: cannot be written: {reason}; finished trials are stored: solve this and run the same command again"
    )


def write_text(path: Path, text: str) -> None:
    """Write a file to a temporary path, and rename it when it is complete."""
    with replaced_file(path) as temporary:
        # The name of a folder may hold bytes that are no text.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_tables(folder: Path, tables: Mapping[str, "pd.DataFrame"]) -> list[Path]:
    """Write `<name>.csv` for each table: UTF-8, with a header, missing values empty. Return the paths."""
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        with replaced_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            # The csv module writes the same bytes as pandas in two thirds of the time.
            writer = csv.writer(file, lineterminator="\n")
            safe = escape_formulas(table)
            writer.writerow(safe.columns)
            writer.writerows(zip(*(_cells(safe[column]) for column in safe.columns), strict=True))
    return [folder / f"{name}.csv" for name in tables]


def _cells(column: "pd.Series[Any]") -> list[Any]:
    """Return the values of a column as Python values, None if a value is missing."""
    return column.astype(object).where(column.notna(), None).tolist()


def write_figure(folder: Path, name: str, files: Mapping[str, bytes]) -> list[Path]:
    """Write `plots/<name>.<type>` for each type of file. Return the paths."""
    paths = [folder / PLOTS / f"{name}.{kind}" for kind in files]
    for path, content in zip(paths, files.values(), strict=True):
        with replaced_file(path) as temporary:
            temporary.write_bytes(content)
    return paths


def remove_old_figures(folder: Path, names: Collection[str], drawn: Collection[Path]) -> None:
    """Remove the files of figures that an earlier report drew and the present one did not, such as `rates-2.png`.

    Args:
        names: the figures that a report can have. No other file in `plots/` is touched.
        drawn: the files of the present report. Files of the same figure and of another type stay.

    Raises:
        ResultsError: a file cannot be removed.
    """
    stems = {path.stem for path in drawn}
    for path in sorted((folder / PLOTS).glob("*")):
        figure = re.sub(r"-\d+$", "", path.stem)
        if path.suffix in FIGURE_TYPES and figure in names and path.stem not in stems:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise unwritable_error(path, error) from None
