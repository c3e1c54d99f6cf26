"""What the probes measured, a sentence for each of them, in one line."""

from collections.abc import Callable
from math import inf

import pandas as pd

from bnbench.analysis.probe_columns import DEAD
from bnbench.report.headline.facts import Facts, list_words
from bnbench.results.probed import at_common_rate, at_nearest_rate, probed_trials, probed_values

# The step of the line search that the line is about: the last one at which every trial looks.
STEP = 7
# A layer dies at a rate if it does so in this share of the seeds.
MOST = 0.5


def describe_probes(facts: Facts) -> list[str]:
    """Return one line about what was measured; none if nothing was, or if there are further axes."""
    if facts.results.axes:
        return []
    found: dict[str, Callable[[Facts, pd.DataFrame], str]] = {
        "first_steps": _deaths,
        "sharpness": _sharpness,
        "line_search": _line_search,
        "effective_rate": _growth,
        "predictiveness": _smoothness,
    }
    sentences = []
    for probe, describe in found.items():
        trials = probed_trials(facts.results, probe, 1)
        sentences += [describe(facts, trials)] if len(trials) else []
    return [" ".join(filter(None, sentences))] if any(sentences) else []


def _deaths(facts: Facts, trials: pd.DataFrame) -> str:
    """Say at which rate a layer dies in half of the seeds or more, the lowest such rate, and which layer dies first."""
    values = probed_values(facts.results, trials, ["batch_dead_share"])
    if values.empty:
        return ""
    dead = values[values["value"] >= DEAD].sort_values(["position", "value"], ascending=[True, False], kind="stable")
    first, steps = dead.drop_duplicates("trial"), int(values["position"].max())
    parts = [text for name in facts.names if (text := _first_death(facts, name, trials, first))]
    died = f"{DEAD:.0%} of the units of a layer died in the first {steps} steps"
    return f"The lowest rate at which {died} is {list_words(parts)}." if parts else f"At no rate {died}."


def _first_death(facts: Facts, name: str, trials: pd.DataFrame, first: pd.DataFrame) -> str:
    """Return `1 for plain (first in activation_2)`; empty if in no rate half of the seeds have a dead layer."""
    own, all_own = (table[table["variant"] == name] for table in (first, trials))
    share = own.groupby("learning_rate").size() / all_own.groupby("learning_rate").size()
    rates = share[share >= MOST].index
    if not len(rates):
        return ""
    layers = own.loc[own["learning_rate"] == rates.min(), "layer"].value_counts()
    return f"{facts.rate_text(rates.min())} for {name} (first in {layers.index[0]})"


def _sharpness(facts: Facts, trials: pd.DataFrame) -> str:
    values = probed_values(facts.results, at_nearest_rate(trials, []), ["sharpness_times_rate"])
    ends = _medians(facts, values[values["position"] == values["steps"]])
    return f"Learning rate times sharpness ended at {ends}, each at its best rate." if ends else ""


def _line_search(facts: Facts, trials: pd.DataFrame) -> str:
    values = probed_values(facts.results, at_nearest_rate(trials, []), ["line_first_worse"])
    values = values[values["position"] == STEP].fillna({"value": inf})
    if len(values) and (values["value"] == inf).all():
        return f"At step {STEP}, no length up to 1 along the gradient raised the loss."
    lengths = _medians(facts, values, none="none up to 1")
    return f"At step {STEP}, the first length along the gradient that raised the loss was {lengths}." if lengths else ""


def _growth(facts: Facts, trials: pd.DataFrame) -> str:
    values = probed_values(facts.results, at_nearest_rate(trials, []), ["kernel_norm"]).sort_values("position")
    ends = values.groupby(["variant", "trial", "layer"], sort=False)["value"].agg(["first", "last"])
    factors = (ends["last"] / ends["first"]).rename("value").reset_index()
    by_layer = factors.groupby(["variant", "layer"], sort=False)["value"].median().reset_index()
    grown = _medians(facts, by_layer.sort_values("value").drop_duplicates("variant", keep="last"))
    return f"The kernel that grew most grew by a factor of {grown}." if grown else ""


def _smoothness(facts: Facts, trials: pd.DataFrame) -> str:
    chosen = at_common_rate(facts.results, trials)
    medians = _medians(facts, probed_values(facts.results, chosen, ["effective_smoothness"]))
    if not medians:
        return ""
    rate = facts.rate_text(chosen["learning_rate"].iloc[0])
    return f"At rate {rate}, the effective smoothness over the training was {medians} (median)."


def _medians(facts: Facts, values: pd.DataFrame, none: str = "") -> str:
    """Return the median of each variant: `0.27 for plain and 1 for batchnorm`."""
    found = values.dropna(subset="value").groupby("variant")["value"].median()
    texts = {name: f"{found[name]:.2g}" if found[name] < inf else none for name in facts.names if name in found}
    return list_words([f"{text} for {name}" for name, text in texts.items() if text]) if any(texts.values()) else ""
