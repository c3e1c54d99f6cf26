"""Says in words where a claim or a published value comes from: its basis and its source."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

# One line under every table with marks.
EXPLAINED = (
    "Basis: 'said' is in a source's own words, shortened, or a number that it printed; 'read' is read off a picture of "
    "the source, so about; 'ours' is a question of ours that follows, or a value that we computed from what it "
    "published."
)


def is_marked(table: pd.DataFrame) -> bool:
    """Return True if some claim or published value of a table has a basis; tables of earlier versions have none."""
    return "basis" in table and bool((table["basis"] != "").any())


def claim_mark(row: Mapping[Any, Any]) -> str:
    """Return the basis of a claim with its source, such as `said (source 002, part C)`; empty if it has neither."""
    basis, source = row["basis"], row["source"]
    return f"{basis} ({source})" if basis and source else basis or source
