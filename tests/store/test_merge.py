"""Parts of a sweep are joined to what one run would have stored, and a trial of two parts is compared."""

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bnbench
from bnbench.cli.main import main
from bnbench.errors import ConfigError, ResultsError
from bnbench.planning import identity
from bnbench.planning.adaptive.record import DesignRecord
from bnbench.planning.part import Part
from bnbench.planning.plan import ChosenPlan
from bnbench.planning.trial import Fault
from bnbench.planning.trial import Result as TrialResult
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from bnbench.store.merge import Compared, MergeSummary, merge_folders
from support.examples import facts, make_plan
from support.quick import write_no_report
from support.stored import change, end
from support.sweeps import TIMES, made_up_data, write

SEEDS = 6
# Of the 2 variants and 2 rates.
A_SEED = 4


def part_of(folder: Path, number: int, overlap: int = 0, of: Any = None, **changes: Any) -> Path:
    """Store what a run of one of three parts stores, without training."""
    plan = make_plan(of, **({"sweep__seeds": SEEDS} | changes))
    part = Part(number, 3, overlap)
    path = folder / f"tiny{part.suffix}"
    with store.open_for_writing(path) as opened:
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        opened.set_part(part)
        for cohort in plan.of_part(part).cohorts:
            for trial in cohort.trials:
                opened.add(end(plan, trial.number - 1, None if trial.learning_rate > 0.05 else 0.6), part=str(part))
    results_dir.write_text(path / results_dir.CONFIG, plan.experiment.to_yaml())
    results_dir.write_text(path / results_dir.ENVIRONMENT, '{"packages": {"keras": "3.15.1"}}')
    return path


def three(folder: Path, overlap: int = 0) -> list[Path]:
    return [part_of(folder, number, overlap) for number in (1, 2, 3)]


def merge(out: Path, *folders: Path) -> MergeSummary:
    return merge_folders(out, folders)


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["merge", *map(str, words)], prog_name="bnbench", catch_exceptions=False)


def test_three_parts_are_the_whole_sweep(tmp_path: Path) -> None:
    parts = three(tmp_path)
    summary = merge(tmp_path / "tiny", *parts)
    assert summary.added == dict.fromkeys(parts, 2 * A_SEED)
    assert (summary.several.trials, summary.missing, summary.failed, summary.left_out) == (0, 0, 0, 0)
    merged = Results(tmp_path / "tiny")
    assert (len(merged.trials), merged.planned, merged.part) == (SEEDS * A_SEED, SEEDS * A_SEED, None)
    assert merged.config.experiment is not None
    assert len(merged.history) == sum(len(Results(part).history) for part in parts)


def test_a_part_counts_its_own_trials_and_says_so(tmp_path: Path) -> None:
    part = Results(part_of(tmp_path, 2))
    assert (part.planned, str(part.part)) == (2 * A_SEED, "2/3")
    assert sorted(set(part.trials["seed"])) == [1, 4]
    shown = CliRunner().invoke(main, ["show", str(part.folder)]).stdout
    assert "part 2/3" in shown


def test_a_merge_can_be_continued_part_by_part(tmp_path: Path) -> None:
    first, second, third = three(tmp_path)
    assert merge(tmp_path / "tiny", first).missing == 4 * A_SEED
    assert merge(tmp_path / "tiny", second, third).missing == 0
    again = merge(tmp_path / "tiny", first, second, third)
    assert (sum(again.added.values()), again.several.trials, again.different) == (0, 0, [])
    assert again.known == Compared(SEEDS * A_SEED, SEEDS * A_SEED)


def test_equal_bits_in_several_parts_are_counted(tmp_path: Path) -> None:
    summary = merge(tmp_path / "tiny", *three(tmp_path, overlap=1))
    assert (summary.several, summary.different) == (Compared(A_SEED, A_SEED), [])


def test_a_trial_that_differs_in_two_folders_is_counted_once(tmp_path: Path) -> None:
    parts = three(tmp_path, overlap=1)
    trial = Results(parts[0]).trials.query("seed == 0")["trial"].iloc[0]
    change(parts[0], "UPDATE trials SET test_loss = 0.75 WHERE id = ?", (trial,))
    done = call(tmp_path / "tiny", *parts)
    assert "4 trials in several folders: 3 with the same bits" in done.stdout
    assert "1 trial with different outcomes in two folders" in done.stderr
    assert done.stderr.count(f"({trial}) in {parts[0]}, which is kept") == 2
    again = call(tmp_path / "tiny", *parts[1:])
    assert "4 trials in several folders: 4 with the same bits" in again.stdout
    assert f"{5 * A_SEED} trials already in {tmp_path / 'tiny'}: {5 * A_SEED - 1} with the same bits" in again.stdout


