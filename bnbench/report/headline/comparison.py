"""Which variant is better, each at its own best rate, and how sure that is."""

from collections.abc import Callable, Iterator
from math import isnan

from bnbench.analysis.labels import (
    format_count,
    format_p,
    format_percent,
    format_percents,
    format_points,
    format_points_range,
)
from bnbench.analysis.verdicts import BETTER, FEW, NEITHER, NO_PAIR, SAME, UNDECIDED, WORSE
from bnbench.report.headline.facts import Facts, Row, list_words
from bnbench.results.measures import format_rope

# With more variants than this next to the baseline, there is one sentence about all of them, and a ranked table.
MAX_COMPARED = 4
AT_BEST = "each at its own best rate"


def compare_variants(facts: Facts) -> list[str]:
    """Return sentences about which variant is better than the baseline, the best one first."""
    if set(facts.names) == facts.dead:
        named = list_words(facts.names[: MAX_COMPARED + 1], "or")
        further = len(facts.names) - MAX_COMPARED - 1
        named = f"any of {len(facts.names)} variants" if further > 0 else named
        tried = f"{facts.rate_text(facts.rates[0])} to {facts.rate_text(facts.rates[-1])}"
        rates = f"any rate tried ({tried})" if len(facts.rates) > 1 else f"the only rate tried, {tried.split()[0]}"
        return [f"Nothing trains: no trial of {named} does better than chance at {rates}."]
    if not facts.others:
        return [_alone(facts, facts.names[0])]
    if facts.baseline not in facts.names:
        scores = "; ".join(f"{name} {score_at_best(facts, name)}" for name in facts.names)
        return [
            f"No trial of {facts.baseline or 'a baseline'} has finished, so there is nothing to compare with. At its "
            f"own best rate each reaches, in {facts.score}: {scores}."
        ]
    if len(facts.others) > MAX_COMPARED:
        return [_many(facts)]
    return [_compare(facts, name, first=not i) for i, name in enumerate(ranked(facts.others, facts))]


def ranked(names: list[str], facts: Facts) -> list[str]:
    """Return variants by their mean score at the best rate, the highest first.

    Each seed is judged at the best rate of the other seeds.
    """
    return sorted(names, key=lambda name: -facts.variants[name]["judged_mean"])


def score_at_best(facts: Facts, name: str) -> str:
    """Return a score with its interval and what went wrong: `97.9% (97.4 to 98.5%; 1 of 3 diverged)`."""
    if name in facts.dead:
        return "chance (it trains at no rate)"
    row, cell = facts.variants[name], facts.at_best[name]
    low, high = row["judged_low"], row["judged_high"]
    notes = [
        "" if isnan(low) else f"95% interval {format_percents(low, high)}",
        f"{cell['n_diverged']} of {cell['n']} diverged, counted at chance" if cell["n_diverged"] else "",
        f"{cell['n_chance']} of {cell['n']} at chance" if cell["n_chance"] else "",
    ]
    noted = "; ".join(filter(None, notes))
    return format_percent(row["judged_mean"]) + (f" ({noted})" if noted else "")


def _alone(facts: Facts, name: str) -> str:
    seeds, rate = format_count(facts.variants[name]["n"], "seed"), facts.rate_text(facts.variants[name]["best_rate"])
    which = "the only rate tried" if len(facts.rates) == 1 else "its best rate"
    return f"{name} reaches a {facts.score} of {score_at_best(facts, name)} at {which}, {rate}, with {seeds}."


def _compare(facts: Facts, name: str, first: bool) -> str:
    row = facts.verdicts[name]
    if row["verdict"] in (NEITHER, NO_PAIR):
        return _WITHOUT_SCORES[row["verdict"]](facts, name)
    if not row["baseline_trains"] or not row["trains"]:
        return _one_trains(facts, name, row)
    scores = f"{_short_score(facts, name)} against {_short_score(facts, facts.baseline)}"
    scores += f" {facts.score}, {AT_BEST}" if first else ""
    counts = [int(facts.variants[one]["judged_n"]) for one in (name, facts.baseline)]
    if counts != [row["n"]] * 2:
        scores += f" (means over all finished seeds: {counts[0]} of {name}, {counts[1]} of {facts.baseline})"
    pairs = format_count(row["n"], "paired seed")
    # "Worse by 6 points" has an interval without signs, too.
    bounds = (-row["high"], -row["low"]) if row["verdict"] == WORSE else (row["low"], row["high"])
    rope = f"rope {format_rope(facts.ropes[name], 'test_score')}; " if name in facts.ropes else ""
    interval = "" if isnan(row["low"]) else f"{rope}95% interval {format_points_range(*bounds)}, "
    p = "" if isnan(row["p"]) else f", {format_p(row['p'])}"
    size = f"{abs(100 * row['mean']):.1f} points{', too little to matter' if rope else ''}"
    base = facts.baseline
    texts = {
        BETTER: f"{name} is better than {base} by {size} ({interval}{pairs}{p}): {scores}.",
        WORSE: f"{name} is worse than {base} by {size} ({interval}{pairs}{p}): {scores}.",
        UNDECIDED: f"{_undecided(facts, name)}: {scores}, a difference of {format_points(row['mean'])} points "
        f"({interval}{pairs}{p}).",
        FEW: f"{name} and {base} cannot be told apart with {pairs}: {scores}, a difference of "
        f"{format_points(row['mean'])} points without an interval.",
        SAME: _same(facts, name, row, scores),
    }
    return texts[row["verdict"]]


