import json
import re
from pathlib import Path

import pytest

from bnbench.execution import environment
from support.examples import make_plan


def test_the_environment_is_told_in_plain_values() -> None:
    told = environment.describe_environment(make_plan(), ["CPU"], 2)
    assert json.loads(json.dumps(told)) == told
    assert re.fullmatch(r"3\.\d+\.\d+.*", told["python"])
    assert told["packages"]["tensorflow"]
    assert told["devices"] == ["CPU"]
    assert told["threads_a_trial"] == [1]
    assert told["data"]["digits"]["rows"] == 75


def test_an_installed_bnbench_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "bnbench" / "execution" / "environment.py"))
    told = environment.describe_environment(make_plan(), [], 0)
    assert told["commit"] is None
    assert told["uncommitted_changes"] is None
