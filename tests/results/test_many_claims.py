import math
from typing import Any

import pandas as pd
import pytest

from bnbench.results.many_claims import correct_claims, count_verdicts, describe_correction

NAN = math.nan


def claims(*rows: tuple[str, float]) -> pd.DataFrame:
    """Return claims `a`, `b`, ... with the texts of their verdicts and their levels."""
    known = [(text, p, text.split(",")[0]) for text, p in rows]
    return pd.DataFrame(
        {
            "text": chr(ord("a") + i),
            "verdict": verdict if verdict in ("supported", "refuted") else "inconclusive",
            "verdict_text": text,
            "p": p,
        }
        for i, (text, p, verdict) in enumerate(known)
    )


def test_verdicts_are_counted_in_words() -> None:
    table = claims(
        ("supported", NAN), ("supported, too small to matter", NAN), ("refuted", NAN), ("open", NAN),
        ("open (about 9 seeds)", NAN), ("no relevant difference", NAN),
    )  # fmt: skip
    wanted = "2 supported (1 too small to matter), 1 refuted, 1 no relevant difference, 2 open"
    assert count_verdicts(table) == wanted
    assert count_verdicts(claims(("open", NAN))) == "1 open"
    assert count_verdicts(pd.DataFrame()) == ""


def test_the_claims_of_a_page_are_corrected_together() -> None:
    # Holm (1979): 4 x .005, 3 x .01, 2 x .03, 1 x .04, none lower than the one before: .02, .03, .06, .06.
    table = claims(("supported", 0.01), ("refuted", 0.04), ("supported", 0.03), ("supported", 0.005))
    corrected = correct_claims(table)
    assert (corrected.claims, corrected.decided, corrected.remain) == (4, 4, 2)
    assert set(corrected.lost) == {"b", "c"}
    assert describe_correction(table) == (
        "Corrected for the 4 claims with a p-value on this page (Holm 1979), 2 of 4 verdicts remain. Not: 'b', 'c'."
    )
    assert "Not" not in describe_correction(table, name_lost=False)


def test_open_claims_count_as_tests() -> None:
    assert correct_claims(claims(("supported", 0.02), ("supported", 0.02))).remain == 2
    corrected = correct_claims(claims(("supported", 0.02), ("supported", 0.02), ("open", 0.5)))
    assert (corrected.claims, corrected.decided, corrected.remain) == (3, 2, 0)


def test_a_verdict_without_a_level_is_not_among_those_that_remain() -> None:
    table = claims(("supported", 0.001), ("supported", NAN), ("open", 0.3), ("open", NAN))
    corrected = correct_claims(table)
    assert (corrected.claims, corrected.decided, corrected.remain) == (2, 2, 1)
    assert describe_correction(table).endswith("1 of 1 verdict remains. 1 other verdict has no p-value.")


@pytest.mark.parametrize("rows", [[], [("supported", 0.01)], [("open", 0.5), ("open", 0.1)], [("supported", NAN)] * 2])
def test_without_several_claims_there_is_nothing_to_correct(rows: Any) -> None:
    assert describe_correction(claims(*rows)) == ""
