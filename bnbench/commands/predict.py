"""Apply a saved model of a results folder to the user's own data."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.commands.predict_inputs import CheckedInput, OnRows, check_input, list_files, read_chunks
from bnbench.commands.predict_rows import CHUNK_NUMBERS, InputRows
from bnbench.errors import ResultsError
from bnbench.results.find_trial import find_trial, trial_names
from bnbench.results.results import Results
from bnbench.store import model_guard, results_dir
from bnbench.store.model_card import ModelCard
from bnbench.training import startup


@dataclass(frozen=True)
class Predictions:
    """The predictions of one model.

    Attributes:
        trial: the id of the trial that trained the model.
        name: the readable name of the trial, and which of its weights were used.
        inputs: the files, which have been read and checked.
        card: the card of the model.
        notes: how the inputs were changed, and what looks wrong.
        make_parts: reads the files again and yields the predictions, see `table`, some thousand rows at a time.
    """

    trial: str
    name: str
    inputs: tuple[CheckedInput, ...]
    card: ModelCard
    notes: tuple[str, ...]
    make_parts: Callable[[], Iterator[pd.DataFrame]]

    @cached_property
    def table(self) -> pd.DataFrame:
        """All predictions in one table.

        One row per input row: `input`, `row` (counted from 1), `class` and its `probability`, then `class_2`,
        `probability_2` and so on. A probability is missing if the model gives none. A model that predicts a number has
        a column `value` instead.
        """
        return pd.concat(list(self.make_parts()), ignore_index=True)


def predict_files(
    folder: Path, which: str, paths: Sequence[Path], top: int = 1, on_rows: OnRows = lambda *_: None
) -> Predictions:
    """Return the `top` most likely classes of each row in some files.

    All files are read and checked before this returns, and read again for the predictions. So a mistake in the last
    line is an error before the first prediction, and no file has to fit in memory.

    Args:
        folder: a results folder with saved models.
        which: the trial whose model is used: `best`, or the beginning of a trial's id or name.
        paths: .csv, .csv.gz, .npy, .png or .jpg files, or folders of images.
        top: the number of classes per row.
        on_rows: called while files are read.

    Raises:
        ResultsError: there is no such trial, it has no model, or its model cannot be loaded.
        DataError: a file cannot be read as rows for this model.
    """
    results = Results(folder)
    cards = results_dir.saved_models(folder, results.trials["trial"])
    trial = choose_trial(results, cards, which)
    card = cards[trial]
    inputs = tuple(check_input(path, card, on_rows) for path in list_files(paths))
    notes = [note for one in inputs for note in one.notes]
    if card.classes and card.probabilities == "none":
        notes.append("the model gives no probabilities, because its training loss needs none")
    name = f"{trial_names(results)[trial]}, {card.weights} weights"
    apply_model = _load_model(results_dir.model_path(folder, trial), card)

    def make_parts() -> Iterator[pd.DataFrame]:
        for rows in _batches(inputs, card, on_rows):
            yield rank_classes(apply_model(np.concatenate([part.values for part in rows])), rows, card, top)

    return Predictions(trial, name, inputs, card, tuple(notes), make_parts)


def _batches(inputs: Sequence[CheckedInput], card: ModelCard, on_rows: OnRows) -> Iterator[list[InputRows]]:
    """Yield the rows of all files in batches; small files share a batch."""
    batch: list[InputRows] = []
    for one in inputs:
        for chunk in read_chunks(one.path, card):
            batch.append(chunk)
            if sum(len(part.values) for part in batch) * prod(card.shape) >= CHUNK_NUMBERS // 2:
                yield batch
                batch = []
            on_rows("predicted", one.path, chunk.first + len(chunk.values) - 1, chunk.share)
    if batch:
        yield batch


def _load_model(path: Path, card: ModelCard) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a saved model as a function.

    Its outputs have the shape (rows, classes), or (rows, 1) for two classes or a number.
    """
    model_guard.check_model_file(path, card)
    startup.import_tensorflow()
    from bnbench.training import builder

    apply_model = builder.load_saved_model(path)
    classes = len(card.classes)
    widths = {classes or 1, 1} if classes <= 2 else {classes}

    def apply_checked(x: NDArray[np.float64]) -> NDArray[np.float64]:
        outputs = apply_model(x)
        if outputs.ndim != 2 or outputs.shape[1] not in widths:
            raise ResultsError(f"{path}: gives {outputs.shape[1:]} for a row, but its page names {classes} classes")
        return outputs

    return apply_checked


