"""Write results in the formats of other tools."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bnbench.errors import BnbenchError, ResultsError, not_one_of

if TYPE_CHECKING:
    from bnbench.results.results import Results


@dataclass(frozen=True)
class ExportFormat:
    """A format: the function `export` of the module `bnbench/report/exports/NAME.py`.

    Attributes:
        meaning: what it writes, for the help of the command.
        needs: the package that writes it, which the extra `bnbench[NAME]` installs; empty if bnbench itself does.
    """

    meaning: str
    needs: str = ""


# By the names of their options.
FORMATS: Mapping[str, ExportFormat] = {
    "tensorboard": ExportFormat(
        "The curves of each trial, and settings and scores for its page HParams.", "tensorboard"
    ),
    "latex": ExportFormat("The tables of the report as LaTeX for booktabs, a file each."),
    "git": ExportFormat("What a repository can hold: report.md with its pictures, and all numbers, packed."),
    "parquet": ExportFormat("All tables as Parquet, a file each, with units and meanings in the schema.", "pyarrow"),
}


class Export(Protocol):
    """Writes results in one format."""

    def __call__(self, results: "Results", folder: Path) -> list[Path]:
        """Write into a folder, which exists, and return the paths. What an earlier export wrote is replaced.

        Raises:
            ResultsError: a file cannot be written.
        """
        ...


def export_results(folder: Path, targets: Mapping[str, Path]) -> list[Path]:
    """Write the results of a folder in some formats.

    Args:
        folder: the results folder.
        targets: for each format the folder to write into. It is made if it does not exist.

    Returns:
        The paths of the files.

    Raises:
        BnbenchError: no such format, or its package is not installed.
        ResultsError: the results cannot be read, or a file cannot be written.
    """
    exports = {name: _find_export(name) for name in targets}
    from bnbench.commands.open import open_results

    results = open_results(folder)
    paths: list[Path] = []
    for name, target in targets.items():
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"--{name}: {target}: cannot be made: {error.strerror}") from error
        paths += exports[name](results, target)
    return paths


def _find_export(name: str) -> Export:
    if name not in FORMATS:
        raise BnbenchError(f"export: {not_one_of(name, FORMATS)}")
    package = FORMATS[name].needs
    if package and find_spec(package) is None:
        raise BnbenchError(f"--{name} needs {package}: run `pip install 'bnbench[{name}]'`")
    export: Export = import_module(f"bnbench.report.exports.{name}").export
    return export
