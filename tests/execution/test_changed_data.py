"""Data and settings that change between the plan and the last trial are noticed, and no outcome gets a wrong id."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import pytest

from bnbench.data import access
from bnbench.data.datasets import letter
from bnbench.data.types import DataDirs
from bnbench.errors import DataError
from bnbench.execution import sweep
from bnbench.execution.in_process import InProcessTrainer, SerialExecutor, load_from
from bnbench.execution.progress import SilentProgress
from bnbench.execution.protocols import Executor, ExecutorRequest
from bnbench.execution.sweep import SweepOptions, run_sweep
from bnbench.planning.plan import Plan, Program, Trial
from bnbench.planning.trial import OnEpoch, Result, Saving
from bnbench.store import results_dir, store
from support.sweeps import write
from support.trainers import Quick


class Reading(Quick):
    """Trains nothing, but loads the data as a worker does."""

    def __init__(self, data_dirs: DataDirs) -> None:
        self.data_dirs = data_dirs

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        access.load_planned(program.data, self.data_dirs, program.facts)
        return super().train(program, trials, saving, on_epoch)


class Forgetful(Quick):
    """Reports the data of its second trial as other data."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        result = super().result(program, trial, on_epoch)
        return replace(result, fingerprint="other") if trial.number == 2 else result


def letters(path: Path, first: int = 0) -> None:
    """Write three rows for each letter; `first` is the first value of the file."""
    lines = [f"{ascii_uppercase[i % 26]},{i // 26},{',3' * 14}" for i in range(78)]
    rows = [line.replace(",,", f",{i % 7},").split(",") for i, line in enumerate(lines)]
    rows[0][1] = str(first)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(",".join(row) + "\n" for row in rows))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirs:
    """A folder with a small data set."""
    letters(tmp_path / "own" / "letter" / letter.FILE)
    forms = letter.forms(letter.Spec(rows=78, test_rows=26, fingerprint=""))
    monkeypatch.setitem(access.DATASETS, "letter", replace(letter.LETTER, forms=forms, remotes=()))
    return DataDirs(tmp_path / "own", tmp_path / "cache", offline=True)


@pytest.fixture
def plan(tmp_path: Path, data: DataDirs) -> Plan:
    path = write(tmp_path / "tiny.yaml", data={"name": "letter"}, variants={"plain": {}}, sweep__learning_rate=[0.1])
    return sweep.prepare_plan(path, {}, data)


def options(folder: Path, data: DataDirs, make: type[Quick], watcher: SilentProgress | None = None) -> SweepOptions:
    @contextmanager
    def serial(request: ExecutorRequest) -> Iterator[Executor]:
        yield SerialExecutor(lambda: make(data) if make is Reading else make())  # type: ignore[call-arg]

    return SweepOptions(folder, data, lambda folder: None, watcher or SilentProgress(), open_executor=serial)


class Replacing(SilentProgress):
    """Replaces a file when the run begins, or after its first trial."""

    def __init__(self, path: Path, content: bytes, after_a_trial: bool = False) -> None:
        self.path, self.content, self.after_a_trial = path, content, after_a_trial

    def begin(self, *_: object) -> None:
        if not self.after_a_trial:
            self.path.write_bytes(self.content)

    def result(self, *_: object) -> None:
        if self.after_a_trial:
            self.path.write_bytes(self.content)


def states(folder: Path) -> list[str]:
    with store.open_for_reading(folder) as opened:
        return list(opened.states().values())


def test_a_data_file_that_is_replaced_before_the_first_trial_is_noticed(
    plan: Plan, data: DataDirs, tmp_path: Path
) -> None:
    path = Path(str(data.data_dir)) / "letter" / letter.FILE
    letters(tmp_path / "other", first=9)
    watcher = Replacing(path, (tmp_path / "other").read_bytes())
    with pytest.raises(DataError, match=r"own/letter: letter has changed since the plan was made: found 78 rows") as e:
        run_sweep(plan, options(tmp_path / "results", data, Reading, watcher))
    assert e.value.exit_code == 2
    assert plan.cohorts[0].program.facts.fingerprint[:16] in str(e.value)
    assert states(tmp_path / "results") == []


