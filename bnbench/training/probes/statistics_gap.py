"""What the moving statistics of batch normalization cost: the validation score with better ones, and with slower ones.

The weights are the final ones throughout; only the statistics differ.
"""

from collections.abc import Iterator

from bnbench.training import moving_statistics as moving
from bnbench.training.probes.forward import spread_rows
from bnbench.training.probes.types import Length, Moment, Probe, Value, When

# How many times as many steps a longer momentum averages over: 0.99 becomes 0.999.
LONGER = 10


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the scores at the end, if the network has a batch normalization that learns moving statistics.

    - `reestimated_score`: each norm has the mean and variance of its inputs over the training part, layer after layer;
      of at most `moving_statistics.MAX_ROWS` rows, and fewer where a layer is large (`reestimated_rows`).
    - `start_share`: the largest weight of initial values in moving statistics, momentum to the power of the steps.
    - `startless_score`: the moving statistics without their initial values. Missing with a momentum of 1.
    - `longer_momentum_score`: what a momentum ten times as long would have given; see `LongerAverage`, which looks at
      the moving statistics before each epoch and at the end.
    """
    compiled, start = moment.compiled, moment.start
    norms = moving.learning_norms(compiled)
    if not norms:
        return
    now, initial = moving.current_statistics(norms), moving.initial_statistics(compiled, norms, start)
    average = moment.kept.setdefault("average", moving.LongerAverage(norms, initial, LONGER))
    longer = average.look(moment.step, now)
    if not _is_end(moment):
        return

    def score() -> float:
        return compiled.score(compiled.evaluate(start.validation)[1], start, "validation")

    weights = [momentum**moment.step for momentum in moving.momenta(norms)]
    rows = spread_rows(start.parts.train, moving.rows_at_once(compiled))
    yield Value("start_share", max(weights))
    with compiled.unchanged_state():
        if max(weights) < 1:
            moving.set_statistics(norms, moving.without_start(now, initial, weights))
            yield Value("startless_score", score())
        moving.set_statistics(norms, longer)
        yield Value("longer_momentum_score", score())
        moving.reestimate(compiled, norms, rows)
        yield Value("reestimated_score", score())
        yield Value("reestimated_rows", len(rows))


def _is_end(moment: Moment) -> bool:
    """Return whether the training has ended. Before a step, the epoch is the one that this step begins."""
    return moment.step == moment.epoch * moment.compiled.program.steps_per_epoch


def _epochs(length: Length) -> range:
    """Return the steps before which an epoch begins."""
    return range(0, length.steps, length.steps_per_epoch)


PROBE = Probe(
    name="statistics_gap",
    measures="validation score with other statistics of batch normalization than the moving ones",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
    asked=True,
    steps=_epochs,
)