@pytest.mark.parametrize(
    ("statement", "values", "wanted"),
    [
        ("UPDATE history SET validation_loss = validation_loss + 1e-15 WHERE trial = ? AND epoch = 2", (),
         r"validation_loss from epoch 2 on: 0\.55\d* and 0\.55"),
        ("UPDATE trials SET test_loss = 0.5000000000000001 WHERE id = ?", (), r"test_loss: 0\.5\d* and 0\.5"),
        ("UPDATE trials SET divergence = 'blown', diverged_at_step = 7 WHERE id = ?", (), r"divergence: .*blown"),
        ("DELETE FROM history WHERE trial = ? AND epoch = 3", (), "epochs: 4 and 3|epochs: 3 and 4"),
    ],
)  # fmt: skip
def test_one_altered_digit_is_found_and_told(tmp_path: Path, statement: str, values: Any, wanted: str) -> None:
    parts = three(tmp_path, overlap=1)
    trials = Results(parts[1]).trials
    (trial,) = trials.query("seed == 0 and learning_rate == 0.01 and variant == 'plain'")["trial"]
    change(parts[1], statement, (*values, trial))
    done = call(tmp_path / "tiny", *parts)
    assert done.exit_code == 3
    assert "1 trial with different outcomes in two folders" in done.stderr
    assert f"plain lr=0.01 seed=0 ({trial}) in {parts[0]}, which is kept, and {parts[1]}: " in done.stderr
    assert re.search(wanted, done.stderr)
    assert "4 trials in several folders: 3 with the same bits" in done.stdout
    kept, first = Results(tmp_path / "tiny"), Results(parts[0])
    assert (
        kept.history[kept.history["trial"] == trial]
        .reset_index(drop=True)
        .equals(first.history[first.history["trial"] == trial].reset_index(drop=True))
    )


def test_altered_step_losses_are_found(tmp_path: Path) -> None:
    import zlib

    import numpy as np

    parts = three(tmp_path, overlap=1)
    trials = Results(parts[2]).trials
    trial = trials[(trials["seed"] == 0) & (trials["status"] == "completed")]["trial"].iloc[0]
    losses = np.ones(18, "<f4")
    losses[4] = np.nextafter(np.float32(1), np.float32(2))
    change(parts[2], "UPDATE trials SET step_losses = ? WHERE id = ?", (zlib.compress(losses.tobytes()), trial))
    (found,) = merge(tmp_path / "tiny", *parts).different
    assert found.differences == ["step losses from step 5 on: 1 and 1.00000012"]


def test_what_ended_is_kept_rather_than_what_failed(tmp_path: Path) -> None:
    parts = three(tmp_path, overlap=1)
    ended = Results(parts[0]).trials
    trial, program = ended.loc[ended["seed"] == 0, "trial"].iloc[0], "p"
    for folder in parts[:2]:
        change(folder, "DELETE FROM history WHERE trial = ?", (trial,))
        change(folder, "DELETE FROM trials WHERE id = ?", (trial,))
        with store.open_for_writing(folder) as opened:
            opened.add(TrialResult(trial, program, 3, fault=Fault("MemoryError: none", "")))
    summary = merge(tmp_path / "tiny", *parts)
    assert (summary.failed, summary.missing, summary.different) == (0, 0, [])
    kept = Results(tmp_path / "tiny").trials
    assert kept.loc[kept["trial"] == trial, "status"].tolist() == ["completed"]


def test_saved_models_come_along(tmp_path: Path) -> None:
    parts = three(tmp_path)
    trial = Results(parts[1]).trials["trial"].iloc[0]
    for name in (f"models/{trial}.keras", f"checkpoints/{trial}-1.weights.h5", f"tensorboard/{trial}/events"):
        (parts[1] / name).parent.mkdir(parents=True, exist_ok=True)
        (parts[1] / name).write_text(name)
    (parts[1] / "models" / f"{'0' * 16}.keras").write_text("of no trial")
    merge(tmp_path / "tiny", *parts)
    for name in (f"models/{trial}.keras", f"checkpoints/{trial}-1.weights.h5", f"tensorboard/{trial}/events"):
        assert (tmp_path / "tiny" / name).read_text() == name
    assert len(list((tmp_path / "tiny" / "models").iterdir())) == 1


