"""Refuses a sweep that is too large, from the lengths of its axes and before anything is built."""

from collections.abc import Mapping
from math import prod

from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError
from bnbench.location import Location

# A plan of a million trials takes about a second and hardly more memory than a small one (docs/performance.md).
MAX_TRIALS = 1_000_000
# Each variant at each point of the grid is checked and compiled on its own. A plan of ten thousand takes seconds; to
# compile them takes hours.
MAX_PROGRAMS = 10_000


def check_size(experiment: Experiment, where: Location) -> None:
    """Raise if a sweep has too many programs (variants at points of the grid) or too many trials.

    Raises:
        ConfigError: the message has the length of each axis, and how to make the sweep smaller.
    """
    sweep = experiment.sweep
    programs = {"variants": len(experiment.variants), **{key: len(values) for key, values in sweep.grid.items()}}
    trials = {**programs, "learning rates": len(sweep.rates()), "seeds": len(sweep.seed_list())}
    if prod(programs.values()) > MAX_PROGRAMS:
        reason = f", each compiled on its own: wanted at most {MAX_PROGRAMS:,}"
        raise ConfigError(where / "sweep" / "grid", f"{_product(programs)} programs{reason}{_advice(programs)}")
    if prod(trials.values()) > MAX_TRIALS:
        reason = f": wanted at most {MAX_TRIALS:,}"
        raise ConfigError(where / "sweep", f"{_product(trials)} trials{reason}{_advice(trials)}")


def _product(lengths: Mapping[str, int]) -> str:
    """Return for example `2 variants x 500 learning rates x 1,001 seeds = 1,001,000`."""
    return " x ".join(f"{length:,} {name}" for name, length in lengths.items()) + f" = {prod(lengths.values()):,}"


def _advice(lengths: Mapping[str, int]) -> str:
    longest = max(lengths, key=lambda name: lengths[name])
    return f"; take fewer values ({longest} has {lengths[longest]:,}), or split the experiment into several files"