def rank_classes(outputs: NDArray[np.float64], rows: Sequence[InputRows], card: ModelCard, top: int) -> pd.DataFrame:
    """Return the table of `Predictions`. Classes with equal outputs keep the order of the data set.

    Args:
        outputs: of shape (rows, classes) or (rows, 1).
        rows: the inputs, in the same order.
        card: the model card.
        top: the number of classes per row.
    """
    lengths = [len(part.values) for part in rows]
    paths = np.repeat(np.array([str(part.path) for part in rows], object), lengths)
    numbers = np.concatenate([np.arange(part.first, part.first + len(part.values)) for part in rows])
    table = pd.DataFrame({"input": paths, "row": numbers})
    if not card.classes:
        return table.assign(value=outputs[:, 0])
    outputs, kind = _one_column_per_class(outputs, card)
    shares = probabilities(outputs, kind)
    order = np.argsort(-outputs, axis=1, kind="stable")
    for rank in range(min(top, outputs.shape[1])):
        suffix = f"_{rank + 1}" if rank else ""
        table[f"class{suffix}"] = [card.classes[i] for i in order[:, rank]]
        table[f"probability{suffix}"] = shares[np.arange(len(order)), order[:, rank]]
    return table


def _one_column_per_class(outputs: NDArray[np.float64], card: ModelCard) -> tuple[NDArray[np.float64], str]:
    """Return outputs with one column per class, and their kind.

    A single output for two classes is the output of the second class.
    """
    kind = card.probabilities
    if kind == "sigmoid":
        outputs, kind = 1 / (1 + np.exp(-outputs)), "given"
    return (np.hstack([1 - outputs, outputs]) if outputs.shape[1] < len(card.classes) else outputs), kind


def probabilities(outputs: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return the probability of each class, or NaN if the outputs are no probabilities.

    Args:
        outputs: of shape (rows, classes).
        kind: `ModelCard.probabilities`.
    """
    if kind == "softmax":
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return outputs if kind == "given" else np.full_like(outputs, np.nan)


def choose_trial(results: Results, cards: dict[str, ModelCard], which: str) -> str:
    """Return the id of the trial whose model is used.

    Args:
        results: the results.
        cards: the cards of the saved models, by trial id.
        which: the beginning of a trial's id or name, or `best`: the variant and learning rate with the highest mean
            validation accuracy, and there the seed with the highest one, among trials with a saved model.

    Raises:
        ResultsError: there is no such trial, there are several, or the trial has no saved model.
    """
    if not cards:
        raise ResultsError(f"{results.folder}: no model was saved; {_how_to_save(results.folder)}")
    if which == "best":
        return _best_trial(results, set(cards))
    trial = find_trial(results, which, also=["best"])
    if trial not in cards:
        status = results.trials.set_index("trial").loc[[trial], "status"].iloc[0]
        reason = f"it {status}" if status != "completed" else _how_to_save(results.folder)
        name = trial_names(results)[trial]
        raise ResultsError(f"{results.folder}: no model was saved of {name} ({trial}): {reason}")
    return trial


def _best_trial(results: Results, saved: set[str]) -> str:
    # In `scored_trials`, a diverged trial counts at chance level.
    points = results.scored_trials
    cell = points.groupby(["variant", *results.axes, "learning_rate"], dropna=False)
    points["mean"] = cell["validation_score"].transform("mean")
    ranked = points[points["trial"].isin(saved)].sort_values(["mean", "validation_score"], ascending=False)
    return str(ranked["trial"].iloc[0])


def _how_to_save(folder: Path) -> str:
    """Return the command that trains completed trials again and saves their models."""
    config, parent = str(folder / results_dir.CONFIG), str(folder.parent)
    command = shlex.join(["bnbench", "run", config, "-o", "save_models=best", "--results-dir", parent])
    return f"this command trains the trials without a model again and saves their models: {command}"
