"""Two results folders -> what differs: settings, surroundings, and the scores of the trials that both have."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bnbench.analysis import intervals
from bnbench.analysis.labels import format_value
from bnbench.errors import ResultsError
from bnbench.results import query
from bnbench.results.results import Results
from bnbench.store import results_dir

NOT_SET = "not set"
MAX_LISTED = 10  # values of an axis in a message
Key = tuple[Any, ...]  # variant, further axes, learning rate, seed


@dataclass(frozen=True)
class Difference:
    """One key that does not say the same in both, by its dotted name; NOT_SET where one has no such key."""

    key: str
    a: object
    b: object


@dataclass(frozen=True)
class OutcomePair:
    """How one trial ended in both: ok, chance, blown, nonfinite, failed."""

    trial: str  # its readable name
    a: str
    b: str


@dataclass(frozen=True)
class Comparison:
    """What differs between two results folders, A and B.

    Attributes:
        axes: the further axes of both.
        settings: of the resolved experiments.
        environment: of the last runs that trained.
        rates: one row a variant, axis value and learning rate: `n` pairs, `mean_a`, `mean_b`, and of B - A the mean
            `difference`, its `sd` (ddof 1) and 95% t interval `low` to `high` (missing below n = 3).
        p: of the sign-flip test over the mean difference of each seed, as pairs of one seed are not independent; NaN
            below 6 seeds.
        pairs: how many trials both have with a score.
        only_a, only_b: how many trials have ended in one of them only.
        changed: the trials whose outcome differs.
        failed: the names of the trials that failed in one of them or both, and so have no score to compare.
    """

    score: str
    axes: tuple[str, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    rates: pd.DataFrame
    p: float
    pairs: int
    only_a: int
    only_b: int
    changed: tuple[OutcomePair, ...]
    failed: tuple[str, ...]


def compare_results(a: Path, b: Path, score: str) -> Comparison:
    """What differs from A to B, trials paired by variant, further axes, learning rate and seed.

    Diverged trials count as `analysis.counted` says; `score` is one of `analysis.SCORES`.

    Raises:
        ResultsError: A is B, one holds no results, or no trial is in both.
    """
    if a.resolve() == b.resolve():
        raise ResultsError(f"{a} and {b} are one folder: wanted two")
    first, second = Results(a), Results(b)
    axes = _common_axes(first, second)
    ended, other = _keyed(first.trials, axes), _keyed(second.trials, axes)
    both = [key for key in ended if key in other]
    if not both:
        raise ResultsError(f"{a} and {b} have no trial in common: {_why(first, second, axes)}")
    ends = _ends([(ended[key], other[key]) for key in both])
    pairs = pair_trials(first.points, second.points, axes, score)
    apart = pairs["b"] - pairs["a"]  # missing where a loss on the test part is not a finite number
    return Comparison(
        score=first.said(score),
        axes=tuple(axes),
        settings=tuple(differences(results_dir.read_settings(a), results_dir.read_settings(b))),
        environment=tuple(differences(results_dir.read_environment(a), results_dir.read_environment(b))),
        rates=by_rate(pairs, axes),
        p=intervals.sign_flip(apart.groupby(pairs["seed"]).agg(lambda seed: seed.to_numpy().mean())),
        pairs=len(pairs),
        only_a=len(ended) - len(both),
        only_b=len(other) - len(both),
        changed=tuple(one for one in ends if one.a != one.b),
        failed=tuple(one.trial for one in ends if "failed" in {one.a, one.b}),
    )


def differences(a: object, b: object, key: str = "") -> Iterator[Difference]:
    """Each place at which two nested values differ; lists of one length are compared entry by entry."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            yield from differences(a.get(name, NOT_SET), b.get(name, NOT_SET), f"{key}.{name}" if key else str(name))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{key}[{i}]")
    elif a != b:
        yield Difference(key, a, b)


def pair_trials(a: pd.DataFrame, b: pd.DataFrame, axes: Sequence[str], score: str) -> pd.DataFrame:
    """One row a trial that both have: `variant`, the axes, `learning_rate`, `seed`, and its scores `a` and `b`."""
    others = _keyed(b, axes)
    rows = [(*key, row[score], others[key][score]) for key, row in _keyed(a, axes).items() if key in others]
    return pd.DataFrame(rows, columns=["variant", *axes, "learning_rate", "seed", "a", "b"])