def test_a_result_of_other_data_is_not_stored_and_earlier_results_are_kept(
    plan: Plan, data: DataDirs, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"letter: trial {plan.trials[1].id} was trained on data with fingerprint"):
        run_sweep(plan, options(tmp_path / "results", data, Forgetful))
    assert states(tmp_path / "results") == ["completed"]


def test_a_worker_compares_what_it_loads_with_each_plan(plan: Plan, data: DataDirs, tmp_path: Path) -> None:
    trainer = InProcessTrainer(load_from(data))
    program = plan.cohorts[0].program
    saving = Saving(tmp_path)
    (result,) = trainer.train(program, plan.trials[:1], saving, lambda trial, epoch: None)
    assert result.fault is None
    assert result.fingerprint == program.facts.fingerprint
    other = replace(program, facts=replace(program.facts, fingerprint="0" * 64))
    with pytest.raises(DataError, match="planned with 78 rows with fingerprint 0000000000000000"):
        trainer.train(other, plan.trials[:1], saving, lambda trial, epoch: None)


def test_cached_arrays_of_other_data_are_noticed(plan: Plan, data: DataDirs, tmp_path: Path) -> None:
    """An entry of the cache that is whole but holds other data than its files."""
    (own,) = (data.cache_dir / "parsed").iterdir()
    letters(tmp_path / "more" / "letter" / letter.FILE, first=9)
    access.dataset_info(plan.experiment.data, DataDirs(tmp_path / "more", tmp_path / "cache", offline=True))
    (other,) = set((data.cache_dir / "parsed").iterdir()) - {own}
    for file in own.iterdir():
        file.write_bytes((other / file.name).read_bytes())
    with pytest.raises(DataError, match="letter has changed since the plan was made"):
        run_sweep(plan, options(tmp_path / "results", data, Reading))


def test_a_cache_that_is_overwritten_later_does_not_change_loaded_arrays(plan: Plan, data: DataDirs) -> None:
    loaded = access.load_planned(plan.experiment.data, data, plan.cohorts[0].program.facts)
    before = np.array(loaded.x)
    (folder,) = (data.cache_dir / "parsed").iterdir()
    with (folder / "x.npy").open("r+b") as file:
        file.seek(200)
        file.write(b"\xff" * 100)
    assert np.array_equal(loaded.x, before)


def test_settings_in_the_results_folder_that_change_during_a_run_are_written_again(
    plan: Plan, data: DataDirs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "results" / results_dir.CONFIG
    run_sweep(plan, options(tmp_path / "results", data, Quick, Replacing(path, b"name: other\n", after_a_trial=True)))
    assert path.read_text() == plan.experiment.to_yaml()
    assert "config.yaml: changed during the run" in caplog.text


def test_data_that_changed_since_the_last_run_are_said_with_the_stored_trials(
    data: DataDirs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "own.yaml", data={"table": "own.csv", "target": "y"}, variants={"plain": {}})
    places, rows = replace(data, config_dir=tmp_path), [f"{i},{'kl'[i % 2]}\n" for i in range(60)]

    def run(content: str) -> Plan:
        (tmp_path / "own.csv").write_text(content)
        made = sweep.prepare_plan(path, {}, places)
        caplog.clear()
        run_sweep(made, options(tmp_path / "results", places, Reading))
        return made

    old = run("a,y\n" + "".join(rows)).cohorts[0].program.facts
    assert "have changed" not in caplog.text
    recorded = results_dir.read_environment(tmp_path / "results")["data"]["own.csv"]
    assert (recorded["folder"], recorded["shape"]) == (f"…/{tmp_path.name}", [1])
    new = run("a,y\n" + "".join(rows[:50])).cohorts[0].program.facts
    assert "own.csv: the data have changed since the last run" in caplog.text
    assert f"fingerprint {old.fingerprint[:16]} with 60 rows before" in caplog.text
    assert f"now {new.fingerprint[:16]} with 50 rows. 4 stored trials of the old rows" in caplog.text
    assert len(states(tmp_path / "results")) == 8
    run("a,y\n" + "".join(rows[:50]))
    assert "have changed" not in caplog.text
