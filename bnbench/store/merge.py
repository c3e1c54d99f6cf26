"""Joins results folders of one sweep: parts that several machines have trained."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.store import results_dir, store
from bnbench.store.duplicates import outcome_differences
from bnbench.store.folder import lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.prune import TRIAL
from bnbench.store.store import Store

# The maximum number of differences of two plans in a message.
MAX_REASONS = 5
# Keys of a config that say nothing about trials.
ABOUT_RESULTS = ("claims", "published", "source_figures", "title", "figures")
# What of an environment is part of an id.
IN_IDS = ("packages.keras", "packages.tensorflow", "data", "engines")


@dataclass(frozen=True)
class Duplicate:
    """A trial that two folders have, with different outcomes."""

    trial: str
    kept: Path
    other: Path
    differences: Sequence[str]


@dataclass
class MergeSummary:
    """What a merge found.

    Attributes:
        added: the number of trials that each folder gave.
        compared: the number of trials that several folders have, which were compared.
        different: those of them whose outcomes differ.
        left_out: the number of stored trials outside the plan, which were not copied.
        missing: the number of planned trials that no folder has, and how many failed in all of them.
    """

    added: dict[Path, int] = field(default_factory=dict)
    compared: int = 0
    different: list[Duplicate] = field(default_factory=list)
    left_out: int = 0
    missing: int = 0
    failed: int = 0


def merge_folders(out: Path, folders: Sequence[Path]) -> MergeSummary:
    """Copy the trials of several results folders, which have the same plan, into one folder.

    A trial that ended is kept rather than one that failed. Of a trial that ended in several folders, the first result
    is kept, after a comparison. If the folder already has results, they count as the first.

    Raises:
        ResultsError: a folder has no results, has another plan, is given twice, or `out` cannot be written.
    """
    _check_names(out, folders)
    with ExitStack() as stack:
        stack.enter_context(lock_folder(out))
        results_dir.refuse_links(out)
        opened = {folder: stack.enter_context(store.open_for_reading(folder)) for folder in folders}
        first = opened[folders[0]]
        for other in opened.values():
            _check_same_plan(first, other)
        if store.has_results(out):
            with store.open_for_reading(out) as before:
                _check_same_plan(before, first)
                if before.part():
                    raise ResultsError(f"{out}: is part {before.part()} itself: name another folder for all parts")
        for name, text in _plain_files(first.folder).items():
            results_dir.write_text(out / name, text)
        target = stack.enter_context(store.open_locked(out))
        target.copy_plan(first)
        return _copy_all(target, opened)


def _check_names(out: Path, folders: Sequence[Path]) -> None:
    resolved = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, resolved, strict=True):
        require_results(folder)
        if path == out.resolve():
            raise ResultsError(f"{folder}: is the folder to write, whose results are merged, too: leave it out")
        if resolved.count(path) > 1:
            raise ResultsError(f"{folder}: given twice")


def _check_same_plan(a: Store, b: Store) -> None:
    """Check that two folders have the same plan. An id is a hash of settings, versions, data and engines."""
    if not a.has_plan_of(b):
        raise ResultsError(f"{b.folder}: has another plan than {a.folder}: {_why(a, b)}")


def _why(a: Store, b: Store) -> str:
    """Return what makes the plans differ."""
    settings = [_flat(results_dir.read_settings(one.folder)[0]) for one in (a, b)]
    environments = [_flat(results_dir.read_environment(one.folder)) for one in (a, b)]
    found = [*_changed(settings[0], settings[1], ignored=ABOUT_RESULTS)]
    found += _changed(environments[0], environments[1], only=IN_IDS)
    return "; ".join(found[:MAX_REASONS]) or "the ids of their trials differ"


def _changed(
    a: Mapping[str, object], b: Mapping[str, object], ignored: Sequence[str] = (), only: Sequence[str] = ()
) -> Iterator[str]:
    for key in dict.fromkeys([*a, *b]):
        if key.startswith(tuple(ignored)) or (only and not key.startswith(tuple(only))):
            continue
        if a.get(key) != b.get(key):
            yield f"{key} is {a.get(key, 'not set')} there, {b.get(key, 'not set')} here"


def _flat(value: object, key: str = "") -> dict[str, object]:
    if not isinstance(value, Mapping):
        return {key: value}
    parts = (_flat(inner, f"{key}.{part}".lstrip(".")) for part, inner in value.items())
    return {name: leaf for part in parts for name, leaf in part.items()}


def _plain_files(folder: Path) -> dict[str, str]:
    """Return the files that say what was trained, and where, by name."""
    names = [results_dir.CONFIG, results_dir.ENVIRONMENT, *(path.name for path in folder.glob("model-*.json"))]
    return {name: (folder / name).read_text(encoding="utf-8") for name in names if (folder / name).is_file()}


def _copy_all(target: Store, opened: Mapping[Path, Store]) -> MergeSummary:
    summary = MergeSummary()
    planned = target.planned_ids()
    have: dict[str, tuple[Path, StoredTrial]] = {
        trial: (target.folder, stored) for trial, stored in target.stored_trials().items()
    }
    for folder, source in opened.items():
        summary.added[folder] = 0
        texts = source.source_texts()
        for trial, stored in source.stored_trials().items():
            if trial not in planned:
                summary.left_out += 1
                continue
            known = have.get(trial)
            if known and "failed" not in (known[1].row["status"], stored.row["status"]):
                _compare(summary, trial, known, (folder, stored))
            elif known is None or stored.row["status"] != "failed":
                _copy_files(folder, target.folder, trial)
                target.add_stored(stored, texts.get(stored.row["source"] or ""))
                have[trial] = folder, stored
                summary.added[folder] += 1
        for times in source.step_times().values():
            if (times.first, times.second) not in target.step_times():
                target.add_step_times(times)
    ended = [stored.row["status"] for trial, (_, stored) in have.items() if trial in planned]
    summary.failed = ended.count("failed")
    summary.missing = len(planned) - len(ended)
    return summary


def _compare(
    summary: MergeSummary, trial: str, known: tuple[Path, StoredTrial], other: tuple[Path, StoredTrial]
) -> None:
    summary.compared += 1
    if found := outcome_differences(known[1], other[1]):
        summary.different.append(Duplicate(trial, known[0], other[0], found))


def _copy_files(source: Path, target: Path, trial: str) -> None:
    """Copy the saved model, the checkpoints and the logs of a trial."""
    for name in (results_dir.MODELS, results_dir.CHECKPOINTS, results_dir.TENSORBOARD):
        for path in sorted((source / name).glob(f"{trial}*")):
            owner = TRIAL.match(path.name)
            if owner is None or owner[0] != trial or path.is_symlink():
                continue
            if path.is_dir():
                shutil.copytree(path, target / name / path.name, dirs_exist_ok=True)
            else:
                with results_dir.replaced_file(target / name / path.name) as temporary:
                    shutil.copyfile(path, temporary)
