"""What the README says is done here, cut short."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from bnbench.analysis.registry import METRICS, Metric
from bnbench.config.expectations import Bound, Claim
from bnbench.config.load import check_config
from bnbench.config.schema import Data, Experiment, Split, Sweep, Train, Variant
from bnbench.config.yaml_loader import parse_yaml
from bnbench.planning import plan
from support.examples import facts
from support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8), 128).save("digit.png")
    return tmp_path


def test_the_commands_work(place: Path) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("bnbench ")]
    assert len(lines) >= 11
    for line in lines:
        words = shlex.split(line, comments=True)[1:]
        if words[0] in {"run", "plan", "reproduce"}:
            words.append("--smoke")
        words = [re.sub(r"^(results/\S*quickstart)$", r"\1-smoke", word) for word in words]
        done = subprocess.run([sys.executable, "-m", "bnbench", *words], capture_output=True, text=True)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout


def test_the_make_targets_are_there() -> None:
    listed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True).stdout
    named = re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.MULTILINE)
    assert named
    assert all(f"make {target} " in listed for target in named)


def test_the_experiment_is_one() -> None:
    (block,) = blocks("yaml")
    experiment = check_config(parse_yaml(block, "README.md"), "README.md")  # type: ignore[arg-type]
    of = facts((192,), rows=990, classes=99)
    planned = plan.make_plan(experiment, lambda settings: of, "README.md")
    assert len(planned.trials) == 2 * 7 * 5 * 2
    assert check_config(yaml.safe_load(experiment.to_yaml()), "again") == experiment


def test_the_python_lines_work(place: Path) -> None:
    (block,) = blocks("python")
    namespace: dict[str, object] = {}
    exec(block, namespace)  # noqa: S102  our own README
    assert len(namespace["results"].trials) == 18  # type: ignore[attr-defined]


def test_every_key_is_told() -> None:
    for part in (Experiment, Data, Split, Variant, Train, Sweep, Claim, Bound):
        for key in part.model_fields:
            assert re.search(rf"\b{key}\b", README), key


def test_every_metric_of_a_claim_is_told() -> None:
    # "the same as `_loss`"
    text = README + README.replace("_accuracy", "_loss") + README.replace("_accuracy", "_r2")

    def is_named(metric: Metric) -> bool:
        return any(f"`{name}`" in text for name in (metric.name, *metric.former))

    assert [name for name, metric in METRICS.items() if not is_named(metric)] == []
