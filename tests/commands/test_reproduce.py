import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bnbench.cli.main import main
from bnbench.commands.experiment_files import choose_experiments
from bnbench.commands.reproduce import ReproduceOutcome, ReproduceRequest, reproduce_experiments
from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, DatasetInfo
from bnbench.errors import ConfigError, DataError, ResultsError
from bnbench.execution import executors
from bnbench.execution.in_process import SerialExecutor
from bnbench.execution.progress import SilentProgress
from bnbench.execution.protocols import ExecutorRequest
from bnbench.planning.plan import Trial
from bnbench.planning.trial import Fault
from bnbench.report import index, write
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import facts, values
from support.trainers import Quick

CLAIM = {"text": "it trains", "metric": "ok", "of": "plain", "at": 0.1, "probability": {"at_least": 0.5}}


class FaultyTrainer(Quick):
    """Fails at rate 7, is interrupted at rate 8, and has a bug at rate 9."""

    def result(self, program: Any, trial: Trial, on_epoch: Any) -> Any:
        if trial.learning_rate == 8:
            raise KeyboardInterrupt
        if trial.learning_rate == 9:
            raise ZeroDivisionError("a bug")
        ended = super().result(program, trial, on_epoch)
        return replace(ended, fault=Fault("MemoryError: none left", "")) if trial.learning_rate == 7 else ended


class Recorder:
    """The experiments that started, the printed lines, and the number of workers of each executor, in order."""

    def __init__(self) -> None:
        self.experiments: list[str] = []
        self.lines: list[str] = []
        self.executors: list[int | None] = []

    def make_watcher(self) -> SilentProgress:
        watcher = SilentProgress()
        watcher.begin = lambda plan, todo, jobs: self.experiments.append(plan.experiment.name)  # type: ignore[method-assign]
        return watcher


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    """Run trials that take no time in this process, on made-up data, and write reports without figures."""
    recorded = Recorder()

    @contextmanager
    def start(request: ExecutorRequest) -> Iterator[SerialExecutor]:
        def make_trainer() -> FaultyTrainer:
            recorded.executors.append(request.jobs)
            return FaultyTrainer()

        yield SerialExecutor(make_trainer)

    def describe(settings: Data, places: DataDirs, download: bool = False) -> DatasetInfo:
        if settings.name == "leaf":
            raise DataError("leaf: missing")
        return facts()

    monkeypatch.setitem(executors.EXECUTORS, "in-process", start)
    monkeypatch.setattr(access, "dataset_info", describe)
    monkeypatch.setattr(
        write, "write_report", lambda folder, *_: digest.write_digest(folder, digest.make_digest(Results(folder)))
    )
    monkeypatch.chdir(tmp_path)
    return recorded


def write_config(name: str, folder: str = "configs", **changes: Any) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(values(**({"name": name} | changes)), sort_keys=False)
    (Path(folder) / f"{name}.yaml").write_text(text, encoding="utf-8")


def run(recorder: Recorder, *names: str, **settings: Any) -> ReproduceOutcome:
    data_dirs = DataDirs.from_environment(None, True)
    request = ReproduceRequest(names, Path("configs"), Path("results"), data_dirs, jobs=0, **settings)
    return reproduce_experiments(request, recorder.make_watcher, recorder.lines.append)


def page() -> str:
    return Path("results/README.md").read_text(encoding="utf-8")


def command(*words: str) -> Result:
    return CliRunner().invoke(main, ["reproduce", "-j", "0", "--offline", "-q", *words])


def test_the_cheapest_runs_first_and_the_page_lists_all(recorder: Recorder) -> None:
    write_config("long", train__epochs=50, claims=[CLAIM])
    write_config("short", train__epochs=2)
    write_config("middle", "configs/claims", train__epochs=9)
    assert run(recorder) == ReproduceOutcome()
    assert recorder.experiments == ["short", "middle", "long"]
    assert recorder.lines[2] == "long: 8 trials, 1 open, results/long/report.html"
    # In the order of the files: those in the folder itself come first.
    names = ("long", "short", "middle")
    places = [page().index(f"[{name}]({name}/report.md)") for name in names]
    assert places == sorted(places)
    assert "([config](../configs/claims/middle.yaml))" in page()
    assert "it trains" in page()
    assert "Not run" not in page()


