"""Claims judged on made-up trials of two variants."""

from typing import Any

import pandas as pd

from bnbench.analysis.learning_curves import Curves
from bnbench.config.expectations import Claim
from bnbench.results import claims
from support.tables import history, scores, trials

NO_HISTORY = history({})
PLAIN = scores("plain", *({0.01: 0.8, 0.1: top, 1.0: None, 10.0: None} for top in (0.9, 0.91, 0.92)))
NORMED = scores("batchnorm", *({0.01: 0.8, 0.1: 0.9, 1.0: top, 10.0: None} for top in (0.94, 0.96, 0.98)))

# Differences in scores with a mean of 0 and an SD of 1 point.
AROUND_0 = (-0.01, -0.01, 0.0, 0.01, 0.01)
# Learning curves, one score after each epoch, from the untrained model on.
NEVER, SLOW, FAST = [0.1, 0.2, 0.2, 0.2, 0.2], [0.1, 0.2, 0.2, 0.2, 0.9], [0.1, 0.2, 0.9, 0.9, 0.9]


def curves(plain: list[list[float]], normed: list[list[float]]) -> pd.DataFrame:
    """Return the learning curves of each seed at the best rates of plain and of batchnorm."""
    named = {"plain 0.1": plain, "batchnorm 1.0": normed}
    return history({f"{name} {seed} ": curve for name, all_ in named.items() for seed, curve in enumerate(all_)})


def claim(**values: Any) -> Claim:
    """Return a claim about batchnorm."""
    return Claim.model_validate({"text": "x", "of": "batchnorm"} | values)


def judge(rows: list[dict[str, object]], epochs: pd.DataFrame = NO_HISTORY, **values: Any) -> dict[str, Any]:
    """Return the row of a claim, judged on these trials; the baseline is plain."""
    table = trials(*rows)
    (row,) = claims.judge_claims([claim(**values)], table, Curves(table, epochs), "plain").to_dict("records")
    return row
