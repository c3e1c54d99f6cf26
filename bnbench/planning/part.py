"""A part of a sweep, for one of several machines: `--part 2/3` trains the second of three parts.

A sweep is divided by seeds, so that all variants and rates of a seed are trained on one machine. What the machine
changes is then the same for all variants of a pair, and cancels in their difference.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bnbench.errors import ConfigError

TEXT = re.compile(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*")
WANTED = "wanted NUMBER/COUNT with a number from 1 to the count, for example 1/3"


@dataclass(frozen=True)
class Part:
    """One of several parts of a sweep, counted from 1."""

    number: int
    count: int
    # How many of the first seeds every part trains, so that the parts can be compared.
    overlap: int = 0

    @classmethod
    def parse(cls, text: str, overlap: int = 0) -> "Part":
        """Return the part that a text like `1/3` names.

        Raises:
            ConfigError: it names none.
        """
        match = TEXT.fullmatch(text)
        number, count = map(int, match.groups()) if match else (0, 0)
        if not 1 <= number <= count:
            raise ConfigError("--part", f"found {text!r}, {WANTED}")
        return cls(number, count, overlap)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def suffix(self) -> str:
        """What the name of the results folder ends with."""
        return f"-part-{self.number}-of-{self.count}"

    @property
    def least_seeds(self) -> int:
        """How many seeds a sweep must have to be divided like this."""
        return max(self.count, self.overlap)

    def seeds(self, seeds: Sequence[int]) -> list[int]:
        """Return the seeds of this part: of the list of all seeds, number j (from 0) is in part 1 + j mod count.

        Raises:
            ConfigError: there are fewer seeds than parts, or than seeds that every part shall have.
        """
        if self.count > len(seeds):
            raise ConfigError(
                "--part", f"found {self}, but a sweep is divided by seeds, and this one has {len(seeds)} of them"
            )
        if self.overlap > len(seeds):
            raise ConfigError("--overlap", f"found {self.overlap}, but the sweep has {len(seeds)} seeds")
        return [seed for j, seed in enumerate(seeds) if j < self.overlap or j % self.count == self.number - 1]
