"""What the sentences of an answer are about: the rows of each variant, and the words for scores and rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bnbench.analysis.labels import RateFormat
from bnbench.analysis.registry import get_metric
from bnbench.config.expectations import Claim
from bnbench.results.judgment import is_negligible
from bnbench.results.results import Results

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Facts:
    """Some results, with their tables by variant. The tables by variant are those of results with one setting."""

    results: Results

    @cached_property
    def names(self) -> list[str]:
        """The variants with finished trials, in the order of the experiment."""
        return [str(name) for name in dict.fromkeys(self.results.summary["variant"])]

    @cached_property
    def others(self) -> list[str]:
        """The variants that are compared with the baseline."""
        return [name for name in self.names if name != self.baseline]

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with."""
        return self.results.baseline

    @property
    def score(self) -> str:
        """What is compared: `test accuracy` or `test R²`."""
        return f"test {self.results.score_name}"

    @cached_property
    def rate_text(self) -> RateFormat:
        """Writes the learning rates of the results."""
        return RateFormat(self.results.summary["learning_rate"])

    @cached_property
    def rates(self) -> list[float]:
        """The learning rates, ascending."""
        return sorted(self.results.summary["learning_rate"].unique().tolist())

    @cached_property
    def dead(self) -> set[str]:
        """The variants without one ok trial at any setting."""
        ok = self.results.summary.groupby("variant")["n_ok"].sum()
        return {str(name) for name, count in ok.items() if not count}

    @cached_property
    def variants(self) -> dict[str, Row]:
        """The row of each variant in `Results.variants`."""
        return {str(row["variant"]): row for row in self.results.variants.to_dict("records")}

    @cached_property
    def well(self) -> dict[str, Row]:
        """The row of each variant in `Results.well`."""
        return {str(row["variant"]): row for row in self.results.well.to_dict("records")}

    @cached_property
    def verdicts(self) -> dict[str, Row]:
        """The row of each variant but the baseline in `Results.verdicts`."""
        return {str(row["variant"]): row for row in self.results.verdicts.to_dict("records")}

    @cached_property
    def ropes(self) -> dict[str, float]:
        """The rope of each variant whose test score a claim shows to differ too little from that of the baseline."""
        claims = zip(self.results.config.claims, self.results.claims.to_dict("records"), strict=True)
        small = [claim for claim, row in claims if is_negligible(row)]
        return {claim.of: claim.rope for claim in small if claim.rope is not None and self._is_main(claim)}

    @cached_property
    def asked_ropes(self) -> dict[str, float]:
        """The rope of each variant that a claim has for its difference in test score to the baseline."""
        claims = self.results.config.claims
        return {claim.of: claim.rope for claim in claims if claim.rope is not None and self._is_main(claim)}

    def _is_main(self, claim: Claim) -> bool:
        """Return True if a claim is about the difference that an answer begins with."""
        same = get_metric(claim.metric).name == "test_score" and claim.over in (None, self.baseline)
        return same and claim.at == "best" and not (claim.across or claim.where)

    @cached_property
    def at_best(self) -> dict[str, Row]:
        """The row of each variant at its best rate in `Results.summary`."""
        rows = self.results.summary.to_dict("records")
        best = {name: row["best_rate"] for name, row in self.variants.items()}
        return {str(row["variant"]): row for row in rows if row["learning_rate"] == best[str(row["variant"])]}


def list_words(words: Sequence[str], last: str = "and") -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    *first, final = words
    return f"{', '.join(first)} {last} {final}" if first else final
