from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bnbench.commands.check import JudgedClaims, judge_claims
from bnbench.errors import ResultsError
from bnbench.store import results_dir
from support.kept import keep


def test_refuted_claims_are_counted() -> None:
    claims = pd.DataFrame({"verdict": ["supported", "refuted", "inconclusive", "refuted"]})
    judged = JudgedClaims(claims, ended=8, planned=8, score_name="accuracy", problem="", unread=0)
    assert judged.refuted == 2
    assert replace(judged, claims=claims[:1]).refuted == 0


def test_a_failed_trial_has_not_ended(tmp_path: Path) -> None:
    keep(tmp_path, [0.8, "failed", "nonfinite"])
    judged = judge_claims(tmp_path)
    assert (len(judged.claims), judged.ended, judged.planned) == (0, 2, 8)


def test_without_the_stored_experiment_the_claims_are_unknown(tmp_path: Path) -> None:
    keep(tmp_path, [0.8, 0.9])
    (tmp_path / results_dir.CONFIG).unlink()
    with pytest.raises(ResultsError, match=r"config\.yaml is missing.*claims.* unknown"):
        judge_claims(tmp_path)
