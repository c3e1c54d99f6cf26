"""Made-up times of pairs of programs, for tests that compile none."""

from collections.abc import Iterator, Sequence

from bnbench.planning.step_pairs import ROUNDS
from bnbench.planning.step_times import StepTimes, TimedPair


def made_up_times(pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
    """Yield that the second program of each pair takes twice as long as the first, in every round."""
    for pair in pairs:
        rounds = ((0.1, 0.2),) * ROUNDS
        yield StepTimes(*pair.key, pair.learning_rate, pair.seed, pair.steps, "processor", rounds)
