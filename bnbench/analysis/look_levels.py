"""At which numbers of seeds a claim is looked at, and how wide each interval must be. Imports nothing large."""

import math

# Numbers of seeds at which the interval is looked at.
LOOKS = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
# N, the largest number of seeds, fixed beforehand -> k: the two-sided level at a look of n seeds is k sqrt(n / N). This
# makes 95% or 90% for all looks together. `benchmarks/sequential.py` simulates the constants.
CONSTANTS = {
    0.95: {5: 0.0254, 8: 0.0189, 10: 0.0172, 12: 0.0159, 15: 0.0149, 20: 0.0143, 30: 0.0133, 50: 0.0128},
    0.90: {5: 0.0546, 8: 0.0417, 10: 0.0380, 12: 0.0354, 15: 0.0334, 20: 0.0320, 30: 0.0297, 50: 0.0284},
}
MOST_SEEDS = tuple(CONSTANTS[0.95])
DEFAULT_MOST = 30


def looks_up_to(most: int) -> list[int]:
    """Return the numbers of seeds at which a design of at most so many seeds is looked at; the last one is `most`."""
    return [n for n in LOOKS if n < most] + [most]


def level_at(n: int, most: int, confidence: float = 0.95) -> float:
    """Return the two-sided level of the interval at a look.

    Args:
        n: seeds at this look.
        most: seeds at the last look, one of MOST_SEEDS.
        confidence: of all looks together, 0.95 or 0.9.

    Raises:
        KeyError: there is no constant for `most` or `confidence`.
    """
    return CONSTANTS[confidence][most] * math.sqrt(n / most)