def test_a_complete_experiment_is_skipped_until_its_claims_change(recorder: Recorder) -> None:
    write_config("one")
    run(recorder)
    run(recorder, "one")
    assert recorder.experiments == ["one"]
    assert recorder.lines[1] == "one: already complete, skipped"
    write_config("one", claims=[CLAIM])
    run(recorder)
    assert len(recorder.experiments) == 2
    # Only the first run trained.
    assert len(recorder.executors) == 1
    assert "it trains" in page()


def test_results_without_a_digest_get_one(recorder: Recorder) -> None:
    write_config("one")
    run(recorder)
    (Path("results/one") / results_dir.RUN).unlink()
    run(recorder)
    assert (Path("results/one") / results_dir.RUN).is_file()
    assert len(recorder.executors) == 1


def test_a_failed_experiment_does_not_stop_the_others(recorder: Recorder) -> None:
    write_config("faulty", sweep__learning_rate=[0.1, 7.0])
    write_config("homeless", data__name="leaf")
    write_config("buggy", sweep__learning_rate=[9.0])
    write_config("good", train__epochs=99)
    outcome = run(recorder)
    assert outcome.failed == {
        "homeless": "leaf: missing",
        "buggy": "ZeroDivisionError: a bug",
        "faulty": "4 trial(s) failed; the same command tries them again",
    }
    assert recorder.lines == ["good: 8 trials, results/good/report.html"]
    assert "4 of 8, 4 failed" in page()
    assert "- [homeless](../configs/homeless.yaml)" in page()


def test_results_that_another_process_writes_are_not_touched(recorder: Recorder) -> None:
    write_config("a")
    write_config("b", train__epochs=5000)
    with store.open_for_writing(Path("results/a")):
        outcome = run(recorder)
    assert list(outcome.failed) == ["a"]
    assert re.match(
        r"results/a: in use by process \d+ on .*; wait for it, or stop it and run again", outcome.failed["a"]
    )
    assert recorder.lines[0].startswith("b: 8 trials")
    assert run(recorder) == ReproduceOutcome()
    # In the first run, `a` was refused before it started.
    assert recorder.experiments == ["b", "a"]
    assert page().count("| 8 of 8 |") == 2


@pytest.mark.parametrize(("budget", "left"), [(0.0, ["a", "b"]), (60.0, ["b"]), (1e9, [])])
def test_no_experiment_starts_that_would_exceed_the_budget(recorder: Recorder, budget: float, left: list[str]) -> None:
    write_config("a")
    write_config("b", train__epochs=100_000)
    outcome = run(recorder, budget=budget)
    assert [job.name for job in outcome.left] == left
    assert recorder.experiments == [name for name in "ab" if name not in left]
    assert all(f"- [{name}](../configs/{name}.yaml): about" in page() for name in left)


def test_the_page_is_correct_after_an_interrupt(recorder: Recorder) -> None:
    write_config("a")
    write_config("b", train__epochs=5000, sweep__learning_rate=[0.1, 8.0, 0.01], variants={"plain": {}})
    write_config("c", train__epochs=50_000)
    with pytest.raises(KeyboardInterrupt):
        run(recorder)
    assert recorder.experiments == ["a", "b"]
    assert "| 8 of 8 |" in page()
    # The highest rate, which is trained first, is interrupted.
    assert "| 0 of 6 |" in page()
    assert "- [c](../configs/c.yaml): about" in page()


def test_a_smoke_run_writes_no_page_and_reuses_its_workers(recorder: Recorder) -> None:
    write_config("a")
    write_config("b")
    write_config("b-short")
    Path("results").mkdir()
    Path("results/README.md").write_text("mine", encoding="utf-8")
    assert run(recorder, smoke=True) == ReproduceOutcome()
    assert page() == "mine"
    assert recorder.experiments == ["a-smoke", "b-smoke"]
    assert recorder.executors == [0]
    assert Path("results/a-smoke", results_dir.RUN).is_file()


