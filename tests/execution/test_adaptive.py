"""Adaptive designs that really train: what is stored, how they go on, and what their results say."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

import bnbench
from bnbench.analysis.trials import scored_trials
from bnbench.cli.main import main
from bnbench.commands.design_judge import ResultsJudge
from bnbench.errors import ConfigError
from bnbench.store import store
from support.sweeps import Recorder, made_up_data, run, write

DESIGN = {
    "train__epochs": 10,
    "sweep__learning_rate": {"from": 0.01, "to": 100.0, "points": 6},
    "sweep__adaptive": {"edge": {"within": 0.5, "at_most": 7}, "best": True, "seeds": {"at_most": 5, "rope": 0.5}},
}
NO_DESIGN = {**DESIGN, "sweep__adaptive": None}


@pytest.fixture(scope="module", autouse=True)
def _made_up_data() -> Iterator[None]:
    with made_up_data():
        yield


class Reader(Recorder):
    """Looks into the folder while a trial is in its first epoch."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.was_recorded = folder, []

    def epoch(self, trial: Any, epoch: Any) -> None:
        if epoch.epoch == 1:
            with store.open_for_reading(self.folder) as opened:
                record = opened.design()
            self.was_recorded.append(trial.id in {one.trial for one in record.places[0].entries})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Reader]:
    folder = tmp_path_factory.mktemp("design")
    return folder, *run(folder, Reader(folder / "results" / "tiny"), reported=True, **DESIGN)


def test_a_design_trains_chooses_searches_and_judges(finished: tuple[Path, Any, Reader]) -> None:
    _, results, watcher = finished
    stages = results.trials["stage"].value_counts()
    assert set(stages.index) == {"choose", "edge", "judge"}
    assert len(watcher.trained) == len(results.trials) == stages.sum()
    assert results.design.record.finished
    assert results.trials["status"].isin(["completed", "diverged"]).all()
    ratio = results.edge_ratio("batchnorm")
    assert ratio.low < ratio.estimate < ratio.high


def test_scores_are_those_of_the_seeds_that_judge(finished: tuple[Path, Any, Reader]) -> None:
    _, results, _ = finished
    judging = results.design.judging({})
    assert judging.looks
    n = judging.looks[-1].n
    assert results.variants.set_index("variant")["n"].to_dict() == {"plain": n, "batchnorm": n}
    judged = results.trials[results.trials["stage"] == "judge"]
    for name, rates in judging.rates.items():
        assert results.variants.set_index("variant")["best_rate"][name] == rates[0]
        own = judged[(judged["variant"] == name) & judged["seed"].isin(judging.seeds[:n])]
        shown = results.variants.set_index("variant")["test_score_mean"][name]
        assert shown == pytest.approx(own["test_score"].mean())
    others = results.trials[results.trials["stage"] != "judge"]
    assert not set(others["seed"]) & set(judged["seed"])


def test_a_failing_training_for_an_edge_ends_early_under_another_id(finished: tuple[Path, Any, Reader]) -> None:
    _, results, _ = finished
    searched = results.trials[results.trials["stage"] == "edge"]
    failed = searched[(searched["outcome"] == "chance") & (searched["status"] == "completed")]
    assert (failed["epochs"] < 10).any() or failed.empty
    whole = results.trials[results.trials["stage"] == "judge"]
    assert (whole["epochs"] == 10).all()