def test_saved_models_of_a_trial_that_was_merged_before_are_added(tmp_path: Path) -> None:
    first, second, out = part_of(tmp_path, 1, overlap=1), part_of(tmp_path, 2, overlap=1), tmp_path / "tiny"
    trials = Results(first).trials.query("seed == 0 and status == 'completed'")["trial"]
    both, later = trials.iloc[0], trials.iloc[1]
    put(first, f"models/{both}.json", "final")
    put(first, f"models/{both}.keras", "final")
    merge(out, first)
    for trial in (both, later):
        for name in (f"models/{trial}.json", f"models/{trial}.keras", f"tensorboard/{trial}/a/events"):
            put(second, name, "best")
    (second / "tensorboard" / later / "link").symlink_to(first / "trials.db")
    assert merge(out, second).completed == {both, later}
    assert {path.suffix: path.read_text() for path in (out / "models").glob(f"{both}.*")} == {
        ".json": "final", ".keras": "final",
    }  # fmt: skip
    assert {path.suffix: path.read_text() for path in (out / "models").glob(f"{later}.*")} == {
        ".json": "best", ".keras": "best",
    }  # fmt: skip
    assert [path.name for path in (out / "tensorboard" / later).iterdir()] == ["a"]
    assert (out / "tensorboard" / both / "a" / "events").read_text() == "best"
    assert merge(out, second).completed == set()


def test_files_of_another_outcome_are_not_copied(tmp_path: Path) -> None:
    first, second, _ = three(tmp_path, overlap=1)
    trial = Results(first).trials.query("seed == 0")["trial"].iloc[0]
    change(second, "UPDATE trials SET test_loss = 0.75 WHERE id = ?", (trial,))
    put(second, f"models/{trial}.keras", "another")
    merge(tmp_path / "tiny", first, second)
    assert not (tmp_path / "tiny" / "models").exists()


def test_the_device_is_kept_and_must_be_the_same(tmp_path: Path) -> None:
    first, second, third = three(tmp_path)
    devices = {first: None, second: "NVIDIA H100", third: ""}
    for folder, device in devices.items():
        if device is not None:
            with store.open_for_writing(folder) as opened:
                opened.set_device(device)
    merge(tmp_path / "tiny", first, second)
    with store.open_for_reading(tmp_path / "tiny") as opened:
        assert opened.device() == "NVIDIA H100"
    with pytest.raises(ResultsError, match=r"was trained on the processor, but .* on NVIDIA H100"):
        merge(tmp_path / "other", second, third)
    with pytest.raises(ResultsError, match=r"was trained on the processor, but .*tiny on NVIDIA H100"):
        merge(tmp_path / "tiny", third)


def test_files_that_are_no_results_are_not_overwritten(tmp_path: Path) -> None:
    part, out = part_of(tmp_path, 1), tmp_path / "stuff"
    put(out, "config.yaml", "mine")
    with pytest.raises(ResultsError, match=r"stuff: not a results folder: .*config.yaml.*choose another .*empty"):
        merge(out, part)
    assert [path.name for path in out.iterdir()] == ["config.yaml"]
    assert (out / "config.yaml").read_text() == "mine"
    (out / "config.yaml").unlink()
    (out / ".lock").touch()
    assert merge(out, part).added == {part: 2 * A_SEED}


def test_the_settings_of_a_folder_that_has_results_stay(tmp_path: Path) -> None:
    first, second, _ = three(tmp_path)
    out = tmp_path / "tiny"
    merge(out, first)
    mine = (out / "config.yaml").read_text(encoding="utf-8") + "title: mine\n"
    put(out, "config.yaml", mine)
    (out / "environment.json").unlink()
    merge(out, second)
    assert (out / "config.yaml").read_text(encoding="utf-8") == mine
    assert (out / "environment.json").exists()


def test_a_merge_that_was_killed_as_it_began_is_continued(tmp_path: Path) -> None:
    part, out = part_of(tmp_path, 1), tmp_path / "tiny"
    with store.open_for_writing(out):
        pass
    assert merge(out, part).added == {part: 2 * A_SEED}


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"train__epochs": 4}, "train.epochs is 3 there, 4 here"),
        ({"sweep__seeds": 7}, "sweep.seeds is 6 there, 7 here"),
        ({"train__engine": "graph"}, "train.engine is .* there, graph here"),
    ],
)
def test_other_settings_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], wanted: str) -> None:
    first, second = part_of(tmp_path / "a", 1), part_of(tmp_path / "b", 2, **changes)
    with pytest.raises(ResultsError, match=f"has another plan than .*: {wanted}"):
        merge(tmp_path / "tiny", first, second)
    assert not store.has_results(tmp_path / "tiny")


def test_other_data_and_other_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = part_of(tmp_path / "a", 1), part_of(tmp_path / "b", 2, of=facts(rows=90))
    with pytest.raises(ResultsError, match="has another plan than"):
        merge(tmp_path / "tiny", first, other)
    monkeypatch.setattr(identity, "library_versions", lambda: {"keras": "3.99", "tensorflow": "2.99"})
    newer = part_of(tmp_path / "c", 3)
    results_dir.write_text(newer / results_dir.ENVIRONMENT, '{"packages": {"keras": "3.99.0"}}')
    with pytest.raises(ResultsError, match=r"packages.keras is 3.15.1 there, 3.99.0 here"):
        merge(tmp_path / "tiny", first, newer)


