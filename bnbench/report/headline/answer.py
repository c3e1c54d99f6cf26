"""Results -> the answer of an experiment: sentences, a table, and what is left open."""

from collections.abc import Sequence
from dataclasses import dataclass

from bnbench.report.headline.axes import answer_axes
from bnbench.report.headline.axis_table import axis_table
from bnbench.report.headline.comparison import compare_variants
from bnbench.report.headline.cost import describe_cost
from bnbench.report.headline.credit import describe_credit
from bnbench.report.headline.design import describe_design, design_table, open_in_design, provisional
from bnbench.report.headline.facts import Facts
from bnbench.report.headline.guess_line import describe_guesses
from bnbench.report.headline.open_questions import list_open_questions
from bnbench.report.headline.power_line import describe_power, leaves_open
from bnbench.report.headline.probe_line import describe_probes
from bnbench.report.headline.ranking import ranking_table
from bnbench.report.headline.rates import describe_rates
from bnbench.report.tables.table import Table
from bnbench.results.results import Results


@dataclass(frozen=True)
class Answer:
    """What a reader sees first.

    Attributes:
        sentences: which is better and how sure that is, the highest rates, the cost in time; the first says most.
        open: what is not decided, and about how much it would take.
        power: what the seeds so far can show, and what a narrower interval takes.
        is_open: whether a claim or a comparison with the baseline is not decided.
        table: the variants by score, or scores and highest rates by axis value; None before the first trial.
    """

    sentences: Sequence[str]
    open: Sequence[str] = ()
    table: Table | None = None
    power: str = ""
    is_open: bool = False


def make_answer(results: Results) -> Answer:
    """Return the answer of some results, which may be those of an unfinished experiment."""
    if results.summary.empty:
        return Answer(["No trial has finished yet."])
    facts = Facts(results)
    power = describe_power(facts), leaves_open(facts)
    if results.axes and len(results.summary[results.axes].drop_duplicates()) > 1:
        sentences, left_open = answer_axes(facts)
        left_open = [*left_open, *provisional(facts)]
        sentences = [*describe_credit(results), *sentences, *describe_guesses(results)]
        return Answer(sentences, left_open, axis_table(facts), *power)
    if results.design:
        known = [*describe_credit(results), *describe_design(facts), *describe_guesses(results)]
        known += [*describe_probes(facts), *describe_cost(facts)]
        return Answer(known, open_in_design(facts), design_table(facts))
    rates = [*describe_rates(facts), *describe_guesses(results), *describe_probes(facts)]
    sentences = [*describe_credit(results), *compare_variants(facts), *rates, *describe_cost(facts)]
    return Answer(sentences, list_open_questions(facts), ranking_table(facts), *power)
