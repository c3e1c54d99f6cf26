"""What an experiment leaves open, and about how much it would take to close it."""

from collections.abc import Iterator
from math import isnan

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_count
from bnbench.analysis.sample_size import POWER, pairs_needed
from bnbench.analysis.verdicts import FEW, UNDECIDED
from bnbench.report.headline.comparison import MAX_COMPARED
from bnbench.report.headline.facts import Facts, Row, list_words

# A difference that takes more seeds than this is too small to be worth them.
MAX_SEEDS = 100


def list_open_questions(facts: Facts) -> list[str]:
    """Return sentences about what is not decided, for results with one setting."""
    if set(facts.names) == facts.dead:
        return ["Open: whether anything trains at a rate that was not tried, or with other settings."]
    if facts.baseline not in facts.names:
        return []
    open_rows = {name: row for name, row in facts.verdicts.items() if row["verdict"] in (UNDECIDED, FEW)}
    return [*_too_few_seeds(facts, open_rows), *_undecided(facts, open_rows), *_ends_of_the_grid(facts)]


def seeds_for(row: Row) -> str:
    """Return how many more seeds would show a difference as large as the one measured, as an estimate."""
    needed = pairs_needed(row["mean"], row["sd"] * row["widened"])
    if needed is None or needed - row["n"] > MAX_SEEDS:
        return f"more than {MAX_SEEDS} more seeds"
    return f"about {format_count(max(1, needed - row['n']), 'more seed')}"


def has_collapses(row: Row) -> bool:
    """Return True if pairs differ in which of their trainings collapse: the number of seeds cannot be estimated."""
    return bool(row["mixed"])


def _too_few_seeds(facts: Facts, rows: dict[str, Row]) -> Iterator[str]:
    if any(row["verdict"] == FEW for row in rows.values()):
        yield f"Open: which variant is better. {MIN_VALUES} seeds are enough for an interval, 6 for a test."
    elif not facts.others and facts.variants[facts.names[0]]["n"] < MIN_VALUES:
        yield f"Open: how much the score varies from seed to seed. {MIN_VALUES} seeds are enough for an interval."


def _undecided(facts: Facts, rows: dict[str, Row]) -> Iterator[str]:
    undecided = {name: row for name, row in rows.items() if row["verdict"] == UNDECIDED and name not in facts.ropes}
    if not undecided:
        return
    if len(undecided) > MAX_COMPARED:
        yield f"Open: {len(undecided)} of {len(facts.others)} comparisons with {facts.baseline}; they take more seeds."
        return
    text = (
        f"Open: whether {list_words(list(undecided), 'or')} {'is' if len(undecided) == 1 else 'are'} better than "
        f"{facts.baseline}."
    )
    counted = {name: row for name, row in undecided.items() if not has_collapses(row)}
    if counted:
        seeds = max(row["n"] for row in counted.values())
        needs = [f"{seeds_for(row)}{f' for {name}' if len(undecided) > 1 else ''}" for name, row in counted.items()]
        text += (
            f" If the true difference is as large as the measured one, {list_words(needs)} would show it with a "
            f"chance of {POWER:.0%}: an estimate from the spread over {format_count(seeds, 'seed')}."
        )
    if collapsing := [name for name in undecided if name not in counted]:
        named = f" of {list_words(collapsing)}" if len(undecided) > 1 else ""
        text += f" How many seeds would show a difference{named} is not known, because some trainings collapse."
    yield text


def _ends_of_the_grid(facts: Facts) -> Iterator[str]:
    """Say whose best rate or highest rate lies at an end of the grid."""
    if len(facts.rates) == 1:
        yield f"Open: all other learning rates; only {facts.rate_text(facts.rates[0])} was tried."
        return
    last = facts.rates[-1]
    names = [name for name in facts.names if name not in facts.dead and facts.well[name]["trains_to"] == last]
    if names:
        named = list_words(names, "and") if len(names) <= MAX_COMPARED else f"{len(names)} variants"
        verb = "trains" if len(names) == 1 else "train"
        yield f"Open: up to which rate {named} {verb}; the highest tried, {facts.rate_text(last)}, still does."
    lowest = [name for name in facts.names if name not in facts.dead and _best_is(facts, name, facts.rates[0])]
    if lowest:
        named = list_words(lowest, "and") if len(lowest) <= MAX_COMPARED else f"{len(lowest)} variants"
        does = "does" if len(lowest) == 1 else "do"
        yield f"Open: whether {named} {does} better below the lowest rate tried, {facts.rate_text(facts.rates[0])}."


def _best_is(facts: Facts, name: str, rate: float) -> bool:
    row = facts.variants[name]
    return bool(row["best_rate"] == rate and not isnan(row["test_score_mean"]) and row["validation_score_mean"] < 1)
