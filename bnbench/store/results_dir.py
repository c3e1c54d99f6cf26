"""The plain files of a results folder: their names, and how each is written whole and read with care."""

import csv
import errno
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.config.yaml_loader import read_yaml
from bnbench.errors import ResultsError
from bnbench.store import model_card
from bnbench.store.csv_safety import escape_formulas

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CONFIG, ENVIRONMENT, MODELS, PLOTS = "config.yaml", "environment.json", "models", "plots"
CHECKPOINTS, TENSORBOARD = "checkpoints", "tensorboard"
REPORT, PAGE = "report.html", "report.md"
RUN, CLAIMS, PUBLISHED = "run.json", "claims.csv", "published.csv"  # what was found: all that git need hold
MAX_BYTES = 50_000_000  # of a file that is read again; those of the largest experiments have some 100,000
UNDATED: Mapping[str, dict[str, None]] = {
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}  # the same figure, the same file


def model_path(folder: Path, trial: str) -> Path:
    """Where a trial's model is saved, if it is."""
    return folder / MODELS / f"{trial}.keras"


def refuse_links(folder: Path) -> None:
    """Check that what is written below a results folder stays there: it may be a stranger's.

    Raises:
        ResultsError: a link is there.
    """
    for name in (MODELS, PLOTS, CHECKPOINTS, TENSORBOARD):
        for path in (folder / name, *(folder / name).rglob("*")):
            if path.is_symlink():
                raise ResultsError(f"{path}: a link, which may lead out of the results: remove it")


def saved_models(folder: Path, trials: Iterable[str]) -> dict[str, model_card.ModelCard]:
    """What is known of the saved models of trials; a trial without one is left out.

    Raises:
        ResultsError: what lies beside a model cannot be read.
    """
    pages = {trial: model_card.read_card(model_path(folder, trial)) for trial in trials}
    return {trial: page for trial, page in pages.items() if page}


def missing_models(folder: Path, trials: Iterable[str], weights: str) -> set[str]:
    """Those of the trials whose `final` or `best` weights were not saved."""
    trials = set(trials)
    return trials - {trial for trial, page in saved_models(folder, trials).items() if page.weights == weights}


def read_settings(folder: Path) -> dict[str, object]:
    """What config.yaml says, as resolved; empty where it is gone.

    Raises:
        ConfigError: it is no mapping in YAML.
    """
    path = folder / CONFIG
    return read_yaml(path) if path.exists() else {}


def read_environment(folder: Path) -> dict[str, Any]:
    """What environment.json says of the last run that trained; empty where there was none.

    Raises:
        ResultsError: it cannot be read.
    """
    return read_json(folder / ENVIRONMENT)


def read_text(path: Path) -> str:
    """A small file of text.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a folder, a pipe or a device, larger than any that bnbench writes, or no UTF-8.
    """
    if not path.is_file():
        raise ValueError("not a file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES:,} bytes")
    return path.read_text(encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """What a file beside the database says; empty where there is none.

    Raises:
        ResultsError: it cannot be read.
    """
    try:
        return dict(json.loads(read_text(path))) if path.exists() else {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ResultsError(f"{path}: cannot be read ({error}); remove it to go on without") from error


@contextmanager
def lock_files(folder: Path) -> Iterator[None]:
    """Wait until no other command writes plain files into a folder; it waits for us in turn."""
    from filelock import FileLock

    try:
        with FileLock(folder / ".files.lock"):
            yield
    except OSError as error:
        raise unwritable_error(folder, error) from error


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A file to write beside another that then takes its place: a reader sees the old or the new, never half of one."""
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)  # it may be a link, and lead elsewhere
        yield beside
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise unwritable_error(path, error) from error


def unwritable_error(path: Path, error: OSError) -> ResultsError:
    """What to say where a file cannot be written: why, how much space is left if that is it, how to go on."""
    why = error.strerror or str(error)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        why += f" ({shutil.disk_usage(path.parent).free / 1e6:.1f} MB free)"
    return ResultsError(f"{path}: cannot be written: {why}; finished trials are kept, mend that and run the same again")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with _replaced(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_tables(folder: Path, tables: Mapping[str, "pd.DataFrame"]) -> list[Path]:
    """`<name>.csv` for each table: UTF-8, a header, missing values empty."""
    for name, table in tables.items():
        with _replaced(folder / f"{name}.csv") as beside, beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")  # two thirds of the time of pandas, the same bytes
            safe = escape_formulas(table)
            writer.writerow(safe.columns)
            writer.writerows(zip(*(_cells(safe[column]) for column in safe.columns), strict=True))
    return [folder / f"{name}.csv" for name in tables]


def _cells(column: "pd.Series[Any]") -> list[Any]:
    """A column's values as Python has them, None where one is missing."""
    return column.astype(object).where(column.notna(), None).tolist()


def write_figure(folder: Path, name: str, figure: "Figure", kinds: Sequence[str]) -> list[Path]:
    """`plots/<name>.<kind>` for each kind of file."""
    paths = [folder / PLOTS / f"{name}.{kind}" for kind in kinds]
    for path in paths:
        with _replaced(path) as beside:
            if path.suffix == ".png":
                _write_png(beside, figure)
            else:
                figure.savefig(beside, format=path.suffix[1:], metadata=UNDATED.get(path.suffix))
    return paths


def _write_png(path: Path, figure: "Figure") -> None:
    """Write an image in 256 colours: a third of the bytes, and no difference to the eye."""
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, format="png", pil_kwargs={"compress_level": 0})
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, format="PNG")
