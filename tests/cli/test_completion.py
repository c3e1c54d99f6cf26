"""What Tab completes, through the completion of click for bash."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from bnbench.cli.main import main
from support.small_config import write_small


def complete(*words: str) -> list[str]:
    """Return the completions of the last word."""
    environment = {
        "_BNBENCH_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["bnbench", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = CliRunner().invoke(main, [], prog_name="bnbench", env=environment)
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize("command", ["run", "plan", "validate"])
def test_keys_of_experiments_follow_the_option_o(command: str) -> None:
    assert complete(command, "x.yaml", "-o", "train.opti") == ["train.optimizer=", "train.optimizer.name="]
    assert "sweep.seeds=" in complete(command, "x.yaml", "-o", "sweep.")


def test_keys_of_the_given_file_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path)
    assert complete("run", "small.yaml", "-o", "variants.batch") == ["variants.batchnorm.norm="]


def test_columns_are_those_of_the_results(tmp_path: Path) -> None:
    assert complete("show", str(tmp_path), "--sort", "learn") == ["learning_rate"]
    assert complete("show", str(tmp_path), "--where", "test_s") == ["test_score="]
    (tmp_path / "trials.csv").write_text("trial,variant,model.params.units\n", encoding="utf-8")
    assert complete("show", str(tmp_path), "--where", "model") == ["model.params.units="]
    assert complete("compare", "a", "b", "--score", "test") == ["test_loss", "test_score"]


def test_names_of_experiments_and_data_sets(tmp_path: Path) -> None:
    write_small(tmp_path)
    assert complete("reproduce", "--configs", str(tmp_path), "sm") == ["small"]
    assert complete("reproduce", "--configs", str(tmp_path / "none"), "sm") == []
    assert complete("data", "fetch", "lea") == ["leaf"]


def test_commands_are_completed() -> None:
    assert complete("exp") == ["export"]