def test_smoke_results_are_not_on_the_page(recorder: Recorder) -> None:
    write_config("a")
    run(recorder, smoke=True)
    run(recorder)
    assert "a-smoke" not in page()


def test_a_page_that_bnbench_did_not_write_is_not_replaced(recorder: Recorder) -> None:
    write_config("a")
    Path("results").mkdir()
    Path("results/README.md").write_text("# Mine", encoding="utf-8")
    with pytest.raises(ResultsError, match=r"README\.md: not written by `bnbench reproduce`"):
        run(recorder)
    assert page() == "# Mine"
    assert recorder.experiments == []


def test_results_without_a_database_stay_on_the_page(recorder: Recorder) -> None:
    write_config("a")
    write_config("b")
    run(recorder)
    (Path("results/b") / store.DATABASE).unlink()
    run(recorder, "a")
    assert "[b](b/report.md)" in page()


def test_short_forms_replace_full_ones_except_in_smoke_runs() -> None:
    known = {name: Path(name) for name in ("a", "a-short", "b", "c-short")}
    assert choose_experiments(known, []) == ["a-short", "b", "c-short"]
    assert choose_experiments(known, [], full=True) == ["a", "b", "c-short"]
    assert choose_experiments(known, ["a", "b", "a"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("files", "names", "message"),
    [
        (["configs/leaf"], ["leef"], r"'leef' is not one of leaf \(did you mean 'leaf'\?\)"),
        ([], [], "configs: no such folder"),
        (["other/leaf"], [], "configs: no such folder"),
        (["configs/a", "configs/claims/a"], ["a"], r"configs/claims/a\.yaml: the same name as configs/a\.yaml"),
    ],
)
def test_unknown_and_repeated_names_are_errors(
    recorder: Recorder, files: list[str], names: list[str], message: str
) -> None:
    for file in files:
        write_config(Path(file).name, str(Path(file).parent))
    with pytest.raises(ConfigError, match=message):
        run(recorder, *names)
    assert not Path("results").exists()


def test_a_file_must_have_the_name_of_its_experiment(recorder: Recorder) -> None:
    write_config("a")
    Path("configs/a.yaml").rename("configs/b.yaml")
    assert "'a' is not the name of the file: change it to 'b'" in run(recorder).failed["b"]


def test_the_command_lists_what_is_left_and_what_failed(recorder: Recorder) -> None:
    write_config("a", sweep__learning_rate=[0.1, 7.0])
    write_config("b", train__epochs=1_000_000)
    done = command("a", "b", "--budget", "1m30s")
    assert done.exit_code == 1
    assert "not run, because the time is over: b (about " in done.stdout
    assert "the same command continues:\n  bnbench " in done.stdout
    assert "1 experiment(s) failed:\n  a: 4 trial(s) failed" in done.stderr
    assert page().startswith(index.MARK)


def test_a_refuted_claim_is_not_a_failure(recorder: Recorder) -> None:
    write_config("a", sweep__seeds=8, claims=[CLAIM | {"probability": {"at_most": 0.5}}, CLAIM])
    done = command("--all")
    assert done.exit_code == 0
    assert done.stdout.startswith("a: 32 trials, ")
    assert "refuted" in page()


def test_after_an_interrupt_the_command_says_how_to_continue(recorder: Recorder) -> None:
    write_config("a", sweep__learning_rate=[8.0])
    done = command("--all")
    assert done.exit_code == 130
    assert "the same command continues" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give either names or --all; the experiments are a, b"),
        (["a", "--all"], "give either names or --all; the experiments are a, b"),
        (["--all", "--budget", "30"], "'30' is not a time: it has no unit: write 30s, 30m or 30h"),
        (["--all", "--budget", ""], "'' is not a time"),
        (["c"], "'c' is not one of a, b"),
    ],
)
def test_a_wrong_command_line_is_an_error(recorder: Recorder, words: list[str], message: str) -> None:
    write_config("a")
    write_config("b")
    done = command(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not Path("results").exists()
