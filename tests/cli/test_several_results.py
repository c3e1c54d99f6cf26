"""`run`, `show`, `prune` and `list` with trials outside the plan, on trials that take no time: without TensorFlow."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bnbench.cli.main import main
from bnbench.data import access
from bnbench.execution import executors
from bnbench.execution.in_process import SerialExecutor
from bnbench.execution.protocols import ExecutorRequest
from bnbench.planning.plan import Trial
from bnbench.planning.trial import Fault
from bnbench.report import write
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import facts, values
from support.kept import keep
from support.trainers import Quick

ENDS = [0.8, 0.9, 0.85, 0.95]
FOLDER = Path("results/tiny")


class Faulty(Quick):
    """Fails at rate 7, is interrupted at rate 8."""

    def result(self, program: Any, trial: Trial, on_epoch: Any) -> Any:
        if trial.learning_rate == 8:
            raise KeyboardInterrupt
        ended = super().result(program, trial, on_epoch)
        return replace(ended, fault=Fault("MemoryError: none left", "")) if trial.learning_rate == 7 else ended


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    @contextmanager
    def start(request: ExecutorRequest) -> Iterator[SerialExecutor]:
        yield SerialExecutor(Faulty)

    monkeypatch.setitem(executors.EXECUTORS, "in-process", start)
    monkeypatch.setattr(access, "dataset_info", lambda settings, places, download=False: facts())
    monkeypatch.setattr(write, "write_report", write_digest)
    monkeypatch.chdir(tmp_path)
    write_config("tiny")


def write_digest(folder: Path, *_: object) -> None:
    results = Results(folder)
    results_dir.write_tables(folder, {"summary": results.summary})
    digest.write_digest(folder, digest.make_digest(results))


def write_config(name: str, **changes: Any) -> None:
    text = yaml.safe_dump(values(**({"name": name} | changes)), sort_keys=False)
    Path(f"{name}.yaml").write_text(text, encoding="utf-8")


def call(*words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(main, words, input=answer)


def run(*words: str, code: int = 0) -> Result:
    done = call("run", "-q", "-j", "0", *words)
    assert done.exit_code == code, done.output
    return done


def recorded() -> Any:
    return yaml.safe_load((FOLDER / "config.yaml").read_text(encoding="utf-8"))["sweep"]


def test_also_keeps_what_is_recorded_and_the_file_alone_does_not() -> None:
    run("tiny.yaml")
    run("tiny.yaml", "--also", "learning_rate=0.3")
    done = run("tiny.yaml", "--also", "seeds=2")
    assert done.stdout.startswith("24 of 24 trials;")
    assert recorded() == {"learning_rate": [0.01, 0.1, 0.3], "seeds": 4, "grid": {}}
    # The recorded file is the merged one, so it has them all.
    assert run("results/tiny/config.yaml").stdout.startswith("24 of 24 trials;")
    done = run("tiny.yaml")
    assert done.stdout.startswith("8 of 8 trials, 16 stored trials outside this plan;")
    reasons = "8 with learning rate 0.3; 8 with seeds 2, 3"
    assert f"16 stored trials are outside this plan: {reasons}." in done.stdout


def test_an_addition_to_the_file_does_not_keep_what_is_recorded() -> None:
    run("tiny.yaml", "--also", "learning_rate=0.3")
    assert run("tiny.yaml", "-o", "sweep.learning_rate+=[1]").stdout.startswith(
        "12 of 12 trials, 4 stored trials outside"
    )


def test_the_same_rate_again_changes_nothing() -> None:
    run("tiny.yaml", "--also", "learning_rate=0.3")
    first = recorded()
    done = run("tiny.yaml", "--also", "learning_rate=0.3")
    assert (done.stdout.partition(";")[0], recorded()) == ("12 of 12 trials", first)


def test_an_interrupted_addition_of_seeds_says_how_to_continue() -> None:
    write_config("tiny", sweep__learning_rate=[1, 8])
    done = run("tiny.yaml", "--also", "seeds=2", code=130)
    assert "the same command with --also 'seeds=[2, 3]' continues" in done.stderr
    write_config("tiny", sweep__learning_rate=[1, 7])
    done = run("tiny.yaml", "--also", "seeds=[2, 3]", "-o", "name=other", code=1)
    assert "the same command tries them again" in done.stderr


def test_a_smoke_run_cuts_what_also_adds() -> None:
    done = run("tiny.yaml", "--smoke", "--also", "seeds=1", "--also", "learning_rate=1")
    assert done.stdout.startswith("6 of 6 trials;")
    assert Path("results/tiny-smoke").is_dir()


def test_a_recorded_sweep_that_cannot_be_read_is_an_error() -> None:
    run("tiny.yaml")
    (FOLDER / "config.yaml").write_text("name: [", encoding="utf-8")
    done = run("tiny.yaml", "--also", "seeds=1", code=2)
    assert "config.yaml: --also cannot tell which trials to keep" in done.stderr


def test_a_plan_counts_what_is_outside_and_shows_what_also_adds() -> None:
    run("tiny.yaml", "--also", "learning_rate=0.3")
    done = call("plan", "tiny.yaml")
    assert "4 stored trials are outside this plan: `bnbench show results/tiny --all` lists them" in done.stdout
    done = call("plan", "tiny.yaml", "--also", "seeds=1")
    assert "18 trials: 6 new, 12 completed" in done.stdout
    assert "outside" not in done.stdout


def test_all_trials_are_shown_with_their_place() -> None:
    keep(FOLDER, ENDS, sweep__learning_rate=[0.3])
    keep(FOLDER, ENDS, sweep__learning_rate=[0.1])
    shown = json.loads(call("show", str(FOLDER), "--all", "--json").stdout)
    assert [(row["learning_rate"], row["planned"]) for row in shown] == [(0.1, True)] * 4 + [(0.3, False)] * 4
    done = call("show", str(FOLDER), "--trials", "--json")
    assert len(json.loads(done.stdout)) == 4
    assert "4 stored trials are outside this plan" in done.stderr
    done = call("show", str(FOLDER), "--all", "--where", "planned=false")
    assert len(done.stdout.splitlines()) == 5


def test_several_experiments_run_one_after_another() -> None:
    write_config("second")
    done = run("tiny.yaml", "second.yaml")
    assert done.stdout.splitlines() == [
        "tiny: 8 of 8 trials, results/tiny/report.html",
        "second: 8 of 8 trials, results/second/report.html",
    ]


def test_one_that_fails_does_not_stop_the_others() -> None:
    write_config("bad", train__epochs=0)
    write_config("faulty", sweep__learning_rate=[0.1, 7])
    done = run("bad.yaml", "faulty.yaml", "tiny.yaml", code=1)
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        "faulty: 4 of 8 trials",
        "tiny: 8 of 8 trials",
    ]
    assert "2 experiment(s) failed:" in done.stderr
    assert "bad.yaml:" in done.stderr
    assert "faulty.yaml: 4 trial(s) failed" in done.stderr


def test_two_experiments_of_one_name_are_refused() -> None:
    Path("other.yaml").write_bytes(Path("tiny.yaml").read_bytes())
    done = run("tiny.yaml", "other.yaml", code=1)
    assert "other.yaml: has the results folder of tiny.yaml" in done.stderr
    assert done.stdout.splitlines() == ["tiny: 8 of 8 trials, results/tiny/report.html"]


def test_further_seeds_of_several_experiments_must_be_named() -> None:
    write_config("second")
    assert "name the seeds" in run("tiny.yaml", "second.yaml", "--also", "seeds=1", code=2).stderr


def keep_outside() -> None:
    keep(FOLDER, ["failed", *ENDS[1:]], sweep__learning_rate=[0.3])
    keep(FOLDER, [*ENDS[:3], "failed"], sweep__learning_rate=[0.1])


def stored() -> dict[str, str]:
    with store.open_for_reading(FOLDER) as opened:
        return opened.states()


def test_prune_asks_and_removes_only_what_is_outside() -> None:
    keep_outside()
    done = call("prune", str(FOLDER), answer="n\n")
    assert (done.exit_code, done.stdout) == (0, "nothing was removed\n")
    assert "results/tiny: 4 trials outside the plan" in done.stderr
    assert "4 with learning rate 0.3" in done.stderr
    assert len(stored()) == 8
    done = call("prune", str(FOLDER), answer="y\n")
    assert done.stdout.startswith("results/tiny: removed 4 trials outside the plan")
    assert sorted(stored().values()) == ["completed", "completed", "completed", "failed"]
    assert call("prune", str(FOLDER)).stdout == "results/tiny: nothing to remove\n"
    # The digest is written again with the report.
    assert (FOLDER / "run.json").exists()


def test_prune_without_an_answer_removes_nothing() -> None:
    keep_outside()
    done = call("prune", str(FOLDER), answer="")
    assert done.exit_code == 2
    assert "give --yes" in done.stderr
    assert len(stored()) == 8


def test_prune_removes_failed_trials_if_asked() -> None:
    keep_outside()
    done = call("prune", str(FOLDER), "--failed", "--yes")
    assert "removed 4 trials outside the plan, 1 failed trial" in done.stdout
    assert sorted(stored().values()) == ["completed"] * 3


def test_prune_refuses_a_folder_in_use() -> None:
    keep_outside()
    with store.lock_folder(FOLDER):
        done = call("prune", str(FOLDER), "--yes")
    assert done.exit_code == 2
    assert "in use by process" in done.stderr
    assert len(stored()) == 8


def test_list_has_a_line_for_each_folder() -> None:
    run("tiny.yaml")
    run("tiny.yaml", "-o", "sweep.learning_rate=[0.1, 7]", code=1)
    (FOLDER.parent / "no-results").mkdir()
    damaged = FOLDER.parent / "damaged"
    damaged.mkdir()
    (damaged / "trials.db").write_bytes(b"no database" * 1000)
    lines = call("list").stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["name", "tiny"]
    assert "4 of 8, 4 failed, 4 outside the plan" in lines[1]
    assert "plain at 0.1: accuracy 50.0% (n = 2)" in lines[1]
    assert lines[2].startswith("results/damaged/trials.db: ")
    (_, tiny) = json.loads(call("list", "results", "--json").stdout)
    assert (tiny["ended"], tiny["planned"], tiny["failed"], tiny["outside"]) == (4, 8, 4, 4)
    (FOLDER / "trials.db").unlink()
    assert "4 of 8, 4 failed  not here" in call("list").stdout


@pytest.mark.parametrize("text", ["", "variant\nplain\n", "variant,learning_rate,n,validation_score_mean\n3,x,y,z\n"])
def test_a_summary_that_says_nothing_leaves_the_best_variant_out(text: str) -> None:
    run("tiny.yaml")
    (FOLDER / "summary.csv").write_text(text, encoding="utf-8")
    (listed,) = json.loads(call("list", "--json").stdout)
    assert (listed["best"], listed["ended"]) == ("", 8 if text else 0)


def test_list_of_a_missing_directory_is_an_error() -> None:
    done = call("list", "nowhere")
    assert done.exit_code == 2
    assert "nowhere: cannot be read: No such file or directory" in done.stderr
    Path("empty").mkdir()
    assert call("list", "empty").stdout == "empty: no results folders\n"
