"""The rates at which seeds are judged -> the words for them in the reason of a verdict."""

from collections.abc import Collection

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import RateFormat
from bnbench.analysis.leave_one_out import SAME_SEEDS, list_rates
from bnbench.analysis.per_seed import PerSeedScores


def note_rates(own: PerSeedScores, other: PerSeedScores, n: int, rate_text: RateFormat) -> str:
    """Say at which rates the seeds of one variant, or of two, are judged.

    Args:
        own, other: the scores; the same ones if a claim is about one variant.
        n: the number of seeds that count.
        rate_text: writes the rates of the grid.
    """
    if own.widening(n, other) > 1:
        sides = list(dict.fromkeys(list_judged(one.rates.values(), rate_text) for one in (own, other)))
        wide = f"the interval is {own.widening(n, other):.2f} times as wide for it"
        return f"each seed at the best rate of the others: {' against '.join(sides)}; {wide}"
    # Seeds that agree are judged at one rate, which may be another than the best one of a seed without its pair.
    rates = [next(iter(one.rates.values()), one.rate) for one in (own, other)]
    text = f"at rate {rate_text(rates[0])}" + (f" against {rate_text(rates[1])}" if rates[0] != rates[1] else "")
    picked = bool(own.rates) and len(rate_text.texts) > 1 and n < MIN_VALUES
    return f"{text}, {SAME_SEEDS}" if picked else text


def list_judged(rates: Collection[float], rate_text: RateFormat) -> str:
    """Return rates with the number of seeds at each: `0.1 (4 seeds) and 0.3 (1 seed)`; the rate alone if it is one."""
    listed = list_rates(rates)
    if len(listed) == 1:
        return rate_text(listed[0][0])
    return " and ".join(f"{rate_text(rate)} ({count} seed{'' if count == 1 else 's'})" for rate, count in listed)
