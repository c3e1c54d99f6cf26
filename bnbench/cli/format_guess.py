"""Predicted edges as text, with a sweep to paste into an experiment file."""

from collections.abc import Sequence

from bnbench.analysis.labels import axis_name, format_duration, format_setting
from bnbench.cli.format import format_columns
from bnbench.commands.guess import GuessSummary
from bnbench.planning.rate_guess import Proposal, RateGuess

NO_PROPOSAL = (
    "No edge is known, so no sweep is proposed. Either no rate trains this network, or 100 steps are too few for it: a "
    "sweep over many decades, such as {from: 1e-5, to: 1e+2, points: 8}, shows it."
)


def format_guess(summary: GuessSummary) -> str:
    """Return a row per variant, what that took, and the proposal."""
    parts = [_table(summary), _cost(summary)]
    parts += [NO_PROPOSAL] if summary.proposal is None else [_proposal(summary.proposal)]
    return "\n\n".join(parts)


def _table(summary: GuessSummary) -> str:
    axes = list(summary.rows[0][0].axes)
    header = ["variant", *map(axis_name, axes), *(predictor.title for predictor in summary.predictors)]
    rows = [
        [cohort.variant, *(format_setting(cohort.axes[axis]) for axis in axes), *map(_edge, guesses)]
        for cohort, guesses in summary.rows
    ]
    return "\n".join(["Predicted edges, the highest learning rates that train:", format_columns(header, rows)])


def _edge(guess: RateGuess) -> str:
    return f"not known: {guess.reason}" if guess.rate is None else f"{guess.rate:.2g}"


def _cost(summary: GuessSummary) -> str:
    """Return the steps and the time of each predictor, compared with one training of each variant."""
    lines = [
        f"{predictor.title}: {_cost_of([guess for guess in summary.guesses if guess.predictor == predictor.name])}"
        for predictor in summary.predictors
    ]
    return "\n".join([f"Seed {summary.seed}. {lines[0]}", *lines[1:], f"Kept in {summary.folder}, for its report."])


def _cost_of(guesses: Sequence[RateGuess]) -> str:
    steps, training = sum(one.steps for one in guesses), sum(one.training_steps for one in guesses)
    seconds = sum(one.seconds for one in guesses)
    return f"{steps:,} steps, {steps / training:.2g} of one training of each variant, {format_duration(seconds)}"


def _proposal(proposal: Proposal) -> str:
    return "\n".join(
        [
            "# A sweep from well below the lowest edge to above the highest one:",
            "sweep:",
            f"  learning_rate: {{from: {proposal.start:g}, to: {proposal.stop:g}, points: {proposal.points}}}",
        ]
    )
