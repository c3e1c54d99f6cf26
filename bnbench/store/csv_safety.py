"""Escapes text in tables that a spreadsheet would run as a formula. Numbers stay numbers.

As OWASP advises ("CSV Injection"), text that begins with `=`, `+`, `-`, `@` or the white space that spreadsheets skip
gets an apostrophe in front of it. Text that begins with apostrophes and one of these gets one more, so that
`unescape_formulas` can restore the original.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def escape_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table with every text escaped that a spreadsheet would run, in cells and in column names."""
    return _changed(table, lambda text: f"'{text}" if FORMULA.match(text) else text)


def unescape_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table as it was before `escape_formulas`."""
    return _changed(table, lambda text: text[1:] if text.startswith("'") and FORMULA.match(text) else text)


def _changed(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    from pandas.api.types import is_numeric_dtype

    for name in table.columns:
        if not is_numeric_dtype(table[name]):
            texts = [text for text in table[name].unique() if isinstance(text, str)]
            changed = {text: change(text) for text in texts if change(text) != text}
            # Most tables have no such text and are returned as they are.
            if changed:
                table = table.assign(**{name: table[name].map(lambda cell, new=changed: new.get(cell, cell))})
    return table.rename(columns={name: change(str(name)) for name in table.columns})
