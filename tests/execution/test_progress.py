"""Progress lines: counts, endings and the name of the score."""

import io
import re
import sys
import time

import pytest

from bnbench.execution.phases import LOADING, TRAINING, WRITING, compiling
from bnbench.execution.progress import LineProgress, LiveProgress, SilentProgress, describe_start, make_watcher
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Divergence, Epoch, Fault, Result
from support.examples import facts, make_plan


def lines(plan: Plan, result: Result, capsys: pytest.CaptureFixture[str]) -> list[str]:
    watcher = LineProgress(verbose=True)
    watcher.begin(plan, 3, WorkerCount(2))
    watcher.epoch(plan.trials[0], Epoch(1, 1, 1.0, 0.5, 1.0, 0.5, 0.1))
    watcher.result(plan.trials[0], result)
    watcher.end()
    return capsys.readouterr().err.splitlines()


def completed(plan: Plan) -> Result:
    epochs = (Epoch(0, 0, None, None, 2.0, 0.1, 0.0), Epoch(1, 1, 1.0, 0.5, 1.0, 0.75, 0.1))
    return Result(plan.trials[0].id, "program", 3, epochs, seconds=1.26)


def test_each_trial_is_a_line_with_its_number_and_score(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan()
    start, ending = lines(plan, completed(plan), capsys)
    assert start == "tiny: 8 trials, 5 finished, 3 to train, 2 workers"
    assert ending == "[0:00:00] 1 of 3: plain lr=0.01 seed=0: completed in 1.3 s, validation accuracy 0.7500"


def test_the_score_of_numbers_is_r2_and_the_name_of_a_variant_stays(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(
        facts(classes=0),
        variants={"high-accuracy": {}},
        train__loss="mean_squared_error",
        model__layers=[{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}],
    )
    _, ending = lines(plan, completed(plan), capsys)
    assert ending == "[0:00:00] 1 of 3: high-accuracy lr=0.01 seed=0: completed in 1.3 s, validation R² 0.7500"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Result("x", "program", 3, divergence=Divergence("blown", 7)), "diverged (blown) at step 7"),
        (Result("x", "program", 3, fault=Fault("MemoryError: none left\nmore", "")), "failed: MemoryError: none left"),
    ],
    ids=["diverged", "failed"],
)
def test_other_endings_have_no_score(result: Result, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert lines(make_plan(), result, capsys)[1].endswith(f": {text}")


def test_nothing_to_train_is_said() -> None:
    assert describe_start(make_plan(), 0, WorkerCount(1)) == "tiny: 8 trials, all finished: nothing to train"


def test_quiet_means_no_progress() -> None:
    assert isinstance(make_watcher(quiet=True), SilentProgress)


def test_without_verbose_only_a_failed_trial_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    plan, watcher = make_plan(), LineProgress()
    watcher.begin(plan, 3, WorkerCount(2))
    watcher.result(plan.trials[0], completed(plan))
    watcher.result(plan.trials[1], Result("x", "program", 3, fault=Fault("MemoryError: none left", "")))
    watcher.end()
    assert capsys.readouterr().err.splitlines()[1:] == [
        "[0:00:00] 2 of 3: plain lr=0.01 seed=1: failed: MemoryError: none left"
    ]


def test_many_trials_that_fail_for_one_reason_are_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    plan, watcher = make_plan(), LineProgress()
    watcher.begin(plan, 8, WorkerCount(2))
    for trial in plan.trials[:6]:
        watcher.result(trial, Result("x", "program", 3, fault=Fault("MemoryError: none left", "")))
    watcher.result(plan.trials[6], Result("x", "program", 3, fault=Fault("ValueError: x", "")))
    watcher.end()
    printed = [line.rpartition(": ")[0].rpartition("failed: ")[2] for line in capsys.readouterr().err.splitlines()[1:]]
    assert printed == ["MemoryError"] * 3 + ["ValueError"]


def test_each_phase_is_a_line_until_trials_end(capsys: pytest.CaptureFixture[str]) -> None:
    plan, watcher = make_plan(), LineProgress()
    watcher.begin(plan, 3, WorkerCount(2))
    for phase in (LOADING, LOADING, compiling(2), TRAINING):
        watcher.phase(phase)
    watcher.result(plan.trials[0], completed(plan))
    for phase in (compiling(1), TRAINING, WRITING):
        watcher.phase(phase)
    watcher.end()
    assert [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()[1:]] == [
        "loading TensorFlow",
        "compiling 2 programs",
        "training 0 of 3",
        "trained 1 of 3 in 0 s",
        "writing the report",
    ]


def test_a_line_says_now_and_then_how_far_the_sweep_is(capsys: pytest.CaptureFixture[str]) -> None:
    plan, watcher = make_plan(), LineProgress(log_every=0.02)
    watcher.begin(plan, 3, WorkerCount(2))
    watcher.phase(TRAINING)
    watcher.result(plan.trials[0], completed(plan))
    time.sleep(0.2)
    watcher.end()
    timed = [line for line in capsys.readouterr().err.splitlines() if line == "[0:00:00] training 1 of 3"]
    assert timed
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_terminal_of_80_columns_shows_phase_count_and_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    plan, watcher = make_plan(), make_watcher()
    assert isinstance(watcher, LiveProgress)
    watcher.begin(plan, 3, WorkerCount(2))
    watcher.phase(TRAINING)
    watcher.epoch(plan.trials[0], Epoch(1, 1, 1.0, 0.5, 1.0, 0.5, 0.1))
    time.sleep(0.3)
    watcher.end()
    watcher.end()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    assert "training 0 of 3" in shown
    assert "plain lr=0.01 seed=0: epoch 1 of 3, loss 1" in shown
    assert max(map(len, re.split(r"[\r\n]", shown))) <= 80
