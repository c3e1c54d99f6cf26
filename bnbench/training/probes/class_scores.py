"""Scores of the classes that the final weights predict: macro F1, top-k accuracy and the confusion matrix."""

from collections.abc import Iterator

import numpy as np

from bnbench.analysis.confusion import count_confusions, macro_f1, top_k_shares
from bnbench.config.schema import MAX_TOP_K
from bnbench.planning import task
from bnbench.training.probes.predictions import predicted_classes
from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield macro F1 and top-k accuracy of the validation and the test part, and the confusions of the test part.

    The position of a top-k accuracy is k, from 2 on. That of a confusion is the class times the number of classes plus
    the predicted class; pairs without rows are left out.
    """
    program = moment.compiled.program
    classes = len(program.facts.classes)
    if not classes:
        return
    for part in ("validation", "test"):
        outputs, targets = moment.compiled.predict(getattr(moment.start.parts, part))
        # A mask may hide every row.
        if not len(targets):
            continue
        predicted = predicted_classes(outputs, task.class_threshold(program.train.loss)).reshape(len(targets))
        counts = count_confusions(targets, predicted, classes)
        yield Value(f"{part}_macro_f1", macro_f1(counts))
        most = min(MAX_TOP_K, classes - 1)
        if outputs.shape[-1] == classes and most > 1:
            for k, share in enumerate(top_k_shares(outputs, targets, most).tolist()[1:], start=2):
                yield Value(f"{part}_top_k", share, position=k)
        if part == "test":
            cells = counts.ravel()
            for cell in np.flatnonzero(cells).tolist():
                yield Value("test_confusion", float(cells[cell]), position=cell)


PROBE = Probe(
    name="class_scores",
    measures="macro F1, top-k accuracy and, for the test part, the number of rows of each class and predicted class",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
)
