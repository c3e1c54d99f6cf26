"""Finds the trial that a person names by the beginning of its id or of its name."""

from collections.abc import Sequence

from bnbench.errors import ResultsError, did_you_mean
from bnbench.results import query
from bnbench.results.results import Results

# The maximum number of trials that a message lists.
MAX_LISTED = 10


def find_trial(results: Results, which: str, also: Sequence[str] = ()) -> str:
    """Return the id of a trial.

    Args:
        results: the results.
        which: the beginning of its id or of its name, such as `plain lr=0.1 seed=0`.
        also: other words that the caller understands, for the message.

    Raises:
        ResultsError: there is no such trial, or there are several.
    """
    names = trial_names(results)
    exact = [trial for trial, name in names.items() if which in {trial, name}]
    matches = exact or [trial for trial, name in names.items() if trial.startswith(which) or name.startswith(which)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        problem = f"{which!r} matches {len(matches)} trials:"
    else:
        problem = f"no trial {which!r}{did_you_mean(which, [*names.values(), *names, *also])}; the trials are"
    raise ResultsError(f"{results.folder}: {problem}\n{_list_trials(names, matches or list(names))}")


def trial_names(results: Results) -> dict[str, str]:
    """Return the readable name of each trial, by id."""
    return dict(zip(results.trials["trial"], query.trial_names(results.trials), strict=True))


def _list_trials(names: dict[str, str], trials: Sequence[str]) -> str:
    lines = [f"  {trial}  {names[trial]}" for trial in trials[:MAX_LISTED]]
    if len(trials) > MAX_LISTED:
        lines.append(f"  and {len(trials) - MAX_LISTED} more")
    return "\n".join(lines)
