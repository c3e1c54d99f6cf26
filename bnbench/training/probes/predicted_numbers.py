"""What the final weights predict for some test rows, if the data have a number for each row."""

from collections.abc import Iterator

from bnbench.training.probes.forward import predict_rows, spread_rows
from bnbench.training.probes.types import Moment, Probe, Value, When

# The maximum number of test rows: more points would cover each other in a figure.
MAX_ROWS = 200


def measure(moment: Moment) -> Iterator[Value]:
    """Yield target and prediction of at most MAX_ROWS test rows, and the spread of these predictions.

    The position of a target or a prediction is the number of its row in the data set. Both have the unit of the data.
    """
    compiled = moment.compiled
    if compiled.program.facts.classes:
        return
    rows = spread_rows(moment.start.parts.test, MAX_ROWS)
    predictions = predict_rows(compiled, moment.start, rows)[:, 0]
    for row, prediction in zip(rows.tolist(), predictions.tolist(), strict=True):
        yield Value("test_target", float(compiled.dataset.y[row]), position=row)
        yield Value("test_prediction", prediction, position=row)
    yield Value("prediction_spread", float(predictions.max() - predictions.min()))


PROBE = Probe(
    name="predicted_numbers",
    measures="target and prediction of at most 200 test rows, and highest minus lowest of these predictions",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
)
