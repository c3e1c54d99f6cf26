"""Claims that an earlier version stored -> the columns that came later, from the numbers that are there."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from bnbench.analysis.evidence import Evidence, MeanEvidence, ShareEvidence
from bnbench.analysis.intervals import clopper_pearson
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.registry import find_metric
from bnbench.results import edges
from bnbench.results.findings import Finding
from bnbench.results.judgment import fits, joint_p, judge, parse_bound, verdict_text

# The columns that follow from the others.
FOLLOWING = ("p", "seeds_needed", "verdict_text")


def complete_claims(claims: pd.DataFrame) -> pd.DataFrame:
    """Return claims whose columns `p`, `seeds_needed` and `verdict_text` are filled where the text is missing.

    The verdict is that of the earlier version. Numbers that need more than the interval are missing: those of metrics
    that are read off the grid, of edges, and of ranges across an axis.

    Raises:
        ValueError: a text does not belong to its verdict.
    """
    for row in claims.to_dict("records"):
        if row["verdict_text"] and not fits(row["verdict"], row["verdict_text"]):
            raise ValueError(f"{row['verdict_text']!r} is not a text of the verdict {row['verdict']}")
    return claims.assign(**{name: [_filled(row)[name] for row in claims.to_dict("records")] for name in FOLLOWING})


def _filled(row: Mapping[Any, Any]) -> dict[str, Any]:
    if row["verdict_text"]:
        return {name: row[name] for name in FOLLOWING}
    if (parsed := parse_bound(row["bound"])) is None:
        return dict.fromkeys(FOLLOWING, math.nan) | {"verdict_text": verdict_text(row["verdict"])}
    kind, bound = parsed
    n = 0 if math.isnan(row["n"]) else int(row["n"])
    finding = Finding(row["estimate"], row["low"], row["high"], n, row["rounds"])
    evidence = None if row["across"] else evidence_of(row["metric"], kind, finding)
    judged = judge(bound, replace(finding, evidence=evidence))
    seeds = judged.seeds if row["verdict"] == judged.verdict else math.nan
    text = verdict_text(row["verdict"], seeds=seeds)
    return {
        "p": joint_p([judged]),
        "seeds_needed": seeds if math.isfinite(seeds) else math.nan,
        "verdict_text": text,
    }


def evidence_of(metric: str, kind: str, finding: Finding) -> Evidence | None:
    """Return the interval of a finding at any confidence, or None if its 95% interval alone is known.

    Args:
        metric: the name of the metric.
        kind: what the claim is about: `value`, `ratio`, `difference` or `probability`.
        finding: with the ends of its interval.
    """
    known = find_metric(metric)
    # These intervals are wider by what the grid or the rounds leave open, which has no level.
    if math.isnan(finding.low) or not math.isnan(finding.rounds) or known is None:
        return None
    if known.grid_steps or known.name == edges.METRIC:
        return None
    if kind == "probability":
        return _share_evidence(finding)
    logs = kind == "ratio" or known.scale == "factor"
    ends = finding.low, finding.high
    if not all(map(math.isfinite, ends)) or (logs and finding.low <= 0) or finding.low == finding.high:
        return None
    return MeanEvidence(finding.estimate, *ends, finding.n, logs)


def _share_evidence(finding: Finding) -> Evidence | None:
    times = round(finding.estimate * finding.n)
    low, high = clopper_pearson(times, finding.n)
    # It is wider where some pairs are undecided.
    wider = finding.low < low - ROUNDING or finding.high > high + ROUNDING
    return None if wider else ShareEvidence(times, finding.n)
