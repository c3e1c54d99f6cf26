"""Select, sort and cut the table of trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bnbench.results import query


@dataclass(frozen=True)
class TrialSelection:
    """The selected rows of a table of trials."""

    # The selected rows with every column.
    rows: pd.DataFrame
    # The columns that a terminal shows.
    shown_columns: list[str]
    # The number of trials before the selection.
    total: int
    # Why no row was selected, if a condition looks wrong; else empty.
    hint: str


def select_trials(
    trials: pd.DataFrame, where: Sequence[str] = (), sort: str | None = None, limit: int | None = None
) -> TrialSelection:
    """Return the trials that meet all conditions, such as `variant=batchnorm`, in the order of a column.

    Args:
        trials: the table `Results.trials`.
        where: conditions; all of them must hold.
        sort: a column; `-column` sorts in descending order.
        limit: the largest number of rows.

    Raises:
        BnbenchError: a condition or a column is wrong.
    """
    conditions = [query.parse_condition(text) for text in where]
    rows = query.select_rows(trials, conditions)
    if sort is not None:
        # The rows that a limit leaves over can be of one kind only because the other kind has lower numbers.
        query.check_kinds(rows)
    rows = query.select_rows(rows, (), sort, limit)
    query.check_kinds(rows)
    shown = query.shown_columns(trials, conditions, sort)
    return TrialSelection(rows, shown, len(trials), query.no_match_hint(trials, conditions))
