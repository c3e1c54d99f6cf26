"""The answer where the sweep has further axes: how differences, scores and highest rates move with each axis."""

from collections.abc import Iterator
from math import inf

from bnbench.analysis.verdicts import BETTER, NEITHER, UNDECIDED, WORSE
from bnbench.report.headline.axis_differences import describe_differences
from bnbench.report.headline.axis_facts import AxisFacts, axis_facts
from bnbench.report.headline.axis_moves import describe_edges, describe_scores
from bnbench.report.headline.comparison import MAX_COMPARED
from bnbench.report.headline.cost import describe_cost
from bnbench.report.headline.facts import Facts, list_words
from bnbench.report.headline.open_questions import has_collapses, seeds_for


def answer_axes(facts: Facts) -> tuple[list[str], list[str]]:
    """Return the sentences of the answer, the most telling first, and those about what is open."""
    if set(facts.names) == facts.dead:
        return [f"Nothing trains: at no setting and no rate does a trial of {list_words(facts.names, 'or')} do better "
                "than chance."], []  # fmt: skip
    axes = axis_facts(facts)
    if len(facts.others) > MAX_COMPARED:
        sentences = [*_many(axes), *describe_scores(axes, only_best=True)]
    else:
        means = facts.results.verdicts.groupby("variant")["mean"].mean()
        order = sorted(facts.others, key=lambda name: -means.get(name, -inf))
        sentences = [line for name in order for line in describe_differences(axes, name)]
        sentences += [*describe_scores(axes), *describe_edges(axes)]
    return [*sentences, *describe_cost(facts)], [*_open(axes)]


def _many(axes: AxisFacts) -> Iterator[str]:
    """Yield sentences about many variants: at how many settings each of them is better."""
    facts = axes.facts
    if facts.baseline not in facts.names:
        return
    verdicts = facts.results.verdicts
    total, groups = len(axes.settings), dict[str, list[str]]()
    for name in facts.others:
        own = verdicts.loc[verdicts["variant"] == name, "verdict"].tolist()
        better, worse = own.count(BETTER), own.count(WORSE)
        groups.setdefault(_how_often(better, worse, total), []).append(name)
    listed = [f"{how}: {_listed(names)}" for how, names in sorted(groups.items(), key=lambda one: _order(one[0]))]
    yield f"Compared with {facts.baseline}, each at its own best rate, over {total} settings: {'; '.join(listed)}."


def _how_often(better: int, worse: int, total: int) -> str:
    if better == total or worse == total:
        return f"{BETTER if better else WORSE} at every setting"
    if not better and not worse:
        return "not shown to be better or worse at any"
    if better and worse:
        return "better at some and worse at others"
    return f"{BETTER if better else WORSE} at some"


def _order(how: str) -> int:
    return ("better at every setting", "better at some", "better at some and worse at others",
            "not shown to be better or worse at any", "worse at some", "worse at every setting").index(how)  # fmt: skip


def _listed(names: list[str]) -> str:
    return list_words(names) if len(names) <= 2 * MAX_COMPARED else f"{len(names)} variants"


def _open(axes: AxisFacts) -> Iterator[str]:
    """Yield what is not decided: at how many settings, and what the largest undecided difference would take."""
    facts, verdicts = axes.facts, axes.facts.results.verdicts
    undecided = verdicts[verdicts["verdict"] == UNDECIDED]
    if len(undecided):
        rows = undecided.to_dict("records")
        counted = [row for row in rows if not has_collapses(row)]
        text = f"Open: {len(undecided)} of {len(verdicts)} comparisons."
        if counted:
            largest = max(counted, key=lambda row: abs(row["mean"]))
            text += (
                f" To show the largest of these differences{'' if counted == rows else ' without a collapse'} "
                f"({axes.difference_text(largest)}) takes {seeds_for(largest)}, an estimate from its spread over "
                f"{largest['n']} seeds{'' if len(counted) == 1 else '; the smaller ones take more'}."
            )
        if len(counted) < len(rows):
            text += " How many seeds it takes where some trainings collapse is not known."
        yield text
    elif (verdicts["verdict"] == "few").any():
        yield "Open: which variant is better at any setting. 3 seeds are enough for an interval."
    neither = verdicts[verdicts["verdict"] == NEITHER]
    if len(neither):
        yield f"Open: whether other rates train at the {len(neither)} of {len(verdicts)} settings where nothing does."
    if len(facts.rates) == 1:
        yield f"Open: all other learning rates; only {facts.rate_text(facts.rates[0])} was tried."
