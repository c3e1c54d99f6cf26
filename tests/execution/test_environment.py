import json
import re
from pathlib import Path

import pytest

from bnbench.data.types import DataDirs
from bnbench.execution import environment
from support.examples import make_plan


def test_the_environment_can_be_written_as_json() -> None:
    described = environment.describe_environment(make_plan(), ["CPU"], 2, DataDirs())
    assert json.loads(json.dumps(described)) == described
    assert re.fullmatch(r"3\.\d+\.\d+.*", described["python"])
    assert described["packages"]["tensorflow"]
    assert described["devices"] == ["CPU"]
    assert described["threads_a_trial"] == [1]
    assert described["data"]["digits"]["rows"] == 75


def test_an_installed_bnbench_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "__file__", str(tmp_path / "bnbench" / "execution" / "environment.py"))
    described = environment.describe_environment(make_plan(), [], 0, DataDirs())
    assert described["commit"] is None
    assert described["uncommitted_changes"] is None