def test_only_what_changes_a_plan_is_named(tmp_path: Path) -> None:
    first = part_of(tmp_path / "a", 1)
    changes = {"save_models": "best", "title": "another", "name": "other", "baseline": "batchnorm", "top_k": 3}
    other = part_of(tmp_path / "b", 2, train__epochs=4, **changes)
    put(other, "environment.json", '{"packages": {"keras": "3.15.9"}, "data": {"a.csv": {"folder": "elsewhere"}}}')
    with pytest.raises(ResultsError) as caught:
        merge(tmp_path / "tiny", first, other)
    assert str(caught.value).endswith(": train.epochs is 3 there, 4 here")


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    first, other = part_of(tmp_path / "a", 1), part_of(tmp_path / "b", 2, train__epochs=4)
    (other / "config.yaml").unlink()
    with pytest.raises(ResultsError) as caught:
        merge(tmp_path / "tiny", first, other)
    assert str(caught.value).endswith(f"has another plan than {first}: {other} has no config.yaml to compare")


def test_folders_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    first, second, _ = three(tmp_path)
    with pytest.raises(ResultsError, match="given twice"):
        merge(tmp_path / "tiny", first, first)
    with pytest.raises(ResultsError, match="is the folder to write"):
        merge(first, second, first)
    with pytest.raises(ResultsError, match="is part 1/3 itself: name another folder"):
        merge(first, second)
    with pytest.raises(ResultsError, match="no results here"):
        merge(tmp_path / "tiny", tmp_path / "nothing")


def test_an_overlap_needs_a_part(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="overlap: is for a part of a sweep: give part, too"):
        bnbench.run(write(tmp_path / "tiny.yaml"), results_dir=tmp_path, jobs=0, overlap=1)


def test_parts_that_were_trained_are_the_bits_of_one_run(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.yaml", sweep__seeds=3, save_models="final")
    with made_up_data(), pytest.MonkeyPatch.context() as patch:
        # The merge writes the only report that is read.
        write_no_report(patch)
        whole = bnbench.run(path, results_dir=tmp_path / "whole", jobs=0)
        parts = [bnbench.run(path, results_dir=tmp_path / "parts", jobs=0, part=f"{i}/3", overlap=1) for i in (1, 2, 3)]
    done = call(tmp_path / "merged", *(part.folder for part in parts))
    assert done.exit_code == 0, done.stderr
    assert "12 of 12 trials" in done.stdout
    merged = bnbench.open(tmp_path / "merged")
    assert merged.trials.drop(columns=TIMES).equals(whole.trials.drop(columns=TIMES))
    assert merged.history.drop(columns="seconds").equals(whole.history.drop(columns="seconds"))
    assert set(merged.sources["part"]) == {"1/3", "2/3", "3/3"}
    assert set(whole.sources["part"]) == {""}
    assert merged.sources["kind"].unique().tolist() == [1]
    assert len(list((tmp_path / "merged" / "models").glob("*.keras"))) == 12
    assert (tmp_path / "merged" / "report.html").exists()


def test_trials_outside_a_smaller_part_do_not_exceed_the_plan(tmp_path: Path) -> None:
    part = part_of(tmp_path, 2, overlap=1)
    with store.open_for_writing(part) as opened:
        opened.set_part(Part(2, 3))
    results = Results(part)
    assert (len(results.trials), results.planned) == (3 * A_SEED, 3 * A_SEED)
    with store.open_for_reading(part) as opened:
        counts = opened.counts()
    assert (counts.ended, counts.planned) == (3 * A_SEED, 3 * A_SEED)


def test_a_later_run_of_a_part_keeps_its_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_no_report(monkeypatch)
    path = write(tmp_path / "tiny.yaml", sweep__seeds=3)
    with made_up_data():
        for words in ({"overlap": 1}, {}):
            part = bnbench.run(path, results_dir=tmp_path, jobs=0, part="2/3", **words)
            assert (len(part.trials), part.planned) == (2 * A_SEED, 2 * A_SEED)
            assert part.part == Part(2, 3, 1)


def test_folders_of_adaptive_designs_are_not_merged(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        with store.open_for_writing(folder) as opened:
            opened.set_plan(ChosenPlan(()), DesignRecord())
    with pytest.raises(ResultsError, match="an adaptive design"):
        merge_folders(tmp_path / "all", folders)
