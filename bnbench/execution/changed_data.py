"""Says at the start of a run which data have changed since the last run of the same results folder."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bnbench.config.own_data import FROM_PYTHON, FROM_PYTHON_NAME
from bnbench.config.schema import Data
from bnbench.data.types import DatasetInfo
from bnbench.errors import ResultsError
from bnbench.planning.plan import Plan
from bnbench.store import results_dir, store

log = logging.getLogger(__name__)
# Digits of a fingerprint in a message.
DIGITS = 16


def log_changed_data(plan: Plan, folder: Path) -> None:
    """Log a warning for each file whose rows are not those of the last run.

    The trials of the old rows stay stored, but they are not in the plan: the fingerprint of the rows is part of an id.
    """
    before = _recorded(folder)
    present: dict[str, DatasetInfo] = {_name(cohort.program.data): cohort.program.facts for cohort in plan.cohorts}
    changed = {name: facts for name, facts in present.items() if _differs(facts, before.get(name))}
    if not changed:
        return
    count = _count_outside(plan, folder)
    for name, facts in changed.items():
        old = before[name]
        log.warning(
            "%s: the data have changed since the last run: fingerprint %s with %s rows before, now %s with %d rows. %s",
            name,
            old["fingerprint"][:DIGITS],
            old.get("rows", "?"),
            facts.fingerprint[:DIGITS],
            facts.rows,
            f"{count} stored trials of the old rows or of other settings are not in this plan, and stay stored.",
        )


def _name(data: Data) -> str:
    """Return what data are called in a message. The file of arrays that were given from Python is named by its content,
    so it has another name after each change.
    """
    return data.source if data.from_python else data.path or data.source


def _recorded(folder: Path) -> Mapping[str, Any]:
    """Return what the last run recorded about its data, by name; empty if nothing can be read."""
    try:
        data = results_dir.read_environment(folder).get("data")
    except ResultsError:
        return {}
    if not isinstance(data, dict):
        return {}
    return {FROM_PYTHON_NAME if FROM_PYTHON.fullmatch(name) else name: facts for name, facts in data.items()}


def _differs(facts: DatasetInfo, before: object) -> bool:
    known = before.get("fingerprint") if isinstance(before, dict) else None
    return isinstance(known, str) and known != facts.fingerprint


def _count_outside(plan: Plan, folder: Path) -> int:
    """Return the number of stored trials that the plan does not have."""
    if not store.has_results(folder):
        return 0
    with store.open_for_reading(folder) as opened:
        stored = set(opened.states())
    for cohort in plan.cohorts:
        stored.difference_update(cohort.trials.ids())
    return len(stored)
