"""A sweep over the predicted edges."""

from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES
from bnbench.planning.rate_guess import Proposal, RateGuess, propose_sweep


def guess(program: str, found: float | None, reason: str = "", offset: float = 0.0) -> RateGuess:
    return RateGuess(program, "constant", 0, found, reason, offset, 700, 1000, 1.0)


def test_the_offset_belongs_to_the_edge() -> None:
    assert guess("a", 10.0, offset=-1.0).rate == 1.0
    assert guess("a", None, NONE_PASSES).rate is None


def test_a_sweep_covers_a_decade_below_the_lowest_edge_and_a_factor_of_three_above_the_highest() -> None:
    # From below 0.018 to above 2.1, over whole decades, with two rates a decade.
    assert propose_sweep([guess("a", 0.18), guess("b", 0.7)], 1e3) == Proposal(0.01, 10.0, 7)
    assert propose_sweep([guess("a", 0.3)], 1e3) == Proposal(0.01, 1.0, 5)
    assert propose_sweep([guess("a", 0.6)], 1e3) == Proposal(0.01, 10.0, 7)


def test_only_the_first_guess_of_a_program_counts() -> None:
    guesses = [guess("a", 0.3), guess("a", 300.0), guess("b", None, NONE_PASSES), guess("b", 1e-4)]
    assert propose_sweep(guesses, 1e3) == Proposal(0.01, 1.0, 5)


def test_where_every_rate_passes_the_sweep_goes_beyond_the_highest_rate() -> None:
    assert propose_sweep([guess("a", None, ALL_PASS), guess("b", 1.5)], 1e3) == Proposal(0.1, 1e4, 11)


def test_nothing_is_proposed_where_no_rate_passes() -> None:
    assert propose_sweep([guess("a", None, NONE_PASSES)], 1e3) is None
