"""Predict the edge of each variant from a few short trainings, before its sweep."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.execution.in_process import InProcessTrainer, load_from
from bnbench.planning.plan import Cohort, Plan
from bnbench.planning.predictors import constant_rates
from bnbench.planning.predictors.registry import choose_predictors
from bnbench.planning.predictors.types import Predictor
from bnbench.planning.rate_guess import Proposal, RateGuess, propose_sweep
from bnbench.store import store
from bnbench.store.folder import lock_folder

# Called with each variant before it is trained.
OnVariant = Callable[[Cohort], None]
# No predictor looks above this rate.
HIGHEST = float(10**constant_rates.HIGH)


@dataclass(frozen=True)
class GuessSummary:
    """The predicted edges of an experiment.

    Attributes:
        predictors: those that were run.
        rows: each variant at each value of the further axes, with a guess for each predictor.
        proposal: a sweep over the predicted edges; None if no edge is known.
        seed: the seed of all trainings.
        folder: the results folder, which has the guesses now.
    """

    predictors: Sequence[Predictor]
    rows: Sequence[tuple[Cohort, Sequence[RateGuess]]]
    proposal: Proposal | None
    seed: int
    folder: Path

    @property
    def guesses(self) -> list[RateGuess]:
        """The guesses, each program once."""
        of_program = {cohort.program.key: guesses for cohort, guesses in self.rows}
        return [guess for guesses in of_program.values() for guess in guesses]


def guess_edges(
    request: ExperimentRequest,
    predictors: Sequence[str] = (),
    seed: int | None = None,
    on_variant: OnVariant = lambda cohort: None,
) -> GuessSummary:
    """Predict the edge of every variant and store what is found in the results folder.

    This imports TensorFlow and trains in this process.

    Args:
        request: the experiment.
        predictors: names; by default all.
        seed: of the trainings; by default the first one of the sweep.
        on_variant: called with each variant before it is trained.

    Raises:
        ConfigError: the experiment is wrong, or there is no such predictor.
        DataError: the data are missing or wrong.
        ResultsError: the results folder cannot be written, or another process uses it.
    """
    chosen = choose_predictors(predictors)
    plan, folder = plan_experiment(request, download=True)
    if seed is None:
        seed = plan.experiment.sweep.seed_list()[0]
    found: dict[str, list[RateGuess]] = {}
    trainer = InProcessTrainer(load_from(request.places), on_card=bool(plan.device))
    with lock_folder(folder):
        for cohort in _distinct(plan):
            on_variant(cohort)
            guesses = trainer.guess_rates(cohort.program, seed, chosen)
            with store.open_locked(folder) as opened:
                opened.add_rate_guesses(guesses)
            found[cohort.program.key] = guesses
    rows = [(cohort, found[cohort.program.key]) for cohort in plan.cohorts]
    every = [guess for guesses in found.values() for guess in guesses]
    return GuessSummary(chosen, rows, propose_sweep(every, HIGHEST), seed, folder)


def _distinct(plan: Plan) -> Iterator[Cohort]:
    """Yield the first cohort of each program: an axis may not change a variant."""
    seen = set()
    for cohort in plan.cohorts:
        if cohort.program.key not in seen:
            seen.add(cohort.program.key)
            yield cohort


def guess_rows(summary: GuessSummary) -> list[dict[str, Any]]:
    """Return one row of plain values per variant, value of the further axes and predictor, for JSON."""
    return [
        {
            "variant": cohort.variant,
            "axes": dict(cohort.axes),
            "predictor": guess.predictor,
            "edge": guess.rate,
            "reason": guess.reason,
            "found": guess.found,
            "offset": guess.offset,
            "seed": guess.seed,
            "steps": guess.steps,
            "training_steps": guess.training_steps,
            "seconds": guess.seconds,
        }
        for cohort, guesses in summary.rows
        for guess in guesses
    ]


def proposal_as_dict(proposal: Proposal | None) -> dict[str, float] | None:
    """Return a proposal with the keys of `sweep.learning_rate`; None if there is none."""
    if proposal is None:
        return None
    return {"from": proposal.start, "to": proposal.stop, "points": proposal.points}
