import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from bnbench.cli.format import format_answer
from bnbench.cli.main import main
from bnbench.model import catalog, keras_source
from bnbench.report.document import make_document, render_markdown
from bnbench.results.caveats import list_caveats
from bnbench.results.results import Results
from bnbench.results.stored_config import read_stored_config
from bnbench.store import results_dir
from support.kept import keep

CLAIM = {"text": "it trains", "metric": "ok", "of": "plain", "at": 0.01, "probability": {"at_least": 0.1}}
VALUE = {"source": "Table 1", "variant": "plain", "metric": "test_accuracy", "value": 0.9}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keep(tmp_path, [0.8, 0.9, 0.8, 0.9], title="A title", claims=[CLAIM], published=[VALUE])


def change(folder: Path, *steps: str | int, value: Any) -> None:
    """Set a key of the stored config, whatever this version allows."""
    path = folder / results_dir.CONFIG
    values = inner = yaml.safe_load(path.read_text(encoding="utf-8"))
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def test_names_of_another_keras_are_read(folder: Path) -> None:
    change(folder, "train", "optimizer", value={"name": "madgrad", "momentum": 0.9})
    change(folder, "model", "layers", value=[{"hyper_dense": "$units"}, "norm", {"dense": "$classes"}])
    results = Results(folder)
    assert results.config.problem == ""
    assert results.experiment is not None
    assert results.experiment.train.optimizer.name == "madgrad"
    assert results.claims["verdict"].tolist() == ["supported"]
    assert make_document(results, []).title == "A title"


def test_results_are_shown_where_keras_is_not_installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "keras" else found(name))
    catalog._class_names.cache_clear()
    keras_source._root.cache_clear()
    try:
        done = CliRunner().invoke(main, ["show", str(folder)])
        document = make_document(Results(folder), [])
    finally:
        catalog._class_names.cache_clear()
        keras_source._root.cache_clear()
    assert done.exit_code == 0
    assert "To keep in mind:" in done.stdout
    assert document.title == "A title"


@pytest.mark.parametrize(
    ("steps", "value", "place"),
    [
        (("train", "turbo"), True, "train.turbo: unknown key"),
        (("train", "epochs"), "many", "train.epochs: "),
        (("sweep",), None, "sweep: "),
    ],
)
def test_a_key_that_this_version_refuses_hides_nothing_else(
    folder: Path, steps: tuple[str, ...], value: object, place: str
) -> None:
    change(folder, *steps, value=value)
    results = Results(folder)
    assert results.experiment is None
    assert (results.config.name, results.config.title) == ("tiny", "A title")
    assert (results.config.variants, results.baseline) == (("plain", "batchnorm"), "plain")
    assert results.claims["verdict"].tolist() == ["supported"]
    assert results.published["published"].tolist() == [0.9]
    caveat = list_caveats(results)[0]
    assert caveat.startswith("This version cannot read the whole config: config.yaml:")
    assert place in caveat
    document = make_document(results, [])
    assert (document.title, document.caveats[0]) == ("A title", caveat)
    assert "it trains" in render_markdown(document)
    assert str(value).lower() in document.config.lower() or value is None
    assert caveat in format_answer(results)


def test_a_claim_that_this_version_refuses_is_left_out_and_counted(folder: Path) -> None:
    change(folder, "claims", value=[CLAIM, CLAIM | {"metric": "glory"}, "text"])
    change(folder, "published", value=[VALUE | {"metric": "glory"}])
    config = read_stored_config(folder)
    assert [claim.text for claim in config.claims] == ["it trains"]
    assert (config.published, config.unread_claims) == ((), 2)
    assert "(and 2 more)" in config.problem
    assert config.problem.endswith("It cannot read 2 claims and 1 published value either.")


def test_figures_of_a_source_that_can_be_read_are_kept_and_the_others_are_counted(folder: Path) -> None:
    figure = {"source": "source 001", "description": "four curves", "figure": "all-curves"}
    change(folder, "source_figures", value=[figure, figure | {"figure": "hologram"}])
    config = read_stored_config(folder)
    assert [one.figure for one in config.source_figures] == ["all-curves"]
    assert config.problem.endswith("It cannot read 1 source figure either.")


def test_a_config_of_an_earlier_version_has_no_figures_of_a_source(folder: Path) -> None:
    path = folder / results_dir.CONFIG
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert values.pop("source_figures") == []
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    config = read_stored_config(folder)
    assert (config.problem, config.source_figures) == ("", ())


def test_check_judges_the_claims_that_can_be_read_and_fails_for_the_others(folder: Path) -> None:
    change(folder, "train", "turbo", value=True)
    done = CliRunner().invoke(main, ["check", str(folder)])
    assert (done.exit_code, done.stdout.splitlines()[1].split()[0]) == (0, "supported")
    assert "train.turbo: unknown key" in done.stderr
    change(folder, "claims", value=[CLAIM, CLAIM | {"metric": "glory"}])
    done = CliRunner().invoke(main, ["check", str(folder)])
    assert (done.exit_code, done.stdout.splitlines()[1].split()[0]) == (2, "supported")
    assert "1 claim(s) cannot be read and were not judged" in done.stderr
    change(folder, "claims", value=[CLAIM | {"metric": "glory"}])
    assert CliRunner().invoke(main, ["check", str(folder)]).exit_code == 2


def test_values_of_a_wrong_kind_are_left_out(folder: Path) -> None:
    for key, value in (("name", "../evil"), ("title", ["x"]), ("variants", 7), ("claims", {"a": 1}), ("data", None)):
        change(folder, key, value=value)
    config = read_stored_config(folder)
    assert (config.name, config.title, config.variants, config.claims) == (folder.name, "", (), ())
    # The variants are then those of the trials.
    assert Results(folder).baseline == "plain"


def test_a_claim_about_an_axis_that_the_results_lack_is_inconclusive(folder: Path) -> None:
    claim = {
        "text": "x",
        "metric": "test_score",
        "of": "plain",
        "across": "model.params.units",
        "value": {"at_most": 1},
    }
    change(folder, "claims", value=[claim])
    (row,) = Results(folder).claims.to_dict("records")
    assert (row["verdict"], row["reason"]) == ("inconclusive", "the results have no axis model.params.units")


@pytest.mark.parametrize(("text", "problem"), [(None, "is missing"), ("a: [", "not YAML"), ("- a", "wanted a mapping")])
def test_a_config_that_is_no_experiment_leaves_the_name_of_the_folder(
    folder: Path, text: str | None, problem: str
) -> None:
    if text is None:
        (folder / results_dir.CONFIG).unlink()
    else:
        (folder / results_dir.CONFIG).write_text(text, encoding="utf-8")
    config = read_stored_config(folder)
    assert (config.name, config.text, config.claims) == (folder.name, "", ())
    assert problem in config.problem
    assert config.problem.endswith("The title, the claims and the published values are unknown.")


def test_former_names_of_attributes_are_read_with_a_note(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    results = Results(folder)
    assert results.points.equals(results.scored_trials)
    assert results.courses is results.learning_curves
    assert caplog.messages == [
        "Results.points is now called Results.scored_trials",
        "Results.courses is now called Results.learning_curves",
    ]
    assert not hasattr(results, "said")
    assert results.differences("validation_accuracy") is results.differences()
