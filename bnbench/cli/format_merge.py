"""What a merge found, as text."""

from typing import TYPE_CHECKING

from bnbench.analysis.labels import format_count

if TYPE_CHECKING:
    from bnbench.results.results import Results
    from bnbench.store.merge import MergeSummary

# The maximum number of trials in a message, and of differences of each.
MAX_TRIALS, MAX_DIFFERENCES = 10, 3


def format_merged(summary: "MergeSummary") -> str:
    """Return what each folder gave, what was compared, and what is still missing."""
    lines = [f"{folder}: {format_count(count, 'trial')} added" for folder, count in summary.added.items()]
    for compared, where in ((summary.several, "in several folders"), (summary.known, f"already in {summary.out}")):
        if compared.trials:
            lines.append(f"{format_count(compared.trials, 'trial')} {where}: {compared.same} with the same bits")
    if summary.completed:
        lines.append(f"saved files of {format_count(len(summary.completed), 'more trial')} added")
    if summary.left_out:
        lines.append(f"{format_count(summary.left_out, 'stored trial')} outside the plan not copied")
    if summary.missing:
        lines.append(f"{format_count(summary.missing, 'planned trial')} in none of the folders")
    if summary.failed:
        lines.append(f"{format_count(summary.failed, 'trial')} failed wherever it was tried")
    return "\n".join(lines)


def format_differences(summary: "MergeSummary", results: "Results") -> list[str]:
    """Return a headline, and a line for each pair of folders in which the outcomes of a trial differ."""
    from bnbench.results.query import trial_names

    trials = results.trials
    names = dict(zip(trials["trial"], trial_names(trials), strict=True))
    count = len({one.trial for one in summary.different})
    lines = [f"{format_count(count, 'trial')} with different outcomes in two folders:"]
    for one in summary.different[:MAX_TRIALS]:
        shown = "; ".join(one.differences[:MAX_DIFFERENCES])
        name = names.get(one.trial, one.trial)
        lines.append(f"{name} ({one.trial}) in {one.kept}, which is kept, and {one.other}: {shown}")
    if (left := len(summary.different) - MAX_TRIALS) > 0:
        lines.append(f"and {left} more")
    return lines
