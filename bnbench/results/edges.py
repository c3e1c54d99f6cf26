"""Edges of variants -> what is known about a claim, a published value or the headline."""

import math

import pandas as pd

from bnbench.analysis.cells import Cells
from bnbench.analysis.edge import HALF, EdgePosterior, edge_ratio, place_edges
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.results.findings import Finding, find_share_between

METRIC = "edge"
MEANINGS = {
    HALF: "a training trains if its score is at least halfway from chance to the best mean",
    "ok": "a training trains if its outcome is ok",
}
OPEN = "open where no training bounds it"


def find_edge(kind: str, trials: pd.DataFrame, of: str, over: str, trains: str = HALF) -> Finding:
    """Return what is known about the edge of a variant, or about two edges compared.

    Args:
        kind: `value`, `ratio`, or `probability`: the share of seeds at which the edge of the first is higher.
        trials: of all variants at one value of the further axes.
        of, over: the variants; `over` is not used for a value.
        trains: as for `place_edges`.
    """
    places = Cells(trials).places
    posteriors = place_edges(places[0], trains) if places else {}
    missing = [name for name in dict.fromkeys([of, over]) if name and name not in posteriors]
    if missing:
        return Finding().noted(f"no trial of {missing[0]} has finished")
    own = posteriors[of]
    other = posteriors[over] if kind != "value" else own
    if kind == "probability":
        return find_higher_edges(own, other).noted(MEANINGS[trains])
    n = min(len(own.outcomes), len(other.outcomes))
    if n < MIN_VALUES:
        return Finding(n=n).noted(f"needs {MIN_VALUES} seeds for an interval, has {n}")
    edges = own.edge(), other.edge()
    numbers = edges[0].rates if kind == "value" else edge_ratio(*edges)
    is_open = any(math.isinf(end) for edge in edges for end in (edge.low, edge.high))
    return Finding(*numbers, n).noted(MEANINGS[trains], OPEN if is_open else "")


def find_higher_edges(own: EdgePosterior, other: EdgePosterior) -> Finding:
    """Return the share of seeds that train with one variant at a rate at which they fail with the other.

    The interval allows for both outcomes of a seed that the rates do not tell apart.
    """
    pairs = [(own.by_seed[seed], other.by_seed[seed]) for seed in own.by_seed.keys() & other.by_seed.keys()]
    wins = sum(a.trained >= b.failed for a, b in pairs)
    losses = sum(b.trained >= a.failed for a, b in pairs)
    return find_share_between(wins, len(pairs) - losses, len(pairs))
