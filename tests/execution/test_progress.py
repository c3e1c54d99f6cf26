"""Progress lines: counts, endings and the name of the score."""

import pytest

from bnbench.execution.progress import LineProgress, SilentProgress, describe_start, make_watcher
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Divergence, Epoch, Fault, Result
from support.examples import facts, make_plan


def lines(plan: Plan, result: Result, capsys: pytest.CaptureFixture[str]) -> list[str]:
    watcher = LineProgress()
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
    assert ending == "[1/3] plain lr=0.01 seed=0: completed in 1.3 s, validation accuracy 0.7500"


def test_the_score_of_numbers_is_r2_and_the_name_of_a_variant_stays(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(
        facts(classes=0),
        variants={"high-accuracy": {}},
        train__loss="mean_squared_error",
        model__layers=[{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": 1}],
    )
    _, ending = lines(plan, completed(plan), capsys)
    assert ending == "[1/3] high-accuracy lr=0.01 seed=0: completed in 1.3 s, validation R² 0.7500"


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
