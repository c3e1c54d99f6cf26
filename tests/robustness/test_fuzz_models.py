"""A few of the made-up experiments of `make fuzz`."""

from collections import Counter
from functools import partial

import pytest
import yaml

from robustness.fuzzing import models
from robustness.fuzzing.models import Outcome, try_experiment
from support.model_grammar import make_experiment

# `make fuzz` takes other series.
SEED = 17
COUNT, TRAINED = 20, 1


def test_made_up_experiments_are_refused_or_trained() -> None:
    outcomes: list[Outcome] = []
    for number in range(COUNT):
        trains = sum(one.kind == "trained" for one in outcomes) < TRAINED
        outcomes.append(try_experiment(SEED, number, trains))
    assert [(one.number, one.kind, one.text) for one in outcomes if one.is_bug] == []
    counts = Counter(one.kind for one in outcomes)
    assert counts["trained"] == TRAINED
    assert counts["accepted"]
    assert counts["refused by file"]


def test_an_experiment_is_the_same_each_time_and_can_be_written_to_a_file() -> None:
    for number in range(50):
        made = make_experiment(SEED, number)
        assert made == make_experiment(SEED, number)
        assert yaml.safe_load(yaml.safe_dump(made)) == made
    assert make_experiment(SEED, 0) != make_experiment(SEED + 1, 0)


def test_an_error_that_is_not_of_bnbench_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_follow", partial(divmod, 1))
    outcome = try_experiment(SEED, 0, trains=False)
    assert outcome.is_bug
    assert outcome.kind == "traceback"
