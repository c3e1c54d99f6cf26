"""Adaptive designs with made-up outcomes instead of trainings."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnbench.config.load import check_config
from bnbench.planning import plan as planning
from bnbench.planning.adaptive.designer import Designer, StoredTrial, begin_record
from bnbench.planning.adaptive.forms import make_forms
from bnbench.planning.adaptive.place import DesignPlace, Outcome
from bnbench.planning.adaptive.record import ClaimLook, DesignRecord, Judging, Look
from bnbench.planning.plan import Plan, Trial
from bnbench.planning.seed_claims import SeedClaim
from support.examples import facts, values

RATES = {"from": 1e-3, "to": 10.0, "points": 9}


def make_design_plan(adaptive: dict[str, Any], **changes: Any) -> Plan:
    """Return the plan of a small experiment with an adaptive design, and its forms."""
    settled = {"train__epochs": 10, "sweep__learning_rate": RATES, **changes}

    def make(one: Any) -> Plan:
        return planning.make_plan(one, lambda settings: facts(), "tiny.yaml")

    experiment = check_config(values(**settled, sweep__adaptive=adaptive), "tiny.yaml")
    plan = make(experiment)
    return planning.replace(plan, forms=tuple(make_forms(plan, make)))


@dataclass
class World:
    """Networks whose edges differ from seed to seed, and whose scores are highest at one rate.

    Attributes:
        edges: log10 of the edge of each variant.
        best: log10 of the best rate of each variant.
        sd: of the edge over seeds, in decades.
        scores: the score at the best rate of each variant.
    """

    edges: dict[str, float] = field(default_factory=lambda: {"plain": -0.7, "batchnorm": -0.1})
    best: dict[str, float] = field(default_factory=lambda: {"plain": -1.5, "batchnorm": -2.0})
    sd: float = 0.09
    scores: dict[str, float] = field(default_factory=lambda: {"plain": 0.94, "batchnorm": 0.97})

    def outcome(self, trial: Trial) -> Outcome:
        """Return how a training ends; the same one always ends in the same way."""
        x = math.log10(trial.learning_rate)
        noise = np.random.default_rng([trial.seed, len(trial.variant), round(1e6 * (x + 10))])
        edge = np.random.default_rng([trial.seed, len(trial.variant)]).normal(self.edges[trial.variant], self.sd)
        if x > edge:
            return Outcome(1 / 3, ok=False)
        drop = 0.02 * (x - self.best[trial.variant]) ** 2
        return Outcome(self.scores[trial.variant] - drop + 0.002 * noise.normal(), ok=True)


class Judge:
    """Decides every claim at a given look."""

    def __init__(self, decides_at: int = 5) -> None:
        self.decides_at, self.asked = decides_at, []

    def look_at(self, place: DesignPlace, judging: Judging, claims: Sequence[SeedClaim], n: int) -> Look:
        self.asked.append(n)
        decided = n >= self.decides_at
        return Look(n=n, claims=[ClaimLook(claim=one.key, text=one.claim.text, decided=decided) for one in claims])

    def why_not(self, place: DesignPlace, judging: Judging) -> str:
        return ""


def make_designer(
    plan: Plan, record: DesignRecord | None = None, judge: Judge | None = None, stored: list[StoredTrial] | None = None
) -> Designer:
    """Return a designer without outcomes."""
    judge = judge or Judge()
    record = record or begin_record(plan, plan.forms, stored or [])
    return Designer(plan, plan.forms, record, {}, judge.look_at, judge.why_not)


def train(designer: Designer, world: World, seats: int = 1, at_most: int = 10_000) -> list[Trial]:
    """Let a world train what a designer asks for, some trials at a time; return them in their order."""
    running: deque[Trial] = deque(trial for _, trial in designer.pending())
    trained: list[Trial] = []
    while len(trained) < at_most:
        running.extend(trial for _, trial in designer.next_trials(seats - len(running), {one.id for one in running}))
        if not running:
            break
        trial = running.popleft()
        designer.outcomes[trial.id] = world.outcome(trial)
        trained.append(trial)
    return trained
