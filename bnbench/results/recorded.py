"""The trials of a results folder without its database, from `trials.csv`: what a repository holds of results."""

import json
import math
from collections.abc import Mapping
from functools import cached_property
from io import StringIO
from pathlib import Path

import pandas as pd

from bnbench.analysis.columns import ACCURACY, KEYS, OUTCOMES, R2, column_names, rename_former
from bnbench.analysis.trials import axes_of, scored_trials
from bnbench.errors import ResultsError
from bnbench.planning.machine import MachineKind
from bnbench.results.results import Results
from bnbench.store import results_dir
from bnbench.store.csv_safety import unescape_formulas
from bnbench.store.folder import DATABASE

TRIALS = "trials.csv"
TEXTS = column_names((*KEYS, *OUTCOMES), "text")
NUMBERS = column_names((*KEYS, *OUTCOMES), "number", "integer")
# Without these a table cannot be compared.
NEEDED = ("trial", "variant", "learning_rate", "seed", "status", "outcome", "score_name")


class RecordedTrials:
    """The trials of a results folder that has `trials.csv` but no `trials.db`.

    It has those attributes of `Results` that a comparison of two folders needs.

    Attributes:
        trials: one row per trial, the columns of trials.csv.
        outside: no rows: trials outside the plan are not in trials.csv.
        machine_kinds: empty: the table does not say which machine trained a trial.

    Raises:
        ResultsError: trials.csv cannot be read.
    """

    machine_kinds: Mapping[MachineKind, int] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials = _read_trials(folder / TRIALS)
        self.outside = self.trials.iloc[:0]

    @property
    def axes(self) -> list[str]:
        """The further axes of the sweep."""
        return axes_of(self.trials)

    @property
    def score_name(self) -> str:
        """What the scores are: `accuracy` for classes, `R²` for numbers."""
        return str(self.trials["score_name"].iloc[0]) if len(self.trials) else ACCURACY

    @cached_property
    def scored_trials(self) -> pd.DataFrame:
        """The trials that did not fail. Diverged trials have chance as score and the initial loss as loss."""
        missing = {name: math.nan for name in NUMBERS if name not in self.trials}
        return scored_trials(self.trials.assign(**missing))


def open_for_comparison(folder: Path) -> Results | RecordedTrials:
    """Return the results of a folder, or the recorded trials if it has no database.

    Raises:
        ResultsError: the folder has neither, or they cannot be read.
    """
    if not (folder / DATABASE).exists() and (folder / TRIALS).exists():
        return RecordedTrials(folder)
    return Results(folder)


def _read_trials(path: Path) -> pd.DataFrame:
    try:
        text = results_dir.read_text(path)
        table = rename_former(unescape_formulas(pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)))
        if missing := [name for name in NEEDED if name not in table]:
            raise ValueError(f"no column {', '.join(missing)}")
        if wrong := set(table["score_name"]) - {ACCURACY, R2}:
            raise ValueError(f"the scores are neither {ACCURACY} nor {R2}: {min(wrong)}")
        # Python reads a number exactly, which pandas does not do in every version.
        numbers = {name: [float(cell or "nan") for cell in table[name]] for name in NUMBERS if name in table}
        seeds = [int(seed) for seed in numbers["seed"]]
    except (OSError, ValueError, OverflowError) as error:
        raise ResultsError(f"{path}: cannot be read ({str(error)[:200]})") from error
    axes = {name: pd.Series(map(axis_value, table[name]), table.index, object) for name in axes_of(table)}
    return table.assign(**axes, **(numbers | {"seed": seeds}))


def axis_value(cell: str) -> float | str | bool | None:
    """Return the value of a further axis that a cell of trials.csv is; a missing value is None."""
    if cell in {"True", "False", ""}:
        return {"True": True, "False": False, "": None}[cell]
    # Python's own reading of numbers takes 1_000 and 007, too, which are texts.
    try:
        value = json.loads(cell)
        known = type(value) in (int, float) and math.isfinite(value)
    except (ValueError, OverflowError, RecursionError):
        return cell
    return value if known else cell
