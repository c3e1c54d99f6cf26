"""Two results folders -> what differs: settings, environment, and the scores of the trials that both have."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bnbench.analysis import intervals
from bnbench.analysis.columns import MEASURES, OUTCOMES, column_names, current_name
from bnbench.analysis.labels import RateFormat, axis_name, format_setting
from bnbench.errors import ResultsError, not_one_of, shorten_name
from bnbench.planning.machine import kind_differences
from bnbench.planning.plan import NAME_DIGITS
from bnbench.results import query
from bnbench.results.recorded import RecordedTrials, open_for_comparison
from bnbench.results.results import Results
from bnbench.store import results_dir

NOT_SET = "not set"
# The maximum number of values of an axis in a message.
MAX_LISTED = 10
# Variant, further axes, learning rate, seed.
Key = tuple[Any, ...]
Compared = Results | RecordedTrials
# Columns of a trial that differ between two trainings with the same bits.
OF_A_RUN = {"seconds", "seconds_per_step", "engine", "worker"}


@dataclass(frozen=True)
class Difference:
    """One key with different values in A and B, by its dotted name.

    The value is NOT_SET if a folder has no such key.
    """

    key: str
    a: object
    b: object


@dataclass(frozen=True)
class OutcomePair:
    """The outcome of one trial in A and in B: ok, chance, blown, nonfinite, failed.

    Attributes:
        trial: its readable name.
    """

    trial: str
    a: str
    b: str


@dataclass(frozen=True)
class Comparison:
    """What differs between two results folders, A and B.

    Attributes:
        score: the column that is compared.
        score_name: accuracy or R².
        axes: the further axes of both.
        settings: differences of the resolved experiments.
        environment: differences of the last runs that trained.
        rates: one row per variant, axis value and learning rate: `n` pairs, `mean_a`, `mean_b`, and of B - A the mean
            `difference`, its `sd` (ddof 1) and 95% t interval `low` to `high` (missing below n = 3).
        p: of the sign-flip test over the mean difference of each seed, as pairs of one seed are not independent; NaN
            below 6 seeds.
        pairs: number of trials that have a score in both.
        equal: of the trials that both have finished, the number with the same bits in every column but those of time
            and place.
        common: the number of trials that both have finished.
        only_a, only_b: number of trials that only one of them has.
        outside_a, outside_b: number of stored trials outside the plan of each; they are not compared.
        changed: the trials whose outcome differs.
        machines: that the two come from other kinds of machines, as a sentence; empty if not, or if it is unknown.
        failed: the names of the trials that failed in at least one of them, and so have no score to compare.
    """

    score: str
    score_name: str
    axes: tuple[str, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    rates: pd.DataFrame
    p: float
    pairs: int
    equal: int
    common: int
    only_a: int
    only_b: int
    outside_a: int
    outside_b: int
    changed: tuple[OutcomePair, ...]
    failed: tuple[str, ...]
    machines: str = ""


def compare_results(a: Path, b: Path, score: str) -> Comparison:
    """Return what differs from A to B, with trials paired by variant, further axes, learning rate and seed.

    A folder without its database is compared by its trials.csv. Diverged trials count as in `scored_trials`; `score` is
    one of `columns.MEASURES`.

    Raises:
        ResultsError: A is B, one holds no results, no trial is in both, or their scores are of two kinds.
    """
    if a.resolve() == b.resolve():
        raise ResultsError(f"{a} and {b} are one folder: wanted two")
    score = current_name(score, "--score")
    if score not in MEASURES:
        raise ResultsError(f"--score: {not_one_of(score, MEASURES)}")
    first, second = open_for_comparison(a), open_for_comparison(b)
    axes = _common_axes(first, second)
    _check_scores(first, second)
    ended, other = _keyed(first.trials, axes), _keyed(second.trials, axes)
    both = [key for key in ended if key in other]
    if not both:
        raise ResultsError(f"{a} and {b} have no trial in common: {_why(first, second, axes)}")
    ends = _ends([(ended[key], other[key]) for key in both])
    finished = [key for key, one in zip(both, ends, strict=True) if "failed" not in {one.a, one.b}]
    pairs = pair_trials(first.scored_trials, second.scored_trials, axes, score)
    # A distance is missing if a loss on the test part is not finite.
    distances = pairs["b"] - pairs["a"]
    return Comparison(
        score=score,
        score_name=first.score_name,
        axes=tuple(axes),
        settings=tuple(differences(results_dir.read_settings(a)[0], results_dir.read_settings(b)[0])),
        environment=tuple(differences(results_dir.read_environment(a), results_dir.read_environment(b))),
        rates=by_rate(pairs, axes),
        p=intervals.sign_flip(distances.groupby(pairs["seed"]).agg(lambda seed: seed.to_numpy().mean())),
        pairs=len(pairs),
        equal=sum(_same_bits(ended[key], other[key]) for key in finished),
        common=len(finished),
        only_a=len(ended) - len(both),
        only_b=len(other) - len(both),
        outside_a=len(first.outside),
        outside_b=len(second.outside),
        changed=tuple(one for one in ends if one.a != one.b),
        failed=tuple(one.trial for one in ends if "failed" in {one.a, one.b}),
        machines=_other_machines(first, second),
    )


def differences(a: object, b: object, key: str = "") -> Iterator[Difference]:
    """Yield each key at which two nested values differ; lists of one length are compared entry by entry."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for name in dict.fromkeys([*a, *b]):
            yield from differences(
                a.get(name, NOT_SET), b.get(name, NOT_SET), f"{key}.{shorten_name(str(name))}".lstrip(".")
            )
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{key}[{i}]")
    elif a != b:
        yield Difference(key, a, b)