def by_rate(pairs: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """The table `Comparison.rates` of pairs."""
    keys = ["variant", *axes, "learning_rate"]
    rows = []
    for values, group in pairs.groupby(keys, sort=False, dropna=False):
        found = intervals.t_interval((group["b"] - group["a"]).tolist())
        means = group[["a", "b"]].mean(skipna=False)
        rows.append((*values, found.n, *means, found.mean, found.sd, found.low, found.high))
    return pd.DataFrame(rows, columns=[*keys, "n", "mean_a", "mean_b", "difference", "sd", "low", "high"])


def beyond_tolerance(found: Comparison, tolerance: float) -> list[str]:
    """What is past a tolerance, a line each: a larger or unknown mean paired difference, or a trial that failed.

    A failed trial is a fault without a score, so no tolerance covers one that is not in the means.

    Raises:
        ResultsError: the tolerance is no number of at least 0.
    """
    if not tolerance >= 0:
        raise ResultsError(f"--tolerance: {tolerance} is no tolerance, wanted a number of at least 0")
    lines = []
    for row in found.rates.to_dict("records"):
        distance = abs(row["difference"])
        if not (distance <= tolerance or math.isclose(distance, tolerance, rel_tol=1e-9)):  # what is missing, too
            axes = [f"{axis.rpartition('.')[2]}={format_value(row[axis])}" for axis in found.axes]
            place = " ".join([str(row["variant"]), *axes, f"lr={row['learning_rate']:g}"])
            lines.append(f"{place}: {row['difference']:+.4g}")
    return lines + [f"{name}: failed" for name in found.failed]


def _common_axes(a: Results, b: Results) -> list[str]:
    if set(a.axes) != set(b.axes):
        told = [f"{one.folder} sweeps {', '.join(one.axes) or 'the learning rate alone'}" for one in (a, b)]
        raise ResultsError(f"{' and '.join(told)}: wanted the same further axes in both")
    return a.axes


def _keyed(trials: pd.DataFrame, axes: Sequence[str]) -> dict[Key, dict[str, Any]]:
    """The rows of a table by what a trial is paired by; a missing axis value is None, which equals itself."""
    columns = ["variant", *axes, "learning_rate", "seed"]
    rows = trials.to_dict("records")
    return {tuple(None if row[c] != row[c] else row[c] for c in columns): row for row in rows}  # type: ignore[misc]


def _ends(both: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> list[OutcomePair]:
    names = query.trial_names(pd.DataFrame([a for a, _ in both]))
    ends = [[row["outcome"] or row["status"] for row in pair] for pair in both]
    return [OutcomePair(name, *pair) for name, pair in zip(names, ends, strict=True)]


def _why(a: Results, b: Results, axes: Sequence[str]) -> str:
    """Along which axis two results have no value in common."""
    for one in (a, b):
        if one.trials.empty:
            return f"no trial of {one.folder} has ended"
    for axis in ["variant", *axes, "learning_rate", "seed"]:
        values = [list(dict.fromkeys(one.trials[axis])) for one in (a, b)]
        if not set(values[0]) & set(values[1]):
            return f"no common {axis}: {_told(values[0])} in {a.folder}, {_told(values[1])} in {b.folder}"
    return "each value of an axis is in both somewhere, but nowhere together"


def _told(values: Sequence[Any]) -> str:
    texts = [f"{value:.12g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts[:MAX_LISTED]) + (f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else "")


def comparison_as_json(found: Comparison) -> str:
    """All of it as JSON; a number that is missing is null."""
    plain = {name: getattr(found, name) for name in ("score", "pairs", "only_a", "only_b")}
    plain["failed"] = list(found.failed)
    lists = {name: [vars(one) for one in getattr(found, name)] for name in ("changed", "settings", "environment")}
    numbers = {"p": None if math.isnan(found.p) else found.p, "rates": query.rows_as_dicts(found.rates)}
    return json.dumps(plain | numbers | lists, indent=1)
