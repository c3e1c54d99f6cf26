"""Values and names as people read them: of an axis, a score, a duration, an interval."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bnbench.errors import shorten_name

# In a sentence: the most values of the further axes that are listed one by one, and the most variants.
MAX_PLACES, MAX_VARIANTS = 3, 6


def format_value(value: object, exact: bool = False) -> str:
    """Return a value of an axis as text: `normal stddev 0.1` for `{normal: {stddev: 0.1}}`; long text is cut.

    Tables hold lists and mappings as JSON, which is parsed here.

    Args:
        exact: show all digits of a number; otherwise four.
    """
    return shorten_name(value_text(value, exact))


def value_text(value: object, exact: bool = False) -> str:
    """Return the whole text of which `format_value` shows the beginning."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_text(inner, exact)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(value_text(inner, exact) for inner in value)
    # A table has NaN for null.
    if value is None or value != value:
        return "none"
    if not isinstance(value, float):
        return str(value)
    short = f"{value:.4g}"
    return repr(value) if exact and float(short) != value else short


def format_setting(value: object) -> str:
    """Return a value of an axis as text with all digits of its numbers: another value may differ in the last one."""
    return format_value(value, exact=True)


class RateFormat:
    """Writes the learning rates of an experiment with three digits, or with as many as tell each from all others.

    Args:
        rates: all rates of the experiment, in any order; may contain NaN.
        digits: the smallest number of significant digits.
    """

    def __init__(self, rates: Iterable[float], digits: int = 3) -> None:
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
                return write_out(f"{rate:.{digits}g}")
        return repr(rate)


def write_out(text: str) -> str:
    """Return a number without an exponent where it is short: `1000` for `1e+03`."""
    short = f"{float(text):g}"
    return short if float(short) == float(text) else text


def _differ(one: float, other: float, digits: int) -> bool:
    return f"{one:.{digits}g}" != f"{other:.{digits}g}"


def axis_name(axis: str) -> str:
    """Return the short name of an axis: `units` for `model.params.units`."""
    return shorten_name(axis.rpartition(".")[2])


def format_axes(row: Mapping[Any, Any], axes: Iterable[str]) -> str:
    """Return the values of the further axes of a row: `units 50, depth 2`; empty without axes."""
    return ", ".join(f"{axis_name(axis)} {format_setting(row[axis])}" for axis in axes)


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


def format_spread(mean: float, sd: float) -> str:
    """Return a mean share with its standard deviation, both in percent: `93.5% ± 0.4`; an unknown SD is left out."""
    return format_percent(mean) if math.isnan(sd) else f"{format_percent(mean)} ± {100 * sd:.1f}"


def format_percents(low: float, high: float) -> str:
    """Return a range or an interval of shares in percent: `93.1 to 93.9%`; one value if both look alike."""
    first, last = f"{100 * low:.1f}", format_percent(high)
    return last if f"{first}%" == last else f"{first} to {last}"


def format_points(difference: float, signed: bool = True) -> str:
    """Return a difference of two shares in points, with as many digits as tell it from 0: `+3.1`, or `3.1`."""
    text = _points(difference)
    return f"+{text}" if signed and not text.startswith("-") else text


def format_points_range(low: float, high: float) -> str:
    """Return a range or an interval of differences of shares in points: `-0.9 to 0.7`."""
    return f"{_points(low)} to {_points(high)}"


def _points(difference: float) -> str:
    text = f"{100 * difference:.1f}"
    if not float(text):
        # -0.0002 is below 0 all the same.
        text = "0.0" if abs(difference) < 1e-9 else f"{100 * difference:.1g}"
    return text


def format_factor(factor: float) -> str:
    """Return a factor with two digits, or with as many as tell it from 1: `5.6`, `0.997`."""
    if not math.isfinite(factor):
        return "any" if factor > 0 else "none"
    for digits in range(2, 7):
        text = write_out(f"{factor:.{digits}g}")
        if float(text) != 1 or abs(factor - 1) < 1e-9:
            return text
    return "1"


def format_p(p: float) -> str:
    """Return a p-value: `p = 0.002`; below a thousandth, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def format_interval(low: float, high: float, missing: str = "none") -> str:
    """Return an interval as text: `0.1 to 0.3`; if there is no interval, the text for that."""
    return missing if math.isnan(low) else f"{low:.4g} to {high:.4g}"


def format_bytes(count: int) -> str:
    """Return a size with two digits: `310 kB`, `1.2 GB`."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"


def format_count(n: int, noun: str) -> str:
    """Return a number with its noun: `1 seed`, `3 seeds`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def format_places(labels: Mapping[str, Sequence[str]], settings: int) -> str:
    """Return variants with their values of the further axes: `plain (units 50)`; of many, only their number.

    Args:
        labels: variant -> its labels, from `cell_label`, one for each value of the further axes.
        settings: how many such values there are in all.

    Returns:
        For example `plain (units 50), batchnorm at 17 of 20 settings`.
    """
    places: list[str] = []
    for variant, named in labels.items():
        places += named if len(named) <= MAX_PLACES else [f"{variant} at {len(named)} of {settings} settings"]
    return format_list(places, MAX_VARIANTS)


def format_list(names: Sequence[str], limit: int = 3) -> str:
    """Return names with commas between them: at most `limit` of them, and the number of the others."""
    others = len(names) - limit
    return ", ".join([*names[:limit], *([f"{others} more"] if others > 0 else [])])
