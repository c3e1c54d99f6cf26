"""How a trial failed, in about ten lines of text."""

import math
from collections.abc import Iterator, Sequence

from bnbench.analysis.failure_names import GRADIENT, OUTPUT, TRAINING_LOSS, WEIGHT
from bnbench.analysis.labels import format_count, format_factor, format_value
from bnbench.results.failure import Explanation, Largest, Step

# The steps of the table that are shown, as distances from the last one.
SHOWN = (20, 10, 5, 2, 1, 0)
TENSORS = {OUTPUT: "the output of", GRADIENT: "the gradient of", WEIGHT: "the weights of", TRAINING_LOSS: "the loss"}


def format_explanation(explanation: Explanation) -> str:
    """Return how a trial ended, what broke first, its last steps, the layers that died, and where it would train."""
    return "\n".join(_lines(explanation))


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.name} ({explanation.trial})"
    yield _ending(explanation)
    if explanation.broken:
        broken = explanation.broken
        named = f"{TENSORS[broken.kind]} {broken.layer}".strip()
        count = "" if broken.kind == TRAINING_LOSS else f", {format_count(broken.count, 'value')}"
        yield f"First broken: {named} at step {broken.step}{count} not finite."
    if explanation.course:
        yield from _table(explanation)
    yield from _deaths(explanation)
    if explanation.edge:
        yield _distance(explanation.learning_rate, *explanation.edge)


def _ending(explanation: Explanation) -> str:
    if explanation.fault:
        return f"It failed, which is a fault and no result: {explanation.fault}"
    trained = f"{format_count(explanation.steps, 'step')} in {format_count(explanation.epochs, 'epoch')}"
    if explanation.diverged_at_step is None:
        return {
            "ok": f"It trained: {trained}.",
            "chance": f"It learned nothing in {trained}: it is no better than a constant prediction.",
        }.get(explanation.outcome, f"It ended after {trained}.")
    epoch = f", in epoch {explanation.epoch}" if explanation.epoch else ""
    how = {
        "nonfinite": "the loss was not finite from there on",
        "blown": "the loss of a mini-batch was 1,000 times that of the one before, and it did not recover",
    }[explanation.outcome]
    return f"It diverged at step {explanation.diverged_at_step}{epoch}: {how}."


def _table(explanation: Explanation) -> list[str]:
    chosen = _chosen(explanation)
    head = ("step", "loss", "largest gradient norm", "largest update/weight", "most dead units")
    rows = [
        (str(one.step), _number(one.loss), _named(one.gradient_norm), _named(one.update_ratio), _share(one.dead_share))
        for one in chosen
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [_row(cells, widths) for cells in (head, *rows)]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of the table: numbers to the right, the rest to the left."""
    numbers = [cell.rjust(width) for cell, width in zip(cells[:2], widths, strict=False)]
    return "  ".join(
        [*numbers, *(cell.ljust(width) for cell, width in zip(cells[2:], widths[2:], strict=True))]
    ).rstrip()


def _chosen(explanation: Explanation) -> list[Step]:
    """Return the last steps before a divergence; of the first steps of a training, some at growing distances."""
    by_step = {one.step: one for one in explanation.course}
    if explanation.diverged_at_step is None:
        return [by_step[step] for step in (1, 2, 5, 10, 20, 50, 100, 200) if step in by_step]
    if len(by_step) <= len(SHOWN):
        return list(explanation.course)
    last = max(by_step)
    return [by_step[last - back] for back in SHOWN if last - back in by_step]


def _named(largest: Largest | None) -> str:
    return "-" if largest is None else f"{_number(largest.value)} ({largest.layer})"


def _share(largest: Largest | None) -> str:
    return "-" if largest is None else f"{largest.value:.0%} ({largest.layer})"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not finite"


def _deaths(explanation: Explanation) -> Iterator[str]:
    for dying in explanation.dying[:1]:
        begun = f"{dying.first_share:.0%} at step {dying.first_step}"
        yield f"Units died in {dying.layer}: {begun}, {dying.last_share:.0%} at step {dying.last_step}."
    if explanation.dead_share and not explanation.dying:
        yield f"Dead at the end, on all validation rows: {explanation.dead_share:.0%} of {explanation.dead_layer}."


def _distance(rate: float, edge: float, low: float, high: float) -> str:
    """Return how far the rate of the trial is from the highest one at which its variant trains."""
    interval = f"{low:.2g} to {high:.2g}" if low > 0 and math.isfinite(high) else "no training bounds it on one side"
    times = rate / edge
    where = f"{format_factor(times)} times as high" if times > 1 else "below it"
    return f"Its variant trains up to {edge:.2g} ({interval}); {format_value(rate)} is {where}."
