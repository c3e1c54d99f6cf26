import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import yaml

import bnbench
from bnbench.config.load import check_config, load_config
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, ResultsError
from bnbench.execution import sweep
from bnbench.execution.in_process import SerialExecutor
from bnbench.model.network_file import Network
from bnbench.model.network_json import write_network
from bnbench.planning.plan import Trial
from bnbench.planning.resolve import resolve_experiment
from bnbench.planning.trial import Result
from bnbench.store import store
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from support.examples import facts, make_plan, values
from support.keras_alone import skip_checks_of_the_file
from support.quick import compile_anew, write_no_report
from support.sweeps import Recorder, made_up_data, run, same, write


@pytest.fixture(scope="module", autouse=True)
def _made_up_data() -> Iterator[None]:
    """Every data set has the same made-up rows, and a program is compiled once for all tests."""
    with made_up_data():
        yield


@pytest.fixture
def _fresh_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test compiles its own programs, as a new process does."""
    compile_anew(monkeypatch)


class Finished(NamedTuple):
    """A finished sweep: its folder and what `run` returned. Tests that change it work on a copy."""

    folder: Path
    results: Any
    watcher: Recorder

    def copy_to(self, folder: Path) -> None:
        shutil.copytree(self.folder / "results", folder / "results")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("finished")
    return Finished(folder, *run(folder, reported=True))


def test_a_sweep_trains_every_trial_and_writes_every_file(finished: Finished) -> None:
    results, watcher = finished.results, finished.watcher
    assert watcher.todo == len(watcher.trained) == 8
    rates = [name.split()[1] for name in watcher.trained]
    # Each seed begins with the highest rate, because it may diverge.
    assert rates == 4 * ["lr=0.1", "lr=0.01"]
    assert results.trials["status"].eq("completed").all()
    assert len(results.history) == 8 * 4
    names = {str(path.relative_to(results.folder)) for path in results.folder.glob("**/*") if path.is_file()}
    assert names >= {
        "config.yaml", "environment.json", "trials.db", "trials.csv", "history.csv", "summary.csv",
        "plots/rates.png", "plots/rates.svg", "plots/curves.png", "plots/curves.svg",
    }  # fmt: skip
    assert load_config(results.folder / "config.yaml") == resolve_experiment(check_config(values(), "x"), "x")


def test_a_second_run_trains_nothing_and_shows_the_same(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    again, watcher = run(tmp_path)
    assert (watcher.todo, watcher.epochs) == (0, 0)
    assert finished.results.trials.equals(again.trials)


@pytest.mark.usefixtures("_fresh_programs")
def test_an_interrupted_sweep_continues_with_the_same_results(finished: Finished, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Recorder(interrupt_after=3), reported=True)
    assert len(bnbench.open(tmp_path / "results" / "tiny").trials) == 3
    assert (tmp_path / "results" / "tiny" / "trials.csv").is_file()
    resumed, watcher = run(tmp_path)
    assert len(watcher.trained) == 5
    assert same(resumed, finished.results)


def test_an_extended_grid_trains_only_what_is_new(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    results, watcher = run(tmp_path, sweep__learning_rate=[0.01, 0.1, 1.0])
    assert len(watcher.trained) == 4
    assert all("lr=1 " in name for name in watcher.trained)
    assert len(results.trials) == 12
    narrowed, watcher = run(tmp_path, sweep__learning_rate=[1.0])
    assert watcher.trained == []
    assert len(narrowed.trials) == 4


def test_a_dict_continues_the_results_of_its_file(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished.copy_to(tmp_path)
    write_no_report(monkeypatch)
    watcher = Recorder()
    config = values(sweep__learning_rate=np.array([0.01, 0.1, 1.0]), sweep__seeds=range(2))
    results = bnbench.run(config, results_dir=tmp_path / "results", jobs=0, watcher=watcher)
    assert len(watcher.trained) == 4
    assert all("lr=1 " in name for name in watcher.trained)
    again = bnbench.run(results.experiment, results_dir=tmp_path / "results", jobs=0, watcher=watcher)
    assert watcher.todo == 0
    assert again.trials.equals(results.trials)


def test_a_renamed_variant_is_not_trained_again(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    results, watcher = run(tmp_path, variants={"bn": {"norm": {"batch": {"momentum": 0.9}}}})
    assert watcher.trained == []
    assert set(results.trials["variant"]) == {"bn"}


def test_two_equal_variants_are_trained_once_and_shown_twice(tmp_path: Path) -> None:
    results, watcher = run(tmp_path, variants={"one": {}, "two": {}})
    assert len(watcher.trained) == 4
    assert len(results.trials) == 8


def test_failed_trials_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = loop._train

    def broken(compiled: Any, trial: Trial, *rest: Any) -> Result:
        if trial.seed == 1:
            raise MemoryError("none left")
        return train(compiled, trial, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", broken)
        results, _ = run(tmp_path)
    assert results.trials["status"].value_counts().to_dict() == {"completed": 4, "failed": 4}
    assert results.faults[0][1] == "MemoryError: none left"
    results, watcher = run(tmp_path)
    assert len(watcher.trained) == 4
    assert results.trials["status"].eq("completed").all()


def test_diverged_trials_are_stored_and_not_tried_again(tmp_path: Path) -> None:
    results, _ = run(tmp_path, sweep__learning_rate=[0.1, 1e30])
    assert (results.trials["outcome"] == "nonfinite").sum() == 4
    _, watcher = run(tmp_path, sweep__learning_rate=[0.1, 1e30])
    assert watcher.trained == []


def test_models_requested_later_are_trained_then(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    results, watcher = run(tmp_path, save_models="best")
    assert len(watcher.trained) == 8
    assert len(list((results.folder / "models").glob("*.keras"))) == 8
    _, watcher = run(tmp_path, save_models="best")
    assert watcher.trained == []
    # These are other weights, so the trials are trained again.
    _, watcher = run(tmp_path, save_models="final")
    assert len(watcher.trained) == 8
    assert {path.suffix for path in (results.folder / "models").iterdir()} == {".keras", ".json"}


def test_probes_requested_later_are_measured_then(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    before = finished.results.trials.set_index("trial")
    results, watcher = run(tmp_path, probes=["effective_rate"])
    assert len(watcher.trained) == 8
    assert set(results.measurements("kernel_norm")["trial"]) == set(before.index)
    # The same trainings, under the same ids.
    after = results.trials.set_index("trial")
    assert after["validation_loss"].to_dict() == before["validation_loss"].to_dict()
    _, watcher = run(tmp_path, probes=["effective_rate"])
    assert watcher.trained == []
    # Fewer probes ask for nothing new. What was measured stays.
    results, watcher = run(tmp_path)
    assert watcher.trained == []
    assert len(results.measurements("kernel_norm"))
    # More looks than were taken are a reason to train again.
    looks = [len(run(tmp_path, probes=[{"sharpness": {"looks": looks}}])[1].trained) for looks in (0, 0, 1, 0)]
    assert looks == [8, 0, 8, 0]


def test_a_model_that_keras_refuses_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_checks_of_the_file(monkeypatch)
    layers = [{"permute": {"dims": [2, 1]}}, "norm", {"dense": 3}]
    with pytest.raises(ConfigError, match=r"model.layers\[0\].permute: permute_0 \(Permute\) gets \(5,\)"):
        run(tmp_path, model={"layers": layers})
    assert not (tmp_path / "results").exists()


def test_networks_continue_the_results_of_lists_of_layers_and_are_kept(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished.copy_to(tmp_path)
    write_no_report(monkeypatch)
    for cohort in make_plan().cohorts:
        network = Network((5,), cohort.program.layers, "float32", {})
        (tmp_path / f"{cohort.variant}.json").write_text(write_network(network))
    variants = {name: {"network": f"{name}.json"} for name in ("plain", "batchnorm")}
    config = {key: value for key, value in values(variants=variants).items() if key != "model"}
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(config, sort_keys=False))
    kept, wanted = tmp_path / "results" / "tiny" / "model-plain.json", (tmp_path / "plain.json").read_text()
    recorded = kept.with_name("config.yaml")
    # The results folder alone is enough for the last run.
    for path, prepare in ((own, None), (own, lambda: kept.write_text("{}")), (recorded, own.unlink)):
        if prepare:
            prepare()
        watcher = Recorder()
        bnbench.run(path, results_dir=tmp_path / "results", jobs=0, watcher=watcher)
        assert watcher.trained == []
        assert kept.read_text() == wanted
        assert "network: model-plain.json" in recorded.read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__optimizer": {"sgd": {"momentum": 7}}}, r"tiny.yaml:27:5: train.optimizer: SGD: .*momentum"),
        ({"train__schedule": {"piecewise_constant": {"boundaries": [1], "values": [1]}}}, "train.schedule: Piecewise"),
        (
            {"train__callbacks": [{"reduce_lr_on_plateau": {"factor": 2.0}}]},
            r"train.callbacks\[0\]: ReduceLROnPlateau: ",
        ),
    ],
    ids=str,
)
def test_values_that_keras_refuses_write_nothing(
    tmp_path: Path, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_checks_of_the_file(monkeypatch)
    with pytest.raises(ConfigError, match=message):
        run(tmp_path, **changes)
    assert not (tmp_path / "results").exists()


@pytest.mark.usefixtures("_fresh_programs")
def test_a_program_that_does_not_compile_fails_its_trials_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_up = CompiledProgram.warm_up

    def broken(self: CompiledProgram) -> None:
        if any(layer.class_name == "BatchNormalization" for layer in self.program.layers):
            raise MemoryError("none left")
        warm_up(self)

    monkeypatch.setattr(CompiledProgram, "warm_up", broken)
    results, _ = run(tmp_path, train__engine="graph")
    statuses = results.trials.groupby("variant")["status"].unique().str[0]
    assert statuses.to_dict() == {"plain": "completed", "batchnorm": "failed"}


def test_a_refused_run_changes_no_file(finished: Finished, tmp_path: Path) -> None:
    finished.copy_to(tmp_path)
    folder = tmp_path / "results" / "tiny"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("**/*") if path.name[0] != "."}
    with store.open_for_writing(folder), pytest.raises(ResultsError, match="in use by process"):
        run(tmp_path)
    for path, time in before.items():
        assert path.name == store.DATABASE or path.stat().st_mtime_ns == time, path


@pytest.mark.parametrize("problem", ["in use by process", "a link to nothing", "not a folder"])
def test_a_folder_that_cannot_be_used_is_refused_before_a_program_is_built(
    tmp_path: Path, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SerialExecutor, "check", lambda *_: pytest.fail("a program was built"))
    folder = tmp_path / "results" / "tiny"
    folder.parent.mkdir()
    if problem == "a link to nothing":
        folder.symlink_to("nowhere")
    elif problem == "not a folder":
        folder.touch()
    in_use = store.lock_folder(folder) if problem == "in use by process" else nullcontext()
    with in_use, pytest.raises(ResultsError, match=problem):
        run(tmp_path)


def test_trial_states_are_known_without_training(tmp_path: Path) -> None:
    planned = make_plan()
    assert sweep.stored_states(tmp_path) == {}
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Recorder(interrupt_after=1))
    assert list(sweep.stored_states(tmp_path / "results" / "tiny").values()) == ["completed"]
    assert sweep.step_seconds(tmp_path) == {}
    assert list(sweep.step_seconds(tmp_path / "results" / "tiny")) == [planned.cohorts[0].program.key]


def test_a_plan_reads_the_facts_of_each_data_set_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        access, "dataset_info", lambda settings, places, download: asked.append(settings.name) or facts()
    )
    path = write(tmp_path / "tiny.yaml", sweep__grid={"train.batch_size": [4, 8, 16]})
    sweep.prepare_plan(path, {}, DataDirs(cache_dir=tmp_path))
    assert asked == ["digits"]
