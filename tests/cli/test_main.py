import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import bnbench
from bnbench.planning.plan import Plan
from bnbench.planning.trial import Epoch, Result, Scores
from bnbench.store import results_dir, store
from bnbench.training import loop
from bnbench.training.threads import use_threads
from support import forked
from support.commands import call, command, set_environment, until
from support.examples import make_plan
from support.forked import Forked
from support.kept import keep
from support.quick import compile_once, write_no_report
from support.small_config import write_small
from support.sweeps import TIMES
from support.trainers import Steady


@pytest.fixture(scope="module", autouse=True)
def _compiled_once() -> Iterator[None]:
    """Compile each program once for all commands that are called in this process."""
    use_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        compile_once(patch)
        yield


class Trained(NamedTuple):
    """The results and the output of one command that ran in its own process. Tests that change them make a copy."""

    results: Path
    done: subprocess.CompletedProcess[str]

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self.results, folder / "results")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Trained:
    """Train all 12 trials and save their models."""
    folder = tmp_path_factory.mktemp("trained")
    write_small(folder)
    with pytest.MonkeyPatch.context() as patch:
        set_environment(patch, cache)
        words = command("run", "small.yaml", "-o", "save_models=final")
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, cwd=folder)
    return Trained(folder / "results", done)


def test_the_second_run_trains_nothing_and_shows_the_same(
    trained: Trained, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained.done
    trained.copy_to(place)
    assert first.returncode == 0, first.stderr
    assert "Traceback" not in first.stderr
    assert "12 of 12 trials" in first.stdout
    assert "results/small/report.html" in first.stdout
    opening, *others = first.stderr.splitlines()
    assert opening.startswith("small: 12 trials, 0 finished, 12 to train")
    # Nothing of TensorFlow's is among them.
    assert [line for line in others if not re.match(r"\[0:0\d:\d\d\] ", line)] == []
    assert others[0][10:] == "loading TensorFlow"
    # A slow machine writes a second line about the report, with the counts.
    assert others[-1][10:].startswith("writing the report")
    again = call("run", "small.yaml")
    assert again.stdout == first.stdout
    assert again.stderr == "small: 12 trials, all finished: nothing to train\n"
    with monkeypatch.context() as patch:
        write_no_report(patch)
        assert call("run", "-q", "small.yaml").stderr == ""
    assert call("show", "results/small").stdout == first.stdout
    rows = json.loads(call("show", "results/small", "--json").stdout)
    assert [row["n"] for row in rows] == [2] * 6
    files = call("report", "results/small").stdout.split()
    assert all(Path(file).is_file() for file in files)
    planned = call("plan", "small.yaml").stdout
    assert "nothing to train" in planned
    assert "diverged" in planned


def test_trials_are_shown_compared_and_applied(trained: Trained, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained.copy_to(place)
    write_no_report(monkeypatch)
    call("run", "-q", "small.yaml", "--results-dir", "other", "-o", "train.epochs=1", "-o", "sweep.seeds=1")
    rows = json.loads(call("show", "results/small", "--where", "outcome=nonfinite", "--sort", "-seed", "--json").stdout)
    assert all(row["outcome"] == "nonfinite" for row in rows)
    shown = call("show", "results/small", "--trials", "--where", "variant=plain", "--limit", "5")
    assert len(shown.stdout.splitlines()) == 6
    assert shown.stderr == "5 of 12 trials\n"
    assert "variant is never plan (did you mean" in call("show", "results/small", "--where", "variant=plan").stderr

    output = call("compare", "results/small", "other/small").stdout
    assert "train.epochs        2      1" in output
    assert "trials in A only: 6, in B only: 0" in output
    past = call("compare", "results/small", "other/small", "--json", "--tolerance", "0", code=3)
    assert json.loads(past.stdout)["pairs"] == 6
    assert "past the tolerance of 0:\n  plain lr=" in past.stderr
    assert call("compare", "results/small", "other/small", "--tolerance", "1").stdout == output
    assert "no trials.db" in call("compare", "results/small", "other", code=2).stderr

    Image.new("RGB", (20, 16)).save("x.png")
    np.save("x.npy", np.zeros((2, 8, 8)))
    found = call("predict", "results/small", "x.png", "x.npy", "--top", "2")
    assert found.stdout.split()[:6] == ["input", "row", "class", "probability", "class_2", "probability_2"]
    assert len(found.stdout.splitlines()) == 4
    assert "x.png: resized from 20 x 16 to 8 x 8" in found.stderr
    as_json = call("predict", "results/small", "x.npy", "--trial", "plain lr=0.01 seed=1", "--json")
    assert [row["row"] for row in json.loads(as_json.stdout)] == [1, 2]
    assert as_json.stderr.startswith("plain lr=0.01 seed=1, final weights (")
    assert "matches 2 trials" in call("predict", "results/small", "x.npy", "--trial", "plain lr=0.01", code=2).stderr
    assert "-o save_models=best" in call("predict", "other/small", "x.npy", code=2).stderr


def test_plan_shows_what_would_run_and_trains_nothing(place: Path) -> None:
    output = call("plan", "small.yaml").stdout
    assert "1-2" in output
    assert "12 new; training" in output
    assert "from arithmetic" in output
    assert not (place / "results").exists()
    rows = json.loads(call("plan", "small.yaml", "--json", "-o", "sweep.seeds=1").stdout)
    assert [row["state"] for row in rows] == ["new"] * 6
    assert rows[0]["axes"] == {}


def test_plan_estimates_the_time_from_measured_steps(trained: Trained, place: Path) -> None:
    trained.copy_to(place)
    output = call("plan", "small.yaml", "-o", "sweep.seeds=4").stdout
    assert "12 new" in output
    assert re.search(r"training( on \d+ workers)?: about \d+ s, from steps timed here", output)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "smal.yaml"], "smal.yaml: no such file (did you mean 'small.yaml'?)"),
        (["plan", "small.yaml", "-o", "train.epoch=5"], "-o train.epoch=5: unknown key (did you mean 'epochs'?)"),
        (["run", "small.yaml", "-o", "train.epochs"], "-o 'train.epochs': not of the form KEY=VALUE"),
        (["run", "small.yaml", "-o", "train.batch_size=100"], "a batch of 100 is larger than the 60 training rows"),
        (["run", "small.yaml", "-o", "data.name=leaf", "--offline"], "leaf"),
        (["run", "small.yaml", "--data-dir", "nowhere", "-o", "data.name=leaf"], "nowhere"),
        (["run", "small.yaml", "--results-dir", "small.yaml/x"], "cannot be written"),
        (["show", "results/none"], "no results here"),
        (["report", "."], "no results here"),
        (["compare", "results/a", "results/b"], "results/a: no results here"),
        (["predict", "results/none", "x.csv"], "no results here"),
        (["data", "verify", "leef"], "leef"),
        (["rnu", "small.yaml"], "no command 'rnu' (did you mean 'run'?)"),
        (["run"], "Missing argument 'CONFIG...'"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_bad_input_is_an_error_and_writes_nothing(place: Path, words: list[str], message: str) -> None:
    done = call(*words, code=2)
    assert message in done.stderr
    assert done.stdout == ""
    assert [path.name for path in place.iterdir()] == ["small.yaml"]


def tables(folder: Path) -> list[pd.DataFrame]:
    found = bnbench.open(folder)
    return [found.trials.drop(columns=TIMES), found.history.drop(columns="seconds")]


def test_after_sigkill_only_the_missing_trials_are_trained_and_all_values_are_the_same(
    trained: Trained, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # tests/robustness/test_soak.py has other moments, and `make soak` other victims.
    words = command("run", "small.yaml", "--jobs", "2", "-v")
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        until(process, 2)
        process.kill()
    write_no_report(monkeypatch)
    stored = bnbench.open("results/small").trials["status"].notna().sum()
    assert stored >= 2
    done = call("run", "small.yaml")
    assert f"{stored} finished, {12 - stored} to train" in done.stderr
    for ours, theirs in zip(tables(place / "results/small"), tables(trained.results / "small"), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["plan", "small.yaml"], ["show", "results/tiny"]])
def test_output_to_a_full_disk_is_an_error_of_one_line(place: Path, words: list[str]) -> None:
    keep(place / "results" / "tiny", [0.8, 0.9])
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*words), stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "bnbench: standard output: No space left on device\n")


