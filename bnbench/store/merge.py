"""Joins results folders of one sweep: parts that several machines have trained."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.store import results_dir, store
from bnbench.store.duplicates import outcome_differences
from bnbench.store.folder import DATABASE, lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.plan_differences import describe_plan_differences
from bnbench.store.store import Store
from bnbench.store.trial_files import copy_files, copy_missing_files


@dataclass(frozen=True)
class Duplicate:
    """A trial that two folders have, with different outcomes."""

    trial: str
    kept: Path
    other: Path
    differences: Sequence[str]


@dataclass(frozen=True)
class Compared:
    """How many trials were compared, each counted once, and how many of them have the same bits everywhere."""

    trials: int = 0
    same: int = 0


@dataclass
class MergeSummary:
    """What a merge found.

    Attributes:
        out: the folder that was written.
        added: the number of trials that each folder gave.
        several: the trials that ended in more than one of the merged folders. `out` is not one of these.
        known: the trials that had ended in `out` before, and ended in one of the merged folders.
        different: pairs of a kept trial and another one whose outcomes differ.
        completed: the trials that were known already, and got saved files that were missing.
        left_out: the number of stored trials outside the plan, which were not copied.
        missing: the number of planned trials that no folder has, and how many failed in all of them.
    """

    out: Path
    added: dict[Path, int] = field(default_factory=dict)
    several: Compared = Compared()
    known: Compared = Compared()
    different: list[Duplicate] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    left_out: int = 0
    missing: int = 0
    failed: int = 0


def merge_folders(out: Path, folders: Sequence[Path]) -> MergeSummary:
    """Copy the trials of several results folders, which have the same plan, into one folder.

    A trial that ended is kept rather than one that failed. Of a trial that ended in several folders, the first result
    is kept, after a comparison. If the folder already has results, they count as the first, and its settings stay.

    Raises:
        ResultsError: a folder has no results, has another plan or device, is given twice, or `out` cannot be written
            or has files but no results.
    """
    _check_names(out, folders)
    _refuse_other_files(out)
    with ExitStack() as stack:
        stack.enter_context(lock_folder(out))
        results_dir.refuse_links(out)
        opened = {folder: stack.enter_context(store.open_for_reading(folder)) for folder in folders}
        first = opened[folders[0]]
        for other in opened.values():
            _check_same_plan(first, other)
        has_plan = store.has_results(out) and _check_out(out, first)
        target = stack.enter_context(store.open_locked(out))
        if not has_plan:
            target.copy_plan(first)
        _set_device(target, opened.values())
        for name, text in _plain_files(first.folder).items():
            # What the folder has already, stays.
            if not (has_plan and (out / name).exists()):
                results_dir.write_text(out / name, text)
        return _copy_all(target, opened)


def _check_names(out: Path, folders: Sequence[Path]) -> None:
    resolved = [folder.resolve() for folder in folders]
    for folder, path in zip(folders, resolved, strict=True):
        require_results(folder)
        if path == out.resolve():
            raise ResultsError(f"{folder}: is the folder to write, whose results are merged, too: leave it out")
        if resolved.count(path) > 1:
            raise ResultsError(f"{folder}: given twice")


def _refuse_other_files(out: Path) -> None:
    """Check that the folder to write is empty or has results, so that no other files are overwritten."""
    try:
        # A run that was killed leaves hidden files.
        names = [path.name for path in out.iterdir() if not path.name.startswith(".")] if out.is_dir() else []
    except OSError as error:
        raise ResultsError(f"{out}: cannot be read: {error.strerror}") from error
    if names and DATABASE not in names:
        raise ResultsError(
            f"{out}: not a results folder: it has files, such as {min(names)}, but no {DATABASE}; choose another "
            "folder to write, or an empty one"
        )


def _check_out(out: Path, first: Store) -> bool:
    """Check that the results of the folder to write have the same plan; return False if it has no plan yet."""
    with store.open_for_reading(out) as before:
        # A merge that is killed as it begins leaves a database without content.
        if not before.known_ids():
            return False
        _check_same_plan(before, first)
        if before.part():
            raise ResultsError(f"{out}: is part {before.part()} itself: name another folder for all parts")
        return True


def _check_same_plan(a: Store, b: Store) -> None:
    """Check that two folders have the same plan. An id is a hash of settings, versions, data, engines and cards."""
    for opened in (a, b):
        if opened.design():
            raise ResultsError(
                f"{opened.folder}: an adaptive design, whose trials depend on each other, so it is not merged: run it "
                "in one folder"
            )
    one, other = a.device(), b.device()
    if None not in (one, other) and one != other:
        raise ResultsError(
            f"{b.folder}: was trained on {other or 'the processor'}, but {a.folder} on {one or 'the processor'}, whose "
            "bits differ: merge only folders of the same device"
        )
    if not a.has_plan_of(b):
        raise ResultsError(f"{b.folder}: has another plan than {a.folder}: {describe_plan_differences(a, b)}")


def _set_device(target: Store, opened: Iterable[Store]) -> None:
    """Record the device of the merged folders. Folders of earlier versions have not recorded it."""
    known = [device for one in (target, *opened) if (device := one.device()) is not None]
    if known:
        target.set_device(known[0])


def _plain_files(folder: Path) -> dict[str, str]:
    """Return the files that say what was trained, and where, by name."""
    names = [results_dir.CONFIG, results_dir.ENVIRONMENT, *(path.name for path in folder.glob("model-*.json"))]
    return {name: (folder / name).read_text(encoding="utf-8") for name in names if (folder / name).is_file()}


def _copy_all(target: Store, opened: Mapping[Path, Store]) -> MergeSummary:
    planned = target.planned_ids()
    before = _ended(target, planned)
    have = {trial: (target.folder, stored) for trial, stored in target.stored_trials().items()}
    summary = MergeSummary(target.folder, several=_compare(opened.values(), planned))
    for folder, source in opened.items():
        summary.added[folder] = 0
        _copy_trials(target, source, planned, have, summary)
        _copy_step_times(target, source)
        _copy_rate_guesses(target, source)
    again = before.keys() & {trial for source in opened.values() for trial in _ended(source, planned)}
    apart = {one.trial for one in summary.different if one.kept == target.folder}
    summary.known = Compared(len(again), len(again - apart))
    summary.failed = sum(_failed(stored) for trial, (_, stored) in have.items() if trial in planned)
    summary.missing = len(planned - have.keys())
    return summary


def _copy_trials(
    target: Store, source: Store, planned: set[str], have: dict[str, tuple[Path, StoredTrial]], summary: MergeSummary
) -> None:
    """Copy the trials of a folder.

    Args:
        have: the trials that the target has by now, with the folder that each is from. New ones are added.
        summary: what is found is added.
    """
    folder, texts = source.folder, source.source_texts()
    for trial, stored in source.stored_trials().items():
        known = have.get(trial)
        if trial not in planned:
            summary.left_out += 1
        elif known and not _failed(known[1]) and not _failed(stored):
            if found := outcome_differences(known[1], stored):
                summary.different.append(Duplicate(trial, known[0], folder, found))
            elif copy_missing_files(folder, target.folder, trial):
                summary.completed.add(trial)
        elif known is None or not _failed(stored):
            copy_files(folder, target.folder, trial)
            target.add_stored(stored, texts.get(stored.row["source"] or ""))
            have[trial] = folder, stored
            summary.added[folder] += 1


def _copy_step_times(target: Store, source: Store) -> None:
    for times in source.step_times().values():
        if (times.first, times.second) not in target.step_times():
            target.add_step_times(times)


def _copy_rate_guesses(target: Store, source: Store) -> None:
    known = target.rate_guesses()
    if new := [guess for key, guess in source.rate_guesses().items() if key not in known]:
        target.add_rate_guesses(new)


def _compare(stores: Iterable[Store], planned: set[str]) -> Compared:
    """Compare the trials that ended in several folders."""
    ended: dict[str, list[StoredTrial]] = {}
    for one in stores:
        for trial, stored in _ended(one, planned).items():
            ended.setdefault(trial, []).append(stored)
    several = [found for found in ended.values() if len(found) > 1]
    same = [not any(outcome_differences(found[0], other) for other in found[1:]) for found in several]
    return Compared(len(several), sum(same))


def _ended(opened: Store, planned: set[str]) -> dict[str, StoredTrial]:
    """Return the planned trials of a folder that completed or diverged."""
    stored = opened.stored_trials()
    return {trial: one for trial, one in stored.items() if trial in planned and not _failed(one)}


def _failed(stored: StoredTrial) -> bool:
    return bool(stored.row["status"] == "failed")
