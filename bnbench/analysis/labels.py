"""Values and names as people read them: of an axis, a score, a duration, an interval."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bnbench.errors import shorten_name


def format_value(value: object) -> str:
    """Return a value of an axis as text: `normal stddev 0.1` for `{normal: {stddev: 0.1}}`; long text is cut.

    Tables hold lists and mappings as JSON, which is parsed here.
    """
    return shorten_name(value_text(value))


def value_text(value: object) -> str:
    """Return the whole text of which `format_value` shows the beginning."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_text(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(value_text, value))
    # A table has NaN for null.
    if value is None or value != value:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class RateFormat:
    """Writes the learning rates of an experiment with at least four digits, and as many as tell each from all others.

    Args:
        rates: all rates of the experiment, in any order; may contain NaN.
        digits: the smallest number of significant digits.
    """

    def __init__(self, rates: Iterable[float], digits: int = 4) -> None:
        self.digits = digits
        ordered = sorted({rate for rate in rates if rate == rate})
        self.texts = {rate: self._text(i, ordered) for i, rate in enumerate(ordered)}

    def __call__(self, rate: float) -> str:
        """Return a rate as text; `none` for NaN."""
        return self.texts.get(rate) or format_value(rate)

    def _text(self, index: int, ordered: Sequence[float]) -> str:
        rate = ordered[index]
        # Rounding keeps the order, so only neighbors can get the same text.
        neighbors = [*ordered[max(0, index - 1) : index], *ordered[index + 1 : index + 2]]
        for digits in range(self.digits, 17):
            if all(_differ(rate, other, digits) for other in neighbors):
                return f"{rate:.{digits}g}"
        return repr(rate)


def _differ(one: float, other: float, digits: int) -> bool:
    return f"{one:.{digits}g}" != f"{other:.{digits}g}"


def axis_name(axis: str) -> str:
    """Return the short name of an axis: `units` for `model.params.units`."""
    return shorten_name(axis.rpartition(".")[2])


def format_axes(row: Mapping[Any, Any], axes: Iterable[str]) -> str:
    """Return the values of the further axes of a row: `units 50, depth 2`; empty without axes."""
    return ", ".join(f"{axis_name(axis)} {format_value(row[axis])}" for axis in axes)


def format_name(name: str, score_name: str) -> str:
    """Return the name of a column or metric in words: `test accuracy` or `test R²` for `test_score`.

    Pass names of this package only, never what a user wrote.
    """
    return " ".join(score_name if word == "score" else word for word in name.split("_"))


def format_duration(seconds: float) -> str:
    """Return a duration in the unit that fits: `40 s`, `12 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def format_percent(share: float) -> str:
    """Return a share in percent: `93.5%`; `none` for a missing share."""
    return "none" if math.isnan(share) else f"{100 * share:.1f}%"


def format_interval(low: float, high: float, missing: str = "none") -> str:
    """Return an interval as text: `0.1 to 0.3`; if there is no interval, the text for that."""
    return missing if math.isnan(low) else f"{low:.4g} to {high:.4g}"


def format_count(n: int, noun: str) -> str:
    """Return a number with its noun: `1 seed`, `3 seeds`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def format_list(names: Sequence[str], limit: int = 3) -> str:
    """Return names with commas between them: at most `limit` of them, and the number of the others."""
    others = len(names) - limit
    return ", ".join([*names[:limit], *([f"{others} more"] if others > 0 else [])])
