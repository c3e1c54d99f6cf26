"""What a run does, as text."""

from typing import TYPE_CHECKING

from bnbench.analysis.labels import format_count, format_duration
from bnbench.cli.format import cut_to_screen, format_columns
from bnbench.cli.format_faults import format_faults

if TYPE_CHECKING:
    from bnbench.commands.status import FolderStatus
    from bnbench.store.heartbeat import Heartbeat
    from bnbench.store.store import TrialCounts

# Digits of the id of a trial: they identify it among the running ones.
ID_DIGITS = 8


def format_status(status: "FolderStatus") -> str:
    """Return what is stored, what the run does, a row per running trial, and why trials failed."""
    parts = [_stored(status.counts), _run(status)]
    if status.beat and status.running and status.beat.running:
        parts.append(_running(status.beat))
    parts.append("\n".join(format_faults(status.faults)))
    if status.beat and not status.faults:
        parts.append(
            "\n".join(
                f"failed: {format_count(count, 'trial')}: {reason}" for reason, count in status.beat.reasons.items()
            )
        )
    return "\n\n".join(filter(None, ("\n".join(filter(None, parts[:2])), *parts[2:])))


def _stored(counts: "TrialCounts | None") -> str:
    if counts is None:
        return "nothing is stored yet"
    failed = f", {counts.failed} failed" if counts.failed else ""
    return f"{counts.ended} of {counts.planned} trials have ended{failed}"


def _run(status: "FolderStatus") -> str:
    beat = status.beat
    if beat is None:
        return "no run is under way"
    where = f"process {beat.process} on {beat.host}"
    ago = format_duration(status.age)
    if not status.running:
        return f"no run is under way: {where} gave its last sign {ago} ago, and has ended without a word"
    since = format_duration(beat.time - beat.begun)
    return f"{beat.status} ({where}, {since} so far, last sign {ago} ago)"


def _running(beat: "Heartbeat") -> str:
    rows = [
        [one.trial[:ID_DIGITS], one.name, one.worker, f"{one.epoch} of {one.epochs}", format_duration(one.seconds)]
        for one in beat.running
    ]
    shown, left_out = cut_to_screen(rows, "--json has all")
    table = format_columns(["trial", "name", "worker", "epoch", "for"], shown)
    title = f"{format_count(len(rows), 'trial')} running:"
    return "\n".join(filter(None, [title, table, left_out]))