@pytest.mark.parametrize("words", [["plan", "small.yaml"], ["show", "results/tiny"]])
def test_a_closed_pipe_is_not_an_error(place: Path, words: list[str]) -> None:
    keep(place / "results" / "tiny", [0.8, 0.9])
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command(*words), stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_log_on_a_full_disk_does_not_stop_the_training(place: Path) -> None:
    words = ["run", "small.yaml", "-j", "1", "-o", "sweep.seeds=1"]
    process = Forked(partial(forked.command, Steady, ("png",), words), place, Path("/dev/full"), place / "output")
    assert process.wait(60) == 0
    assert "6 of 6 trials" in (place / "output").read_text(encoding="utf-8")


def test_failed_trials_give_exit_code_1(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*rest: object) -> None:
        raise MemoryError("none left")

    monkeypatch.setattr(loop, "_train", broken)
    done = call("run", "small.yaml", code=1)
    assert "12 trial(s) failed; the same command tries them again" in done.stderr
    assert "MemoryError: none left" in done.stderr


def test_a_terminal_gets_a_live_line(place: Path) -> None:
    if not shutil.which("script"):
        pytest.fail("the command `script` (util-linux) is needed to make a terminal")
    line = " ".join(command("run", "small.yaml", "-j", "1"))
    done = subprocess.run(
        ["script", "-qec", line, "/dev/null"],
        capture_output=True,
        text=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "150"},
    )
    assert done.returncode == 0
    assert "epoch" in done.stdout
    assert "of 12" in done.stdout


@pytest.mark.parametrize("name", ["digits"])
def test_data_commands(place: Path, name: str) -> None:
    assert "cifar10" in call("data", "list").stdout
    assert {row["name"] for row in json.loads(call("data", "list", "--json").stdout)} >= {"leaf", "digits"}
    assert "1797 rows, 10 classes" in call("data", "verify", name).stdout
    assert name in call("data", "fetch", name).stdout