def test_the_report_shows_how_the_design_decided(finished: tuple[Path, Any, Reader]) -> None:
    _, results, _ = finished
    text = (results.folder / "report.md").read_text(encoding="utf-8")
    assert "## How the design decided" in text
    assert "## What the design trained" in text
    assert "repeated 95% interval" in text
    assert "an adaptive design" in text
    assert (results.folder / "plots" / "edge.png").is_file()
    html = (results.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="design"' in html


def test_a_second_run_trains_nothing(finished: tuple[Path, Any, Reader], tmp_path: Path) -> None:
    shutil.copytree(finished[0] / "results", tmp_path / "results")
    again, watcher = run(tmp_path, **DESIGN)
    assert (watcher.todo, watcher.trained) == (0, [])
    assert again.trials.equals(finished[1].trials)
    assert again.design.record == finished[1].design.record


@pytest.mark.parametrize("after", [5, 25])
def test_an_interrupted_design_goes_on_where_it_was(
    finished: tuple[Path, Any, Reader], tmp_path: Path, after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Recorder(interrupt_after=after), reported=True, **DESIGN)
    text = (tmp_path / "results" / "tiny" / "report.md").read_text(encoding="utf-8")
    # After the first few trainings there is no answer that could be provisional.
    assert after == 5 or "Provisional: the design is not finished" in text
    assert "not finished, so verdicts are provisional" in text
    stopped = bnbench.open(tmp_path / "results" / "tiny")
    assert len(stopped.trials) == after
    assert not stopped.design.record.finished
    resumed, watcher = run(tmp_path, **DESIGN)
    assert len(watcher.trained) == len(finished[1].trials) - after
    assert resumed.design.record == finished[1].design.record
    columns = ["trial", "stage", "validation_score", "test_score"]
    assert resumed.trials[columns].equals(finished[1].trials[columns])


def test_trials_of_a_grid_are_used_by_a_design_and_the_reverse(tmp_path: Path) -> None:
    changes = {name: value for name, value in DESIGN.items() if name != "sweep__adaptive"}
    grid, _ = run(tmp_path, **changes)
    before = set(grid.trials["trial"])
    design, watcher = run(tmp_path, **DESIGN)
    assert before <= set(design.trials["trial"])
    assert len(watcher.trained) == len(design.trials) - len(before)
    again, watcher = run(tmp_path, **changes)
    assert watcher.trained == []
    assert again.design is None
    assert "stage" not in again.trials
    assert set(again.trials["trial"]) == before
    # The design goes on, too.
    back, watcher = run(tmp_path, **DESIGN)
    assert watcher.trained == []
    assert back.design.record == design.design.record


def test_the_record_names_every_trial_before_it_starts(finished: tuple[Path, Any, Reader]) -> None:
    seen = finished[2].was_recorded
    assert len(seen) == len(finished[1].trials)
    assert all(seen)


def test_until_decided_judges_on_seeds_after_the_grid(tmp_path: Path) -> None:
    changes = {**DESIGN, "sweep__adaptive": {"seeds": {"at_most": 5}}, "sweep__learning_rate": [0.01, 0.1]}
    results, _ = run(tmp_path, **changes)
    stages = results.trials.groupby("stage")["seed"].unique()
    assert set(stages["choose"]) == {0, 1}
    assert set(stages["judge"]) <= {2, 3, 4, 5, 6}
    # The grid gives the metrics over all rates.
    assert results.variants["lr_sensitivity"].notna().all()
    assert results.variants["n"].min() >= 3


def test_a_rope_that_cannot_be_decided_is_refused_before_a_seed_judges(tmp_path: Path) -> None:
    adaptive = {"seeds": {"at_most": 5, "rope": 0.0001}}
    with pytest.raises(ConfigError, match=r"a rope of 0\.0001 cannot be decided with 5 seeds"):
        run(tmp_path, **{**DESIGN, "sweep__adaptive": adaptive, "sweep__learning_rate": [0.01, 0.1], "sweep__seeds": 3})
    results = bnbench.open(tmp_path / "results" / "tiny")
    assert set(results.trials["stage"]) == {"choose"}
    assert results.design.record.places[0].judgings[0].ended == "refused"


def test_a_claim_about_the_edge_and_one_about_scores_get_their_verdicts(tmp_path: Path) -> None:
    claims = [
        {"text": "higher", "metric": "edge", "of": "batchnorm", "ratio": {"at_least": 1e-6}},
        {"text": "lower", "metric": "edge", "of": "batchnorm", "ratio": {"at_most": 1e-6}},
        {"text": "score", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": -0.99}},
        {"text": "over all rates", "metric": "lr_sensitivity", "of": "batchnorm", "ratio": {"at_most": 2.0}},
    ]
    results, _ = run(tmp_path, **DESIGN, claims=claims)
    verdicts = results.claims.set_index("text")["verdict"]
    assert verdicts["higher"] == "supported"
    assert verdicts["lower"] == "refuted"
    assert verdicts["score"] == "supported"
    assert verdicts["over all rates"] == "inconclusive"
    reason = results.claims.set_index("text")["reason"]
    assert "needs every rate" in reason["over all rates"]
    assert "a repeated interval, after 3 of at most 5 seeds" in reason["score"]


def test_a_damaged_note_begins_the_design_anew_with_the_trials_that_are_stored(
    finished: tuple[Path, Any, Reader], tmp_path: Path
) -> None:
    shutil.copytree(finished[0] / "results", tmp_path / "results")
    folder = tmp_path / "results" / "tiny"
    with store.open_for_writing(folder) as opened, opened._db:
        opened._db.execute("UPDATE notes SET text = ? WHERE name = 'design'", (json.dumps({"places": math.pi}),))
    assert bnbench.open(folder).design is None
    again, watcher = run(tmp_path, **DESIGN)
    assert again.design.record.finished
    assert len(watcher.trained) < len(finished[1].trials)


def test_a_design_sees_outcomes_as_the_tables_have_them(finished: tuple[Path, Any, Reader]) -> None:
    _, results, _ = finished
    plan = SimpleNamespace(experiment=results.experiment)
    with store.open_for_reading(results.folder) as opened:
        seen = ResultsJudge(plan, opened).outcomes(set(results.trials["trial"]))  # type: ignore[arg-type]
    scored = scored_trials(results._full)
    assert len(seen) == len(scored) > 40
    assert not scored["outcome"].eq("ok").all()
    for row in scored.to_dict("records"):
        assert seen[row["trial"]] == (row["validation_score"], row["outcome"] == "ok", False)


def test_reproduce_runs_designs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs").mkdir()
    write(tmp_path / "configs" / "tiny.yaml", **{**DESIGN, "sweep__adaptive": {"edge": {"within": 1.0, "at_most": 6}}})
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["reproduce", "tiny", "--jobs", "0", "--quiet"])
    assert result.exit_code == 0, result.output
    assert bnbench.open(tmp_path / "results" / "tiny").design.record.finished
    again = CliRunner().invoke(main, ["reproduce", "tiny", "--jobs", "0", "--quiet"])
    assert "already complete" in again.output


def test_plan_says_what_a_design_may_train(tmp_path: Path) -> None:
    path = write(tmp_path / "tiny.yaml", **DESIGN)
    result = CliRunner().invoke(main, ["plan", str(path), "--results-dir", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "judge on further seeds" in result.output
    assert "expected" in result.output
    rows = json.loads(CliRunner().invoke(main, ["plan", str(path), "--results-dir", str(tmp_path), "--json"]).output)
    assert {row["stage"] for row in rows} == {"choose", "edge", "judge"}
    assert [row["at_most"] for row in rows if row["stage"] == "edge"] == [7, 7]
    refused = CliRunner().invoke(main, ["plan", str(path), "--budget", "5m"])
    assert refused.exit_code == 2
    parts = CliRunner().invoke(main, ["run", str(path), "--part", "1/2", "--results-dir", str(tmp_path)])
    assert parts.exit_code == 2


def test_edge_and_until_decided_need_no_adaptive_key(tmp_path: Path) -> None:
    path = write(
        tmp_path / "tiny.yaml", **{**DESIGN, "sweep__adaptive": None, "sweep__learning_rate": [0.01, 1, 100.0]}
    )
    command = ["--results-dir", str(tmp_path), "--jobs", "0", "--quiet"]
    result = CliRunner().invoke(main, ["edge", str(path), "--within", "1", "--at-most", "6", *command])
    assert result.exit_code == 0, result.output
    assert "The edges:" in result.output
    asked = bnbench.open(tmp_path / "tiny").design.settings
    assert (asked.edge.within, asked.edge.at_most, asked.seeds) == (1.0, 6, None)
    decided = CliRunner().invoke(main, ["run", str(path), "--until", "decided", *command])
    assert decided.exit_code == 0, decided.output
    assert bnbench.open(tmp_path / "tiny").design.settings.seeds.at_most == 30


def test_trials_at_further_rates_do_not_cost_the_grid_its_metrics(tmp_path: Path) -> None:
    rates = {"sweep__learning_rate": [0.01, 0.1, 1.0]}
    run(tmp_path, **{**DESIGN, "sweep__adaptive": None, **rates, "sweep__seeds": 1})
    asked = {"sweep__adaptive": {"seeds": {"at_most": 5}}, "sweep__learning_rate": [0.01, 0.1], "sweep__seeds": 3}
    claim = {"text": "over all rates", "metric": "lr_sensitivity", "of": "batchnorm", "ratio": {"at_most": 100.0}}
    results, _ = run(tmp_path, **{**DESIGN, **asked}, claims=[claim])
    assert results.trials["learning_rate"].max() == 1.0
    assert results.claims["n"].tolist() == [3]
