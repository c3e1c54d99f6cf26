"""A saved model of a results folder applied to a person's rows."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.commands import predict_inputs
from bnbench.errors import ResultsError, did_you_mean
from bnbench.results import query
from bnbench.results.results import Results
from bnbench.store import model_guard, results_dir
from bnbench.store.model_card import ModelCard
from bnbench.training import startup

MAX_LISTED = 10  # trials in a message


@dataclass(frozen=True)
class Predictions:
    """What a model says, and which model it was.

    Attributes:
        trial: its id.
        name: for people, with the epoch whose weights were used.
        table: one row an input row: `input`, `row` counted from 1, `class` and its `probability`, then `class_2`,
            `probability_2` and so on as asked for. A probability is missing where the model gives none. Of a model
            that gives a number, `value` instead.
        notes: what was done to the inputs, and what looks odd.
    """

    trial: str
    name: str
    table: pd.DataFrame
    notes: tuple[str, ...]


def predict(folder: Path, which: str, paths: Sequence[Path], top: int = 1) -> Predictions:
    """The `top` likeliest classes of every row of some files, by one trial's model.

    Args:
        which: `best`, or the beginning of a trial's id or name.

    Raises:
        ResultsError: no such trial, no model of it, or one that cannot be loaded.
        DataError: a file that cannot be read as rows for this model.
    """
    results = Results(folder)
    saved = results_dir.saved_models(folder, results.trials["trial"])
    trial = choose(results, saved, which)
    rows = [predict_inputs.read_inputs(path, saved[trial]) for path in paths]
    path = results_dir.model_path(folder, trial)
    model_guard.check_model_file(path, saved[trial])
    startup.import_tensorflow()
    from bnbench.training import builder

    outputs = builder.apply_saved_model(path, np.concatenate([part.values for part in rows]))
    classes = len(saved[trial].classes)
    if outputs.shape[1:] not in {(classes or 1,), *([(1,)] if classes == 2 else [])}:
        raise ResultsError(f"{path}: gives {outputs.shape[1:]} for a row, but its page names {classes} classes")
    notes = [note for part in rows for note in part.notes]
    if saved[trial].classes and saved[trial].probabilities == "none":
        notes.append("this model was trained on a loss that needs no probabilities, so it gives none")
    name = f"{_names(results)[trial]}, {saved[trial].weights} weights"
    return Predictions(trial, name, ranking(outputs, rows, saved[trial], top), tuple(notes))


def ranking(
    outputs: NDArray[np.float64], rows: Sequence[predict_inputs.InputRows], saved: ModelCard, top: int
) -> pd.DataFrame:
    """The table of `Predictions` for outputs (rows, classes or 1); equal ones in the order of the classes."""
    places = [(str(part.path), number) for part in rows for number in range(1, len(part.values) + 1)]
    table = pd.DataFrame(places, columns=["input", "row"])
    if not saved.classes:
        return table.assign(value=outputs[:, 0])
    outputs, kind = _a_class_each(outputs, saved)
    chances = probabilities(outputs, kind)
    order = np.argsort(-outputs, axis=1, kind="stable")
    for rank in range(min(top, outputs.shape[1])):
        ending = f"_{rank + 1}" if rank else ""
        table[f"class{ending}"] = [saved.classes[i] for i in order[:, rank]]
        table[f"probability{ending}"] = chances[np.arange(len(order)), order[:, rank]]
    return table


def _a_class_each(outputs: NDArray[np.float64], saved: ModelCard) -> tuple[NDArray[np.float64], str]:
    """The outputs with a column a class, and what they are; one number alone speaks of the second of two classes."""
    kind = saved.probabilities
    if kind == "sigmoid":
        outputs, kind = 1 / (1 + np.exp(-outputs)), "given"
    return (np.hstack([1 - outputs, outputs]) if outputs.shape[1] < len(saved.classes) else outputs), kind


def probabilities(outputs: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """The probability of each class, by a kind that `Saved` knows; NaN where outputs are none."""
    if kind == "softmax":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return outputs if kind == "given" else np.full_like(outputs, np.nan)


def choose(results: Results, saved: dict[str, ModelCard], which: str) -> str:
    """The id of the trial that is meant.

    Args:
        which: `best`: of the variant and rate with the highest mean validation accuracy, the seed with the highest,
            among trials with a saved model. Else the beginning of a trial's id or name.

    Raises:
        ResultsError: no such trial, several, or one without a saved model.
    """
    if not saved:
        raise ResultsError(f"{results.folder}: no model was saved; {_again(results.folder)}")
    if which == "best":
        return _best(results, set(saved))
    trial = _named(results, which)
    if trial not in saved:
        status = results.trials.set_index("trial").loc[[trial], "status"].iloc[0]
        reason = f"it {status}" if status != "completed" else _again(results.folder)
        raise ResultsError(f"{results.folder}: no model was saved of {_names(results)[trial]} ({trial}): {reason}")
    return trial


def _best(results: Results, saved: set[str]) -> str:
    points = results.scored_trials  # a diverged trial counts at chance
    cell = points.groupby(["variant", *results.axes, "learning_rate"], dropna=False)
    points["mean"] = cell["validation_score"].transform("mean")
    ranked = points[points["trial"].isin(saved)].sort_values(["mean", "validation_score"], ascending=False)
    return str(ranked["trial"].iloc[0])


def _named(results: Results, which: str) -> str:
    names = _names(results)
    exact = [trial for trial, name in names.items() if which in {trial, name}]
    found = exact or [trial for trial, name in names.items() if trial.startswith(which) or name.startswith(which)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ResultsError(f"{results.folder}: {which!r} may be {len(found)} trials:\n{_listed(names, found)}")
    near = did_you_mean(which, [*names.values(), *names, "best"])
    raise ResultsError(f"{results.folder}: no trial {which!r}{near}; there are\n{_listed(names, list(names))}")


def _names(results: Results) -> dict[str, str]:
    """Trial id -> readable name."""
    return dict(zip(results.trials["trial"], query.trial_names(results.trials), strict=True))


def _listed(names: dict[str, str], trials: Sequence[str]) -> str:
    lines = [f"  {trial}  {names[trial]}" for trial in trials[:MAX_LISTED]]
    return "\n".join(lines + [f"  and {len(trials) - MAX_LISTED} more"] * (len(trials) > MAX_LISTED))


def _again(folder: Path) -> str:
    """How to get the models of trials that are done."""
    words = [
        "bnbench",
        "run",
        str(folder / results_dir.CONFIG),
        "-o",
        "save_models=best",
        "--results",
        str(folder.parent),
    ]
    return f"with -o save_models=best the same run trains what has none once more and keeps it: {shlex.join(words)}"
