"""The answer of an adaptive design: edges, scores and how they were decided, for results with one setting."""

from collections.abc import Iterator

from bnbench.analysis.labels import format_count, format_factor, format_percent, format_points_range
from bnbench.planning.adaptive.record import (
    ABOVE,
    ALL_SEEDS,
    AT_MOST,
    BELOW,
    DECIDED,
    FUTILE,
    NO_RATE,
    REFUSED,
    ClaimLook,
    Judging,
)
from bnbench.planning.seed_claims import MAIN
from bnbench.report.headline.comparison import AT_BEST, compare_variants
from bnbench.report.headline.facts import Facts, list_words
from bnbench.report.headline.ranking import difference_cells, score_cells
from bnbench.report.headline.rates import describe_edge_ratios
from bnbench.report.tables.cells import edge_cells
from bnbench.report.tables.table import Cell, Table
from bnbench.results.judgment import INCONCLUSIVE, TOO_SMALL
from bnbench.results.looks import decisive_looks, look_text

PROVISIONAL = "Provisional: the design is not finished; the same command goes on with it."
# How the looks at the claims ended.
ENDS = {DECIDED: "decided", FUTILE: "given up", ALL_SEEDS: "not everything is decided", "": "not decided yet"}


def describe_design(facts: Facts) -> list[str]:
    """Return the sentences of the answer, the most important one first."""
    judged = [*(list(_main_sentences(facts)) or compare_variants(facts)), *_path_of_seeds(facts)]
    # Where the parts of a change are credited, the ratio of each subset would hide the answer.
    ratios = describe_edge_ratios(facts) if facts.results.credit.empty else []
    edges = [*ratios, *_edges(facts)]
    design = facts.results.design
    # A search for edges alone does not ask about scores.
    only_edges = edges and design is not None and not (design.settings.best or design.settings.seeds)
    return edges if only_edges else [*judged, *edges]


def _main_sentences(facts: Facts) -> Iterator[str]:
    """Yield what the looks say about differences that are too small to matter; other verdicts have their words."""
    judging = _judging(facts)
    for look, claim in decisive_looks(judging) if judging else ():
        if judging and claim.claim.startswith(MAIN) and claim.negligible:
            yield _small_difference(facts, claim, look.n, judging)


def _small_difference(facts: Facts, claim: ClaimLook, n: int, judging: Judging) -> str:
    name, base = claim.claim.removeprefix(MAIN), facts.baseline
    scores = " against ".join(format_percent(facts.variants[one]["test_score_mean"]) for one in (name, base))
    rope = f"{100 * (judging.rope or 0):g} points"
    interval = format_points_range(claim.low or 0.0, claim.high or 0.0)
    found = f"95% interval of the difference {interval}, {format_count(n, 'paired seed')}"
    if claim.verdict == INCONCLUSIVE:
        return (
            f"{name} and {base} do not differ by {rope} or more ({found}): {scores} {facts.score}, {AT_BEST}; no "
            "relevant difference."
        )
    better = "better" if (claim.estimate or 0) > 0 else "worse"
    return (
        f"{name} is {better} than {base}, but by less than {rope} ({found}): {scores} {facts.score}, {AT_BEST}; "
        f"{TOO_SMALL}."
    )


def _judging(facts: Facts) -> Judging | None:
    design = facts.results.design
    return design.judging({}) if design else None


def _path_of_seeds(facts: Facts) -> Iterator[str]:
    judging = _judging(facts)
    if judging:
        last, looks = judging.looks[-1].n, format_count(len(judging.looks), "look")
        ended = ENDS.get(judging.ended, judging.ended).capitalize()
        most = format_count(judging.most, "seed")
        why = ", because the other seeds would hardly decide what is open" if judging.ended == FUTILE else ""
        yield f"{ended} after {last} of at most {most} that no earlier stage had used ({looks}){why}."


def _edges(facts: Facts) -> Iterator[str]:
    """Yield the edges with the number of trainings, and why the search for one ended without its precision."""
    design = facts.results.design
    place = design.place({}) if design else None
    if design is None or place is None:
        return
    known = [
        f"{name} {format_factor(row['edge'])} ({edge_cells(row)[1].text})"
        for name, row in facts.variants.items()
        if row["edge"] == row["edge"]
    ]
    if known:
        count = sum(entry.stage == "edge" for entry in place.entries)
        yield f"The edges: {list_words(known)}, from {format_count(count, 'training')} at rates chosen one by one."
    for name, end in place.edges.items():
        if text := _why_open(facts, name, end.reason):
            yield text


def _why_open(facts: Facts, name: str, reason: str) -> str:
    low, high = (facts.rate_text(facts.rates[i]) for i in (0, -1))
    cure = "a wider sweep.learning_rate, or extend: true, follows it"
    return {
        ABOVE: f"The edge of {name} is above the range: the last trainings at {high} all trained; {cure}.",
        BELOW: f"The edge of {name} is below the range: the last trainings at the lowest rate all failed; {cure}.",
        AT_MOST: f"The edge of {name} is less well known than asked: its trainings are used up; raise edge.at_most.",
        NO_RATE: f"{name} trains at no rate from {low} to {high}, so it has no edge.",
    }.get(reason, "")


def provisional(facts: Facts) -> list[str]:
    """Return the sentence that a design is not finished; none if it is, and for a grid."""
    design = facts.results.design
    return [PROVISIONAL] if design and not design.record.finished else []


def open_in_design(facts: Facts) -> list[str]:
    """Return what a design leaves open."""
    design = facts.results.design
    if design is None:
        return []
    judging, left = _judging(facts), provisional(facts)
    if judging and judging.ended in (FUTILE, ALL_SEEDS):
        left += [_still_open(claim, look.n) for look, claim in decisive_looks(judging) if not claim.decided]
    place = design.place({})
    refused = [one.note for one in place.judgings[-1:] if one.ended == REFUSED] if place else []
    return [*left, *(f"Open: {note}." for note in refused)]


def _still_open(claim: ClaimLook, n: int) -> str:
    return f"After {format_count(n, 'seed')} {look_text(claim)}: {claim.text}."


def design_table(facts: Facts) -> Table:
    """Return the variants with their scores at best rates, and their edges."""
    header = ["variant", facts.score, "95% interval", f"minus {facts.baseline}, points", "95% interval of that"]
    header += ["best rate", "edge", "95% interval of the edge"]
    rows = [
        [
            Cell(name), *score_cells(name, facts), *difference_cells(name, facts),
            Cell(facts.rate_text(row["best_rate"]), row["best_rate"]), *edge_cells(row),
        ]
        for name, row in sorted(facts.variants.items(), key=lambda one: -one[1]["test_score_mean"])
    ]  # fmt: skip
    seeds = (
        "Best rates and edges were found on other seeds than those that judge the scores."
        if _judging(facts)
        else "The best rates were picked and judged on the same seeds."
    )
    return Table(f"Edge: the learning rate at which half of the trainings train. {seeds}", header, rows)