def test_smoke_results_have_their_own_folder(place: Path) -> None:
    call("run", "small.yaml", "--smoke", "-q")
    assert (place / "results" / "small-smoke" / "trials.csv").is_file()


def test_from_python(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_no_report(monkeypatch)
    results = bnbench.run("small.yaml", overrides={"sweep.seeds": 1}, results_dir=place / "api", jobs=0)
    assert len(results.trials) == 6
    assert set(results.summary["variant"]) == {"plain", "batchnorm"}
    pd.testing.assert_frame_equal(bnbench.open(place / "api" / "small").history, results.history)


def end(plan: Plan, number: int) -> Result:
    """Return a trial of one epoch. Batch normalization is better by 0.2, plus 0.01 times the seed."""
    trial = plan.trials[number]
    accuracy = 0.7 + (0.2 + 0.01 * trial.seed) * (trial.variant == "batchnorm")
    epochs = (Epoch(0, 0, None, None, 1.1, 1 / 3, 0.0), Epoch(1, 6, 0.5, 0.9, 0.5, accuracy, 0.1))
    return Result(trial.id, "p", 57, epochs, np.ones(6, np.float32), test=Scores(0.5, accuracy))


def finished(folder: Path, *claims: dict[str, object], ended: int = 12) -> None:
    """Write results with claims, without training."""
    plan = make_plan(sweep__seeds=3, claims=list(claims))
    with store.open_for_writing(folder) as opened:
        opened.set_plan(plan)
        for number in range(ended):
            opened.add(end(plan, number))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())


BETTER: dict[str, object] = {"text": "better", "metric": "test_accuracy", "of": "batchnorm"}


def test_check_judges_the_claims(place: Path) -> None:
    finished(place / "a", BETTER | {"difference": {"at_least": 0.1}}, BETTER | {"difference": {"at_least": 0.2}})
    done = call("check", "a")
    output = done.stdout.splitlines()
    assert done.stderr == ""
    assert output[0].split()[:2] == ["verdict", "claim"]
    assert "supported" in output[1]
    assert "difference at least 10 points  +21.0 points, 18.5 to 23.5  3" in output[1]
    assert output[2].startswith("open (about 10 seeds)  better  test accuracy of batchnorm over plain")
    assert "(Holm 1979), 1 of 1 verdict remains." in output[3]
    rows = json.loads(call("check", "a", "--json").stdout)
    assert [row["verdict"] for row in rows] == ["supported", "inconclusive"]
    assert [row["verdict_text"] for row in rows] == ["supported", "open (about 10 seeds)"]
    assert [row["seeds_needed"] for row in rows] == [None, 10]
    assert bnbench.open("a").claims["n"].tolist() == [3, 3]


def test_a_refuted_claim_gives_exit_code_3(place: Path) -> None:
    finished(place / "a", BETTER | {"difference": {"at_least": 0.1}}, BETTER | {"difference": {"at_most": 0.1}})
    done = call("check", "a", code=3)
    assert "refuted" in done.stdout
    assert done.stderr == "bnbench: 1 of 2 claim(s) refuted\n"


@pytest.mark.parametrize(
    ("bound", "rope", "code", "text"),
    [
        # 21 points, 19.3 to 22.7 at 90%.
        ({"at_most": 0}, 0.25, 3, "refuted, too small to matter"),
        ({"at_least": 0}, 0.25, 0, "supported, too small to matter"),
        ({"at_least": 0}, 0.02, 0, "supported  better"),
    ],
)
def test_a_rope_leaves_the_exit_code_as_it_is(
    place: Path, bound: dict[str, float], rope: float, code: int, text: str
) -> None:
    finished(place / "a", BETTER | {"difference": bound, "rope": rope})
    done = call("check", "a", code=code)
    assert done.stdout.splitlines()[1].startswith(text)
    assert f"(rope \u00b1{100 * rope:g} points)" in done.stdout


def test_check_says_that_there_are_no_claims(place: Path) -> None:
    finished(place / "a")
    assert call("check", "a").stdout == "a: the experiment makes no claims\n"
    assert json.loads(call("check", "a", "--json").stdout) == []


@pytest.mark.parametrize("content", [None, "name: [", "name: other"])
def test_results_are_shown_where_the_experiment_is_not_known(place: Path, content: str | None) -> None:
    finished(place / "a", BETTER | {"difference": {"at_most": 0.1}})
    (place / "a" / results_dir.CONFIG).unlink()
    if content is not None:
        (place / "a" / results_dir.CONFIG).write_text(content, encoding="utf-8")
    assert "config.yaml" in call("check", "a", code=2).stderr
    assert "12 of 12 trials" in call("show", "a").stdout
    results = bnbench.open("a")
    assert results.baseline == "plain"
    assert results.claims.empty


def test_check_says_that_trials_are_missing(place: Path) -> None:
    finished(place / "a", BETTER | {"difference": {"at_least": 0.1}}, ended=11)
    done = call("check", "a")
    assert done.stderr == "the verdicts use 11 of 12 trials; the others have not ended\n"
