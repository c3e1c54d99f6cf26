"""The claims of an experiment that further seeds can decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnbench.analysis.registry import get_metric
from bnbench.config.expectations import Bound, Claim
from bnbench.config.schema import Experiment

# The key of the comparison of a variant with the baseline, in an experiment without claims that seeds can decide.
MAIN = "main:"


@dataclass(frozen=True)
class SeedClaim:
    """A claim that further seeds can decide, and its key in a record."""

    key: str
    claim: Claim
    baseline: str

    @property
    def over(self) -> str:
        """The variant that it is compared with; empty if the claim is about one variant alone."""
        return "" if self.claim.alone else self.claim.over or self.baseline

    @property
    def variants(self) -> list[str]:
        """The variants that it is about."""
        return [name for name in (self.claim.of, self.over) if name]

    @property
    def rate(self) -> float | None:
        """The rate that it names; None for each variant at its own best one."""
        return None if self.claim.at == "best" else float(self.claim.at)

    def is_about(self, place: Mapping[str, Any]) -> bool:
        """Return whether it is about some values of the further axes, given as in the experiment file."""
        return all(axis in place and place[axis] == value for axis, value in self.claim.where.items())

    @property
    def rope(self) -> float | None:
        """The difference that is too small to matter, of the claim itself."""
        return getattr(self.claim, "rope", None)


def seed_claims(experiment: Experiment) -> list[SeedClaim]:
    """Return the claims that further seeds at fixed rates can decide; without such claims, the main comparisons.

    Those are about a score of trials at a rate. Claims about all rates together, about times and about targets that
    depend on the trials are left to the other stages.
    """
    baseline = experiment.baseline
    found = [
        SeedClaim(str(number), claim, baseline) for number, claim in enumerate(experiment.claims) if is_for_seeds(claim)
    ]
    return found or [
        SeedClaim(f"{MAIN}{name}", _main_claim(name, baseline), baseline)
        for name in experiment.variants
        if name != baseline
    ]


def is_for_seeds(claim: Claim) -> bool:
    """Return whether further seeds at fixed rates can decide a claim."""
    metric = get_metric(claim.metric)
    depends = metric.needs_target and claim.target is None
    return not (metric.over_rates or metric.timed or depends or claim.across)


def _main_claim(variant: str, baseline: str) -> Claim:
    return Claim(
        text=f"The test score of {variant} is at least that of {baseline}, each at its own best rate",
        metric="test_score",
        of=variant,
        over=baseline,
        difference=Bound(at_least=0.0),
    )
