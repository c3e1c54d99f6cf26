"""Whether an experiment can be an adaptive design: refused before anything is trained."""

from collections.abc import Iterator
from math import prod

from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.planning.seed_claims import seed_claims

# A design decides each combination of values of the further axes by itself, with dozens of trainings.
MAX_PLACES = 20


def check_design(experiment: Experiment, where: Location) -> None:
    """Raise if an adaptive design asks for something that it cannot find.

    Raises:
        ConfigError: there are too many values of further axes, no range of rates to search, nothing to choose from, or
            no claim to judge.
    """
    if experiment.sweep.adaptive is None:
        return
    for key, problem in _problems(experiment):
        raise ConfigError(where / "sweep" / "adaptive" / key if key else where / "sweep" / "adaptive", problem)


def _problems(experiment: Experiment) -> Iterator[tuple[str, str]]:
    sweep = experiment.sweep
    adaptive, rates = sweep.adaptive, sweep.rates()
    places = prod(len(values) for values in sweep.grid.values())
    if places > MAX_PLACES:
        yield (
            "",
            f"each of the {places:,} combinations of sweep.grid is a design of its own, with dozens of trainings: "
            f"wanted at most {MAX_PLACES}; take fewer values, or leave adaptive out",
        )
    if adaptive and len(rates) < 2 and (adaptive.edge or adaptive.best):
        key = "edge" if adaptive.edge else "best"
        yield key, "sweep.learning_rate has one rate: wanted a range in which to search, such as {from: 1e-3, to: 10}"
    if adaptive and adaptive.seeds and not seed_claims(experiment):
        yield "seeds", "there is one variant and no claim about its scores, so nothing can be decided: add one of them"
