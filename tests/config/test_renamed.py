"""Old keys stay readable under their new names, and no id of a trial depends on a name."""

import logging
from pathlib import Path

import pytest
import yaml

from bnbench.config import renamed
from bnbench.config.load import check_config, load_config
from bnbench.errors import ConfigError
from support.examples import make_plan, values


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed, "_noted", set())


@pytest.mark.parametrize(("old", "new"), [("remove", "drop"), ("keep", "keep")])
def test_data_repeats_is_read_as_data_duplicates(old: str, new: str) -> None:
    experiment = check_config(values(data__repeats=old), "tiny.yaml")
    assert experiment.data.duplicates == new
    assert experiment == check_config(values(data__duplicates=new), "tiny.yaml")
    assert "repeats" not in experiment.to_yaml()


def test_the_old_name_gives_the_same_ids() -> None:
    ids = [trial.id for trial in make_plan(data__repeats="keep").trials]
    assert ids == [trial.id for trial in make_plan(data__duplicates="keep").trials]
    assert ids != [trial.id for trial in make_plan().trials]


def test_an_axis_with_the_old_name_sweeps_the_new_key() -> None:
    old = make_plan(sweep__grid={"data.repeats": ["remove", "keep"]})
    new = make_plan(sweep__grid={"data.duplicates": ["drop", "keep"]})
    assert [trial.id for trial in old.trials] == [trial.id for trial in new.trials]
    assert [cohort.program.data.duplicates for cohort in old.cohorts] == ["drop", "drop", "keep", "keep"]


def test_the_old_name_is_noted_once_with_its_place_and_the_new_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(yaml.safe_dump(values(data__repeats="keep")), encoding="utf-8")
    with caplog.at_level(logging.WARNING, "bnbench.config"):
        check_config(values(data__repeats="keep"), "stored results")
        assert caplog.messages == []
        load_config(path)
        load_config(path)
    (message,) = caplog.messages
    assert message.startswith(f"{path}:3:3: data.repeats: ")
    assert "data.duplicates" in message


def test_an_override_with_the_old_name_is_understood_and_noted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(yaml.safe_dump(values(data__duplicates="drop")), encoding="utf-8")
    with caplog.at_level(logging.WARNING, "bnbench.config"):
        assert load_config(path, {"data.repeats": "keep"}).data.duplicates == "keep"
    (message,) = caplog.messages
    assert message.startswith("-o data.repeats=keep: ")
    assert "data.duplicates" in message


def test_the_baseline_is_plain_else_the_first_variant_unless_it_is_named() -> None:
    assert check_config(values(), "x").baseline == "plain"
    assert check_config(values(variants={"bn": {}, "ln": {}}), "x").baseline == "bn"
    named = check_config(values(baseline="batchnorm"), "x")
    assert named.baseline == "batchnorm"
    assert yaml.safe_load(named.to_yaml())["baseline"] == "batchnorm"


def test_a_baseline_that_is_no_variant_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"x: baseline: 'batchnrm' is not one of plain, batchnorm \(did you mean"):
        check_config(values(baseline="batchnrm"), "x")
    with pytest.raises(ConfigError, match="x: baseline: found 5, wanted text"):
        check_config(values(baseline=5), "x")


def test_the_baseline_changes_no_id_and_claims_are_about_it() -> None:
    claim = {"text": "x", "metric": "aulc", "of": "plain", "difference": {"at_least": 0}}
    with pytest.raises(ConfigError, match="'plain' compared with itself"):
        make_plan(claims=[claim])
    assert make_plan(claims=[claim], baseline="batchnorm").trials == make_plan().trials
