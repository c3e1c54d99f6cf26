"""What each variant costs in time: epochs to what the baseline reaches, and the time of a step."""

from math import inf, isnan

from bnbench.analysis.labels import format_percent
from bnbench.analysis.step_times import UNTIMED
from bnbench.analysis.trials import cell_label
from bnbench.planning.step_pairs import SAME_PROGRAM
from bnbench.report.headline.comparison import MAX_COMPARED, ranked
from bnbench.report.headline.facts import Facts, Row, list_words


def describe_cost(facts: Facts) -> list[str]:
    """Return sentences about time; none if there is nothing to compare."""
    if not set(facts.names) - facts.dead or not facts.others or facts.baseline not in facts.names:
        return []
    few = len(facts.others) <= MAX_COMPARED and len(facts.variants) == len(facts.results.variants)
    return [sentence for sentence in (_epochs(facts) if few else "", describe_steps(facts)) if sentence]


def _epochs(facts: Facts) -> str:
    rows = {str(row["variant"]): row for row in facts.results.learning_curves.to_dict("records")}
    targets = {row["target"] for row in rows.values()} - {None}
    target = next(iter(targets), float("nan"))
    if isnan(target):
        return f"Time: {facts.baseline} trains at no rate, so there is no score that others could reach sooner."
    times = [f"{name} {_median(rows[name])}" for name in ranked(facts.names, facts) if name in rows]
    return (
        f"Median epochs to a validation {facts.results.score_name} of {format_percent(target)}, which every seed of "
        f"{facts.baseline} reaches: {', '.join(times)} (each at its own best rate)."
    )


def _median(row: Row) -> str:
    epochs = row["epochs_to_target_median"]
    return "never" if epochs == inf else "unknown" if isnan(epochs) else f"{epochs:g}"


def describe_steps(facts: Facts) -> str:
    """Say how long a step takes, from rounds in which one worker trained both by turns; empty if it is the same."""
    others = [row for row in facts.results.variants.to_dict("records") if row["variant"] != facts.baseline]
    timed = [row for row in others if row.get("overhead_rounds", 0)]
    if not timed:
        reasons = {_ratio_reason(row, facts) for row in others}
        why = reasons.pop() if len(reasons) == 1 else UNTIMED
        if why == SAME_PROGRAM:
            return ""
        if why == UNTIMED:
            return (
                "How much longer a step takes was not measured; the same run, started again, measures it and trains "
                "nothing."
            )
        return f"How much longer a step takes is unknown: {why}."
    shown = timed if len(timed) <= MAX_COMPARED else [min(timed, key=_overhead), max(timed, key=_overhead)]
    ratios = [f"{cell_label(row, facts.results.axes)} {_overhead_text(row)}" for row in shown]
    if shown is not timed:
        ratios = [f"lowest {ratios[0]}", f"highest {ratios[1]}"]
    return f"Time of a step, compared with {facts.baseline}: {list_words(ratios)}."


def _ratio_reason(row: Row, facts: Facts) -> str:
    place = {axis: row[axis] for axis in facts.results.axes}
    return facts.results.time_ratio(str(row["variant"]), place).reason


def _overhead(row: Row) -> float:
    return float(row["overhead"])


def _overhead_text(row: Row) -> str:
    ratio, low, high = (f"{row[key]:.2f}" for key in ("overhead", "overhead_low", "overhead_high"))
    return f"{ratio} times ({low} to {high} over {row['overhead_rounds']:g} rounds)"
