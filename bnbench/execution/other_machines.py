"""Refuses to continue a run on another kind of machine: its bits would differ from those that are stored."""

from collections.abc import Mapping
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.planning.machine import Machine, MachineKind, kind_differences, this_machine
from bnbench.planning.plan import Plan
from bnbench.store import store


def stored_machines(plan: Plan, folder: Path) -> dict[MachineKind, Machine]:
    """Return a machine of each kind on which the stored trials of a plan were trained, as far as that is known."""
    if not store.has_results(folder):
        return {}
    with store.open_for_reading(folder) as opened:
        sources = opened.sources()
    if not sources:
        # The ids of a large plan take a second.
        return {}
    planned = (trial for cohort in plan.cohorts for trial in cohort.trials.ids())
    machines = (sources[trial].machine for trial in planned if trial in sources)
    return {machine.kind: machine for machine in machines}


def refuse_other_kinds(stored: Mapping[MachineKind, Machine], folder: Path, here: Machine | None = None) -> None:
    """Check that stored trials were trained on this kind of machine.

    Args:
        stored: from `stored_machines`.
        folder: the results folder, for messages.
        here: by default this machine.

    Raises:
        ResultsError: some were trained on another kind.
    """
    here = here or this_machine()
    for kind, machine in stored.items():
        if kind.portable != here.kind.portable:
            trained, cure = ("with", "add") if kind.portable else ("without", "leave out")
            raise ResultsError(
                f"{folder}: has trials that were trained {trained} --portable, whose last bits differ: {cure} "
                "--portable, or add --mixed; the report then says so"
            )
        if differences := kind_differences(kind, here.kind):
            raise ResultsError(
                f"{folder}: has trials of another kind of machine, {machine.host} with {machine.processor}, whose last "
                f"bits may differ ({differences}): train the rest there, or here with --mixed; the report then says so"
            )
