"""What a budget of time has left out, and what it suffices for, in lines of text."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bnbench.analysis.labels import format_axes, format_count, format_duration
from bnbench.cli.times import format_time

if TYPE_CHECKING:
    from bnbench.commands.affordable import BudgetOverview, Spread
    from bnbench.execution.budget import Budget
    from bnbench.planning.affordable import Affordable

# The maximum number of comparisons in a line.
MAX_COMPARISONS = 4


def describe_end(budget: "Budget") -> str:
    """Return until when trials train, by the clock on the wall. What the progress says is left may be more."""
    end = datetime.now().astimezone() + timedelta(seconds=budget.left)
    day = "" if end.date() == datetime.now().astimezone().date() else f"{end:%Y-%m-%d} "
    return f"no trial starts that would probably end after {day}{end:%H:%M:%S}"


def format_left(budget: "Budget", again: str) -> str:
    """Return how many trials have not been started, and what continues.

    Args:
        budget: has left out at least one trial.
        again: what continues, in words.
    """
    count, limit = format_count(budget.not_started, "trial"), format_duration(budget.seconds)
    if budget.ended:
        verb = "was" if budget.not_started == 1 else "were"
        return f"{count} {verb} not started, because {limit} is not enough for more; {again} continues:"
    # Some more than the estimate, so that the next attempt does not miss by a second.
    enough = format_time(1.2 * budget.wanted)
    return (
        f"None of {count} was started, because {limit} is not enough: with loading and the report, the shortest takes "
        f"about {format_duration(budget.wanted)}. With more time, such as --budget {enough}, {again} continues:"
    )


def format_affordable(found: "BudgetOverview") -> str:
    """Return what a time suffices for: seeds of the whole grid, or fewer rates, and the differences that they show."""
    time, known = format_duration(found.seconds), found.affordable
    if known is None:
        return f"What {time} is enough for is unknown, because Keras has to count the weights of a model."
    on = f" on {format_count(known.workers, 'worker')}" if known.workers > 1 else ""
    choices = [f"  {text}{_shown(found, seeds)}" for text, seeds in _choices(known, found.more_seeds)]
    lines = [f"{time}{on} is enough for", *choices] if choices else [_too_short(time, on, known)]
    if choices and found.compares:
        lines.append(_spread(found.spreads))
    return "\n".join(lines)


def _choices(known: "Affordable", more_seeds: str) -> Iterator[tuple[str, int]]:
    """Yield in words what can be trained, with its number of seeds."""
    grid = format_count(known.planned_rates, "rate")
    if known.needed <= known.seconds:
        left = "" if known.needed else " (nothing is left to train)"
        yield f"the whole sweep, {grid} and {format_count(known.planned_seeds, 'seed')}{left}", known.planned_seeds
        if more_seeds:
            yield f"all {grid} with {known.seeds:,} seeds ({more_seeds})", known.seeds
        return
    if known.seeds:
        yield f"all {grid} with {known.seeds} of {format_count(known.planned_seeds, 'seed')}", known.seeds
    if known.rates:
        of = f"{len(known.rates)} of {grid} (-o 'sweep.learning_rate={_as_setting(known.rates)}')"
        yield f"{of} with all {format_count(known.planned_seeds, 'seed')}", known.planned_seeds


def _too_short(time: str, on: str, known: "Affordable") -> str:
    """Return that not even one seed, or three rates with all seeds, can be trained."""
    needed = format_duration(known.seed_seconds)
    return (
        f"{time}{on} is not enough for a seed of all {format_count(known.planned_rates, 'rate')}, which takes about "
        f"{needed} with loading and the report, nor for all seeds at fewer rates"
    )


def _as_setting(rates: Sequence[float]) -> str:
    """Return rates as a setting: as a range, if it has the same rates."""
    from bnbench.config.log_spaced import log_spaced

    if log_spaced(rates[0], rates[-1], len(rates)) == list(rates):
        return f"{{from: {rates[0]!r}, to: {rates[-1]!r}, points: {len(rates)}}}"
    return f"[{', '.join(map(repr, rates))}]"


def _shown(found: "BudgetOverview", seeds: int) -> str:
    """Return which differences so many seeds show; empty without variants to compare."""
    from bnbench.analysis.intervals import MIN_VALUES
    from bnbench.commands.affordable import shown_difference

    if not found.compares:
        return ""
    sds = shown_difference(seeds)
    if sds is None:
        return f"; an interval needs {MIN_VALUES} seeds"
    spreads = found.spreads
    if not spreads:
        differences = f"{sds:.2g} SD"
    elif len(spreads) > MAX_COMPARISONS:
        low, high = (bound(sds * one.sd for one in spreads) for bound in (min, max))
        differences = f"{_digits(low)} to {_points(high)}"
    else:
        differences = ", ".join(f"{_points(sds * one.sd)}{_whose(one, spreads)}" for one in spreads)
    return f": true differences of {differences} are shown four times in five"


def _whose(one: "Spread", spreads: Sequence["Spread"]) -> str:
    return f" ({_name(one)})" if len(spreads) > 1 else ""


def _name(one: "Spread") -> str:
    return ", ".join(filter(None, (one.variant, format_axes(one.place, list(one.place)))))


def _spread(spreads: Sequence["Spread"]) -> str:
    """Return where the spread of the differences is known from."""
    if not spreads:
        return "The SD of the differences between variants is unknown until three seeds have been trained."
    if len(spreads) > MAX_COMPARISONS:
        return f"The SDs of the {len(spreads)} differences are those of the seeds that have been trained."
    known = (
        f"{_points(one.sd)} (probably {_digits(one.least)} to {_digits(one.most)}) from "
        f"{format_count(one.n, 'seed')}{_whose(one, spreads)}"
        for one in spreads
    )
    return f"SD of the differences: {', '.join(known)}."


def _points(share: float) -> str:
    """Return a difference in points with two digits that count: `0.72 points`."""
    text = _digits(share)
    return f"{text} point" if text == "1" else f"{text} points"


def _digits(share: float) -> str:
    return f"{100 * share:.2g}" if abs(share) < 0.1 else f"{100 * share:.0f}"
