"""Tables that are opened in a spreadsheet: text that it would run as a formula is defused, numbers stay numbers.

An apostrophe before `=`, `+`, `-`, `@` and the white space that spreadsheets pass over, as OWASP advises ("CSV
Injection"). One more before such a text that has apostrophes already, so that `restored` gives back what there was.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RUN = re.compile(r"'*[=+\-@\t\r\n]")


def escape_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table with no text, in cells or above them, that a spreadsheet would run."""
    return _changed(table, lambda text: f"'{text}" if RUN.match(text) else text)


def unescape_formulas(table: "pd.DataFrame") -> "pd.DataFrame":
    """What `defused` was given."""
    return _changed(table, lambda text: text[1:] if text.startswith("'") and RUN.match(text) else text)


def _changed(table: "pd.DataFrame", change: Callable[[str], str]) -> "pd.DataFrame":
    from pandas.api.types import is_numeric_dtype

    for name in table.columns:
        if not is_numeric_dtype(table[name]):
            texts = [text for text in table[name].unique() if isinstance(text, str)]
            changed = {text: change(text) for text in texts if change(text) != text}
            if changed:  # seldom: most tables are passed on as they are
                table = table.assign(**{name: table[name].map(lambda cell, new=changed: new.get(cell, cell))})
    return table.rename(columns={name: change(str(name)) for name in table.columns})
