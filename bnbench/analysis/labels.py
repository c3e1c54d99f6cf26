"""Values as people read them: of an axis, of a time."""

import json
from contextlib import suppress


def format_value(value: object) -> str:
    """A value of an axis as text, `normal stddev 0.1` for `{normal: {stddev: 0.1}}`; tables have such as JSON."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {format_value(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    if value is None or value != value:  # a table has NaN for null
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_duration(seconds: float) -> str:
    """`40 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
