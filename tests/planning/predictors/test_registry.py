"""A predictor is one file: a made-up one is found, run, stored, scored and shown, and nothing else changes."""

from pathlib import Path

import pytest

from bnbench.errors import ConfigError
from bnbench.planning import predictors
from bnbench.planning.predictors import registry
from bnbench.results.results import Results
from bnbench.store import store
from bnbench.training.short_training import guess_rates
from bnbench.training.threads import use_threads
from support.examples import dataset, make_plan

MADE_UP = """
from bnbench.planning.predictors.types import Found, Predictor, ShortTraining


def find(training: ShortTraining) -> Found:
    return Found(training.at(0.125, 1)[0] * 0 + 0.125)


PREDICTOR = Predictor("eighth", "always an eighth", "0.125", "1 step", find, order=0, offset=-1.0)
"""


@pytest.fixture
def _made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the file next to those of the package."""
    folder = tmp_path / "predictors"
    folder.mkdir()
    (folder / "eighth.py").write_text(MADE_UP)
    monkeypatch.setattr(predictors, "__path__", [*predictors.__path__, str(folder)])
    monkeypatch.setattr(registry, "find_predictors", registry.find_predictors.__wrapped__)


@pytest.mark.usefixtures("_made_up")
def test_a_made_up_predictor_needs_one_file(tmp_path: Path) -> None:
    use_threads(1)
    plan = make_plan(train__engine="graph")
    program = plan.cohorts[0].program
    (eighth,) = registry.choose_predictors(["eighth"])
    guesses = guess_rates(program, dataset(program.facts), 0, [eighth])
    with store.open_for_writing(tmp_path / "results") as opened:
        opened.add_rate_guesses(guesses)
        opened.set_plan(plan)
    table = Results(tmp_path / "results").rate_guesses
    assert table[["variant", "predictor", "steps"]].to_numpy().tolist() == [["plain", "eighth", 1]]
    assert table["rate"].tolist() == pytest.approx([0.0125])
    assert registry.title_of("eighth") == "always an eighth"
    assert registry.find_predictors()[0].name == "eighth"


def test_the_predictors_that_ship() -> None:
    assert [one.name for one in registry.choose_predictors([])] == ["constant", "range-test"]
    assert [one.name for one in registry.choose_predictors(["range-test"])] == ["range-test"]
    assert all(one.title and one.measures and one.cost for one in registry.find_predictors())
    # An offset without its origin would be a number that nobody can check.
    assert all(one.offset_from for one in registry.find_predictors() if one.offset)


def test_an_unknown_predictor_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ConfigError, match="--predictor: 'constnt' is not one of constant, range-test"):
        registry.choose_predictors(["constnt"])


def test_the_title_of_a_predictor_of_another_version_is_its_name() -> None:
    assert registry.title_of("of-tomorrow") == "of-tomorrow"
