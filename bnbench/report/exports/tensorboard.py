"""Learning curves and the HParams page for TensorBoard, written with TensorBoard's own records and messages.

TensorBoard's `EventFileWriter` is not used: it imports TensorFlow, and puts the name of the machine into file names.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.columns import CHOICE_MEASURES, HISTORY, MEASURES
from bnbench.analysis.labels import value_text
from bnbench.results.query import rows_as_dicts, trial_names
from bnbench.store.results_dir import replaced_file, unwritable_error

if TYPE_CHECKING:
    import pandas as pd
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import HParam

    from bnbench.results.results import Results

Row = Mapping[str, Any]

# TensorBoard reads every file whose name contains `tfevents`.
FILE = "events.out.tfevents.bnbench"
# The columns of the history that become curves.
CURVES = tuple(column.name for column in HISTORY if column.name in MEASURES)
# What the HParams page shows of each trial: values of the final weights, under tags of their own.
FINAL = (*CHOICE_MEASURES, "seconds_per_step")
SETTINGS = ("variant", "learning_rate", "seed")
# Characters that are safe in the name of a folder.
UNSAFE = re.compile(r"[^\w.,=+()% -]")
# No file system allows more than 255 bytes.
MAX_FOLDER = 60


def export(results: "Results", folder: Path) -> list[Path]:
    """Write a run for each trial: its curves, its settings and its final values. Return the paths.

    A trial that became not finite ends in NaN, at the step at which that happened. What was not measured has no value.
    The wall time of an event is the training time so far. Runs of an earlier export are replaced, others are kept.

    Raises:
        ResultsError: a file cannot be written.
    """
    trials = results.trials
    settings = [*SETTINGS, *results.axes, "outcome"]
    rows = rows_as_dicts(trials)
    by_trial = {str(trial): rows_as_dicts(part) for trial, part in results.full_history.groupby("trial", sort=False)}
    runs: dict[Path, Iterable[Event]] = {folder / FILE: _describe_experiment(trials, settings)}
    for name, row in zip(run_names(trials), rows, strict=True):
        runs[folder / name / FILE] = _trial_events(row, by_trial.get(row["trial"], []), settings)
    _remove_earlier(folder, keep=set(runs))
    for path, events in runs.items():
        _write_events(path, events)
    return list(runs)


def run_names(trials: "pd.DataFrame") -> list[str]:
    """Return the name of a folder for each trial: `batchnorm lr=0.01 seed=0`; the id makes long names unique."""
    names = []
    for name, trial in zip(trial_names(trials), trials["trial"], strict=True):
        safe = UNSAFE.sub("_", name)
        names.append(name if name == safe and len(name) <= MAX_FOLDER else f"{safe[:MAX_FOLDER]} {trial}")
    return names


def _remove_earlier(folder: Path, keep: set[Path]) -> None:
    """Remove the files of trials that an earlier export wrote here and that the results no longer have."""
    for path in set(folder.glob(f"*/{FILE}")) - keep:
        try:
            path.unlink()
        except OSError as error:
            raise unwritable_error(path, error) from error


def _write_events(path: Path, events: "Iterable[Event]") -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    with replaced_file(path) as temporary, temporary.open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(file_version="brain.Event:2").SerializeToString())
        for event in events:
            writer.write(event.SerializeToString())


def _describe_experiment(trials: "pd.DataFrame", settings: Sequence[str]) -> "Iterator[Event]":
    """Yield the event that declares the columns of the HParams page."""
    from tensorboard.plugins.hparams import summary_v2

    metrics = [summary_v2.Metric(f"final/{name}") for name in FINAL if trials[name].notna().any()]
    hparams = [_declare(name, [_setting(value) for value in trials[name]]) for name in settings]
    yield _event(summary_v2.hparams_config_pb(hparams, metrics, time_created_secs=0))


def _declare(name: str, values: Sequence[Any]) -> "HParam":
    from tensorboard.plugins.hparams import summary_v2

    # Numbers and words have no common order.
    if len({type(value) for value in values}) != 1:
        return summary_v2.HParam(name)
    ordered = sorted(set(values))
    if name == "learning_rate" and len(ordered) > 1:
        return summary_v2.HParam(name, summary_v2.RealInterval(ordered[0], ordered[-1]))
    return summary_v2.HParam(name, summary_v2.Discrete(ordered))


def _setting(value: object) -> bool | float | str:
    """Return a value of a setting in one of the types of HParams; null and lists become text."""
    if isinstance(value, bool | int | float) and value == value:
        return value if isinstance(value, bool) else float(value)
    return value_text(value)


def _trial_events(row: Row, history: Sequence[Row], settings: Sequence[str]) -> "Iterator[Event]":
    """Yield the settings of a trial, its curves, its final values and how it ended."""
    from tensorboard.plugins.hparams import plugin_data_pb2, summary_v2
    from tensorboard.plugins.hparams.api_pb2 import Status

    hparams = {name: _setting(row[name]) for name in settings}
    yield _event(summary_v2.hparams_pb(hparams, trial_id=row["trial"], start_time_secs=0))
    for step, seconds, values in _curve_points(row, history):
        yield _event(_scalars(values), step, seconds)
    step, seconds = row["steps"] or 0, row["seconds"] or 0.0
    finals = {f"final/{name}": _final_value(row, name) for name in FINAL}
    yield _event(_scalars({tag: value for tag, value in finals.items() if value is not None}), step, seconds)
    status = Status.STATUS_FAILURE if row["status"] == "failed" else Status.STATUS_SUCCESS
    ended = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=seconds)
    yield _event(_session_end(plugin_data_pb2.HParamsPluginData(session_end_info=ended)), step, seconds)


def _curve_points(row: Row, history: Sequence[Row]) -> Iterator[tuple[int, float, dict[str, float]]]:
    """Yield step, seconds and values. Only the untrained model lacks values: later, a missing one is not finite."""
    step, seconds = 0, 0.0
    for epoch in history:
        step, seconds = epoch["step"], epoch["seconds"] or 0.0
        known = [name for name in CURVES if epoch["epoch"] > 0 or epoch[name] is not None]
        yield step, seconds, {name: math.nan if epoch[name] is None else epoch[name] for name in known}
    diverged = row["diverged_at_step"]
    # The epoch in which training stops has no row.
    if row["outcome"] == "nonfinite" and diverged > step:
        yield diverged, max(seconds, row["seconds"] or 0.0), dict.fromkeys(CURVES, math.nan)


def _final_value(row: Row, name: str) -> float | None:
    """Return a value of the final weights: NaN if it is not finite, None if it was not measured."""
    if row[name] is None and row["outcome"] == "nonfinite" and name in MEASURES:
        return math.nan
    return None if row[name] is None else float(row[name])


def _scalars(values: Mapping[str, float]) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def _session_end(content: object) -> "Summary":
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    described = metadata.create_summary_metadata(content)
    value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=described, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _event(summary: "Summary", step: int = 0, seconds: float = 0.0) -> "Event":
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(summary=summary, step=step, wall_time=seconds)