def pair_trials(a: pd.DataFrame, b: pd.DataFrame, axes: Sequence[str], score: str) -> pd.DataFrame:
    """Return one row per trial that both have: `variant`, the axes, `learning_rate`, `seed`, its scores `a` and `b`."""
    others = _keyed(b, axes)
    rows = [(*key, row[score], others[key][score]) for key, row in _keyed(a, axes).items() if key in others]
    return pd.DataFrame(rows, columns=["variant", *axes, "learning_rate", "seed", "a", "b"])


def by_rate(pairs: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Return the table `Comparison.rates` of some pairs."""
    keys = ["variant", *axes, "learning_rate"]
    rows = []
    for values, group in pairs.groupby(keys, sort=False, dropna=False):
        interval = intervals.t_interval((group["b"] - group["a"]).tolist())
        means = group[["a", "b"]].mean(skipna=False)
        rows.append((*values, interval.n, *means, interval.mean, interval.sd, interval.low, interval.high))
    return pd.DataFrame(rows, columns=[*keys, "n", "mean_a", "mean_b", "difference", "sd", "low", "high"])


def beyond_tolerance(comparison: Comparison, tolerance: float) -> list[str]:
    """Return a line for each mean difference that is larger than a tolerance or unknown, and for each failed trial.

    A failed trial is a fault without a score. It is in no mean, so no tolerance covers it.

    Raises:
        ResultsError: the tolerance is not a number of at least 0.
    """
    if not tolerance >= 0:
        raise ResultsError(f"--tolerance: {tolerance} is no tolerance: wanted a number of at least 0")
    lines, rate_text = [], RateFormat(comparison.rates["learning_rate"], digits=NAME_DIGITS)
    for row in comparison.rates.to_dict("records"):
        distance = abs(row["difference"])
        # A missing difference is NaN, for which both are false.
        if not (distance <= tolerance or math.isclose(distance, tolerance, rel_tol=1e-9)):
            axes = [f"{axis_name(axis)}={format_setting(row[axis])}" for axis in comparison.axes]
            place = " ".join([str(row["variant"]), *axes, f"lr={rate_text(row['learning_rate'])}"])
            lines.append(f"{place}: {row['difference']:+.4g}")
    return lines + [f"{name}: failed" for name in comparison.failed]


def _same_bits(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Return whether two rows of trials.csv have the same outcome in all columns that both have; missing is a value."""
    names = [name for name in column_names(OUTCOMES) if name not in OF_A_RUN and name in a and name in b]
    # A missing text is empty in trials.csv.
    return all(a[name] == b[name] or all(pd.isna(one[name]) or one[name] == "" for one in (a, b)) for name in names)


def _other_machines(a: Compared, b: Compared) -> str:
    """Return what differs between the kinds of machines that trained most trials of each; empty if nothing is known."""
    kinds = [max(one.machine_kinds, key=one.machine_kinds.__getitem__, default=None) for one in (a, b)]
    if None in kinds or not (differences := kind_differences(kinds[0], kinds[1])):  # type: ignore[arg-type]
        return ""
    text = differences.replace(" there", " in A").replace(" here", " in B")
    return f"A and B were trained on other kinds of machines, whose last bits differ: {text}"


def _common_axes(a: Compared, b: Compared) -> list[str]:
    if set(a.axes) != set(b.axes):
        swept = [f"{one.folder} sweeps {', '.join(one.axes) or 'the learning rate alone'}" for one in (a, b)]
        raise ResultsError(f"{' and '.join(swept)}: wanted the same further axes in both")
    return a.axes


def _check_scores(a: Compared, b: Compared) -> None:
    """Refuse to compare an accuracy with an R²; results without trials have neither."""
    if len(a.trials) and len(b.trials) and a.score_name != b.score_name:
        raise ResultsError(
            f"the scores of {a.folder} are {a.score_name} and those of {b.folder} are {b.score_name}: "
            "wanted scores of one kind"
        )


def _keyed(trials: pd.DataFrame, axes: Sequence[str]) -> dict[Key, dict[str, Any]]:
    """Return the rows of a table by the key that pairs trials; a missing axis value is None, which equals itself."""
    columns = ["variant", *axes, "learning_rate", "seed"]
    rows = trials.to_dict("records")
    return {tuple(None if row[c] != row[c] else row[c] for c in columns): row for row in rows}  # type: ignore[misc]


def _ends(both: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> list[OutcomePair]:
    names = query.trial_names(pd.DataFrame([a for a, _ in both]))
    ends = [[row["outcome"] or row["status"] for row in pair] for pair in both]
    return [OutcomePair(name, *pair) for name, pair in zip(names, ends, strict=True)]


def _why(a: Compared, b: Compared, axes: Sequence[str]) -> str:
    """Return along which axis two results have no value in common."""
    for one in (a, b):
        if one.trials.empty:
            return f"no trial of {one.folder} has finished"
    for axis in ["variant", *axes, "learning_rate", "seed"]:
        values = [list(dict.fromkeys(one.trials[axis])) for one in (a, b)]
        if not set(values[0]) & set(values[1]):
            return f"no common {axis}: {_listed(values[0])} in {a.folder}, {_listed(values[1])} in {b.folder}"
    return "both have every value of each axis, but not in one trial"


def _listed(values: Sequence[Any]) -> str:
    texts = [f"{value:.12g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(texts[:MAX_LISTED]) + (f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else "")


def comparison_as_json(comparison: Comparison) -> str:
    """Return the whole comparison as JSON; a missing number is null."""
    names = ("score", "score_name", "pairs", "equal", "common", "only_a", "only_b", "outside_a", "outside_b")
    plain = {name: getattr(comparison, name) for name in names}
    plain |= {"failed": list(comparison.failed), "machines": comparison.machines}
    lists = {name: [vars(one) for one in getattr(comparison, name)] for name in ("changed", "settings", "environment")}
    p = None if math.isnan(comparison.p) else comparison.p
    numbers = {"p": p, "rates": query.rows_as_dicts(comparison.rates)}
    return json.dumps(plain | numbers | lists, indent=1)