def _undecided(facts: Facts, name: str) -> str:
    if name in facts.ropes:
        return f"{name} and {facts.baseline} show no relevant difference"
    return f"{name} is not shown to be better or worse than {facts.baseline}"


def _same(facts: Facts, name: str, row: Row, scores: str) -> str:
    pairs = format_count(row["n"], "paired seed")
    if row["mean"] == 0:
        own = f"{_short_score(facts, name)} {facts.score}, {AT_BEST}"
        return f"{name} and {facts.baseline} have exactly the same score at each of {pairs}: {own}."
    return (
        f"{name} differs from {facts.baseline} by {format_points(row['mean'])} points at each of {pairs}, so there is "
        f"no interval: {scores}."
    )


def _short_score(facts: Facts, name: str) -> str:
    """Return a score without its interval, because the interval of the difference follows; diverged trials are named.

    The ranked table has the interval.
    """
    cell = facts.at_best[name]
    bad = [f"{cell[key]} of {cell['n']} {word}" for key, word in (("n_diverged", "diverged"), ("n_chance", "at chance"))
           if cell[key]]  # fmt: skip
    return format_percent(facts.variants[name]["judged_mean"]) + (f" ({', '.join(bad)})" if bad else "")


def _one_trains(facts: Facts, name: str, row: Row) -> str:
    alive, dead = (name, facts.baseline) if row["trains"] else (facts.baseline, name)
    rate = facts.rate_text(facts.variants[alive]["best_rate"])
    return (
        f"{alive} trains and {dead} does not: {dead} does better than chance at no rate, {alive} reaches a "
        f"{facts.score} of {score_at_best(facts, alive)} at its best rate, {rate}."
    )


_WITHOUT_SCORES: dict[str, Callable[[Facts, str], str]] = {
    NEITHER: lambda facts, name: f"Neither {name} nor {facts.baseline} trains at any rate.",
    NO_PAIR: lambda facts, name: (
        f"{name} and {facts.baseline} cannot be compared yet: no seed has finished at the best rates of both."
    ),
}


def _many(facts: Facts) -> str:
    """Return one sentence about many variants: how many are better and worse, and the best of them."""
    rows = [facts.verdicts[name] for name in facts.others]
    known = sum(row["verdict"] in (BETTER, WORSE, UNDECIDED) for row in rows)
    counts = list_words(list(_counts(rows)))
    best = ranked(facts.names, facts)[0]
    top = f"The highest {facts.score} is that of {best}, {score_at_best(facts, best)}"
    row = facts.verdicts.get(best)
    if row and not isnan(row["mean"]):
        interval = "" if isnan(row["low"]) else f" (95% interval {format_points_range(row['low'], row['high'])})"
        top += f", {format_points(row['mean'])} points over {facts.baseline}{interval}"
    luck = " By chance alone about 1 interval in 20 excludes 0." if known else ""
    return f"Of {len(rows)} variants compared with {facts.baseline}, {AT_BEST}, {counts}.{luck} {top}."


def _counts(rows: list[Row]) -> Iterator[str]:
    words = {
        BETTER: ("is better", "are better"),
        WORSE: ("is worse", "are worse"),
        UNDECIDED: ("is not shown to be either", "are not shown to be either"),
    }
    left = len(rows)
    for verdict, (one, several) in words.items():
        count = sum(row["verdict"] == verdict for row in rows)
        left -= count
        if count:
            yield f"{count} {one if count == 1 else several}"
    if left:
        yield f"{left} cannot be judged"
