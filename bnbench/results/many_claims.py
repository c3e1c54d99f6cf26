"""Claims of one page together: how many have each verdict, and how many verdicts remain if all claims are corrected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.evidence import DECIDING
from bnbench.analysis.intervals import holm
from bnbench.analysis.labels import format_count, format_list
from bnbench.results.judgment import INCONCLUSIVE, NO_DIFFERENCE, OPEN, REFUTED, SUPPORTED, TOO_SMALL, is_negligible

# Claims that are named in a sentence.
MAX_NAMED = 3


def count_verdicts(claims: pd.DataFrame) -> str:
    """Return for example `2 supported (1 too small to matter), 1 refuted, 3 open`; an empty text without claims."""
    rows = claims.to_dict("records")
    counts = (_count(verdict, [row for row in rows if row["verdict"] == verdict]) for verdict in (SUPPORTED, REFUTED))
    left = [row for row in rows if row["verdict"] == INCONCLUSIVE]
    settled = sum(map(is_negligible, left))
    others = ((settled, NO_DIFFERENCE), (len(left) - settled, OPEN))
    return ", ".join(filter(None, (*counts, *(f"{count} {word}" for count, word in others if count))))


def _count(verdict: str, rows: list[Mapping[Any, Any]]) -> str:
    small = sum(map(is_negligible, rows))
    return f"{len(rows)} {verdict}{f' ({small} {TOO_SMALL})' if small else ''}" if rows else ""


@dataclass(frozen=True)
class Corrected:
    """The claims of a page, corrected for their number by the method of Holm (1979).

    Attributes:
        claims: how many have a p-value; so many are corrected.
        decided: how many are supported or refuted.
        lost: the texts of those whose verdict does not remain.
        without_p: the same of those that have no p-value, so that nothing is known.
    """

    claims: int
    decided: int
    lost: tuple[str, ...]
    without_p: tuple[str, ...]

    @property
    def tested(self) -> int:
        """How many verdicts have a p-value."""
        return self.decided - len(self.without_p)

    @property
    def remain(self) -> int:
        """How many of these remain."""
        return self.tested - len(self.lost)


def correct_claims(claims: pd.DataFrame) -> Corrected:
    """Return which verdicts of claims remain if the claims are corrected for their number. The verdicts stay."""
    decided = claims["verdict"] != INCONCLUSIVE
    lost, unknown = claims[are_lost(claims)], claims[decided & claims["p"].isna()]
    return Corrected(int(claims["p"].notna().sum()), int(decided.sum()), tuple(lost["text"]), tuple(unknown["text"]))


def are_lost(claims: pd.DataFrame) -> "pd.Series[bool]":
    """Return for each claim whether it has a verdict that does not remain if all of them are corrected."""
    decided = (claims["verdict"] != INCONCLUSIVE) & claims["p"].notna()
    return decided & ~(pd.Series(holm(claims["p"]), claims.index) < 1 - DECIDING)


def describe_correction(claims: pd.DataFrame, name_lost: bool = True) -> str:
    """Return sentences about the verdicts that remain; empty without two claims to correct, or if none is decided.

    Args:
        claims: a table of claims.
        name_lost: whether to name the claims whose verdicts do not remain.
    """
    if claims.empty:
        return ""
    corrected = correct_claims(claims)
    return " ".join(_sentences(corrected, name_lost)) if corrected.claims > 1 and corrected.tested else ""


def _sentences(corrected: Corrected, name_lost: bool) -> Iterator[str]:
    of = f"{corrected.remain} of {format_count(corrected.tested, 'verdict')}"
    remain = "remains" if corrected.remain == 1 else "remain"
    yield f"Corrected for the {corrected.claims} claims with a p-value on this page (Holm 1979), {of} {remain}."
    if corrected.lost and name_lost:
        quoted = [f"'{text}'" for text in corrected.lost]
        yield f"Not: {format_list(quoted, MAX_NAMED)}."
    if corrected.without_p:
        n = len(corrected.without_p)
        yield f"{format_count(n, 'other verdict')} {'has' if n == 1 else 'have'} no p-value."
