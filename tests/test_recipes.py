"""The scripts of docs/how-to/export.md, with stand-ins for W&B and MLflow, which are not installed here."""

import math
import re
import sys
import types
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from bnbench.commands.export import export_results
from support.kept import keep
from support.paths import ROOT

pytest.importorskip("pyarrow")
PAGE = ROOT / "docs" / "how-to" / "export.md"
ENDS: list[float | str | None] = [0.8, "nonfinite", "failed", 0.9]


def run_script(name: str, modules: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the script of the page that imports a package, on the exported tables of four trials."""
    (script,) = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        if f"import {name}\n" in code
    ]  # fmt: skip
    monkeypatch.chdir(folder)
    for module, stand_in in modules.items():
        monkeypatch.setitem(sys.modules, module, stand_in)
    export_results(keep(folder / "results", ENDS), {"parquet": folder / "tables"})
    exec(compile(script, name, "exec"), {})  # noqa: S102  our own documentation


def test_each_trial_is_a_run_of_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = MagicMock()
    run_script("wandb", {"wandb": wandb}, tmp_path, monkeypatch)
    runs = [call.kwargs for call in wandb.init.call_args_list]
    assert [run["name"] for run in runs][:2] == ["plain lr=0.01 seed=0", "plain lr=0.01 seed=1"]
    assert runs[0]["config"] == {"variant": "plain", "learning_rate": 0.01, "seed": 0}
    logged = [call.args[0] for call in wandb.init.return_value.log.call_args_list]
    assert all(math.isfinite(value) for values in logged for value in values.values())
    summaries = [call.args[0] for call in wandb.init.return_value.summary.update.call_args_list]
    assert [summary["outcome"] for summary in summaries] == ["ok", "nonfinite", "", "ok"]
    assert "final/test_score" not in summaries[1]


def test_each_trial_is_a_run_of_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow, entities = MagicMock(), types.ModuleType("mlflow.entities")
    entities.Metric = lambda *values: values  # type: ignore[attr-defined]
    run_script("mlflow", {"mlflow": mlflow, "mlflow.entities": entities}, tmp_path, monkeypatch)
    assert mlflow.start_run.call_count == len(ENDS)
    batches = [call.kwargs["metrics"] for call in mlflow.MlflowClient.return_value.log_batch.call_args_list]
    assert ("validation_score", pytest.approx(0.8), 100, 6) in batches[0]
    assert all(math.isfinite(metric[1]) for batch in batches for metric in batch)
    finals = [call.args[0] for call in mlflow.log_metrics.call_args_list]
    assert [bool(values) for values in finals] == [True, False, False, True]
