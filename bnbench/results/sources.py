"""Where trials were trained: rows of `Results.sources`, and the caveat if their machines differ."""

from collections.abc import Mapping
from typing import Any

from bnbench.planning.machine import MachineKind, Source, kind_differences

SOURCE_COLUMNS = ["trial", "part", "host", "processor", "device", "threads", "kind", "commit"]


def source_row(trial: str, source: Source | None, numbers: Mapping[MachineKind, int]) -> dict[str, Any]:
    """Return the row of a trial; without a source, all values but the id are missing.

    Args:
        trial: its id.
        source: where it was trained, if that is known.
        numbers: the number of each kind of machine.
    """
    if source is None:
        return {"trial": trial}
    machine = source.machine
    return {
        "trial": trial,
        "part": source.part,
        "host": machine.host,
        "processor": machine.processor,
        "device": machine.kind.device,
        "threads": source.threads,
        "kind": numbers[machine.kind],
        "commit": source.commit,
    }


def describe_kinds(kinds: Mapping[MachineKind, int]) -> str:
    """Return a sentence about trials of several kinds of machines; empty if there is one kind at most.

    Args:
        kinds: the number of trials of each kind.
    """
    if len(kinds) < 2:
        return ""
    first, *others = sorted(kinds, key=lambda kind: -kinds[kind])
    counts = " and ".join(str(kinds[kind]) for kind in (first, *others))
    parts = "; ".join(kind_differences(first, kind) for kind in others)
    return (
        f"The trials come from {len(kinds)} kinds of machines ({counts} trials), which differ in their last bits: "
        f"{parts}. Repeated on one kind, single scores may differ, and a verdict that is a close call may change."
    )
