import math
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.evidence import MeanEvidence, ShareEvidence
from bnbench.results.earlier_claims import complete_claims, evidence_of
from bnbench.results.findings import Finding

INF, NAN = math.inf, math.nan
# Five differences of 0, 0, 1, 2 and 2 points.
ROW: dict[str, Any] = {
    "metric": "test_score", "across": "", "bound": "difference at least 0", "rope": NAN, "estimate": 0.01,
    "low": -0.0024167, "high": 0.0224167, "n": 5.0, "rounds": NAN, "p": NAN, "seeds_needed": NAN,
    "verdict": "inconclusive",
    "verdict_text": "", "reason": "the interval holds the bound",
}  # fmt: skip


def completed(**values: Any) -> dict[str, Any]:
    (row,) = complete_claims(pd.DataFrame([ROW | values])).to_dict("records")
    return {str(name): value for name, value in row.items()}


def test_the_level_and_the_seeds_follow_from_the_interval() -> None:
    row = completed()
    assert row["p"] == pytest.approx(0.0890, abs=1e-4)
    assert (row["seeds_needed"], row["verdict_text"]) == (10, "open (about 10 seeds)")


def test_the_verdict_stays_that_of_the_earlier_version() -> None:
    # By Wilson's interval, 0.57 to 1, it was supported.
    stored = {"estimate": 1.0, "low": 0.5655, "high": 1.0, "verdict": "supported"}
    row = completed(metric="ok", bound="probability at least 0.5", **stored)
    assert (row["verdict"], row["verdict_text"]) == ("supported", "supported")
    assert row["p"] == pytest.approx(2 / 32)


def test_what_needs_more_than_the_interval_stays_unknown() -> None:
    row = completed(metric="edge", bound="ratio at least 3", estimate=4.0, low=1.0, high=16.0)
    assert math.isnan(row["p"])
    assert row["verdict_text"] == "open"
    assert math.isnan(completed(across="depth")["p"])


def test_what_is_there_is_kept() -> None:
    row = completed(verdict_text="open (about 7 seeds)", seeds_needed=7.0, p=0.5)
    assert (row["verdict_text"], row["seeds_needed"], row["p"]) == ("open (about 7 seeds)", 7.0, 0.5)


@pytest.mark.parametrize("text", ["supported", "<img src=x>"])
def test_words_that_do_not_belong_to_the_verdict_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a text of the verdict inconclusive"):
        completed(verdict_text=text)


@pytest.mark.parametrize(
    ("metric", "kind", "finding", "wanted"),
    [
        ("test_score", "difference", Finding(0.1, 0.0, 0.2, 5), MeanEvidence(0.1, 0.0, 0.2, 5)),
        ("test_score", "ratio", Finding(2.0, 1.0, 4.0, 5), MeanEvidence(2.0, 1.0, 4.0, 5, logs=True)),
        ("ok", "probability", Finding(0.8, 0.2836, 0.9949, 5), ShareEvidence(4, 5)),
        # Undecided pairs make it wider.
        ("aulc", "probability", Finding(0.8, 0.28358, 1.0, 5), None),
        # Wilson's interval, in an earlier version.
        ("ok", "probability", Finding(1.0, 0.565518, 1.0, 5), ShareEvidence(5, 5)),
        ("best_rate", "ratio", Finding(2.0, 1.0, 4.0, 5), None),
        ("edge", "ratio", Finding(2.0, 1.0, 4.0, 5), None),
        ("seconds_per_step", "ratio", Finding(2.0, 1.0, 4.0, 5, 5), None),
        ("test_score", "difference", Finding(0.1, n=2), None),
        ("epochs_to_target", "difference", Finding(INF, INF, INF, 5), None),
        ("a metric of another version", "difference", Finding(0.1, 0.0, 0.2, 5), None),
    ],
)
def test_only_some_intervals_are_known_at_any_level(metric: str, kind: str, finding: Finding, wanted: Any) -> None:
    assert evidence_of(metric, kind, finding) == wanted
