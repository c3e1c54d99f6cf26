"""Edges are predicted for every variant, and kept in the results folder."""

from pathlib import Path
from typing import Any

import pytest

from bnbench.cli.format import format_answer
from bnbench.commands.experiment import ExperimentRequest
from bnbench.commands.guess import guess_edges, guess_rows
from bnbench.errors import ConfigError
from bnbench.execution.in_process import InProcessTrainer
from bnbench.planning.plan import Program
from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES, Predictor
from bnbench.planning.rate_guess import RateGuess
from bnbench.results.results import Results
from support.small_config import SMALL

# The edges that the made-up predictors find, by norm: two numbers, one that is not known, one above all rates.
FOUND: dict[str, tuple[float | None, str]] = {"plain": (0.5, ""), "batchnorm": (5.0, "")}


@pytest.fixture(autouse=True)
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Train nothing; note the programs and the seeds."""
    noted: list[tuple[str, int]] = []

    def guess_rates(
        self: InProcessTrainer, program: Program, seed: int, predictors: list[Predictor]
    ) -> list[RateGuess]:
        noted.append((program.key, seed))
        has_norm = any("Norm" in layer.class_name for layer in program.layers)
        rate, reason = FOUND["batchnorm" if has_norm else "plain"]
        return [RateGuess(program.key, one.name, seed, rate, reason, 0.0, 700, 1000, 1.0) for one in predictors]

    monkeypatch.setattr(InProcessTrainer, "__init__", lambda self, load, on_card=False: None)
    monkeypatch.setattr(InProcessTrainer, "guess_rates", guess_rates)
    return noted


def request(folder: Path, **changes: Any) -> ExperimentRequest:
    return ExperimentRequest({**SMALL, **changes}, results_dir=folder)


def test_every_variant_has_a_guess_of_each_predictor_with_the_first_seed(
    tmp_path: Path, trained: list[tuple[str, int]]
) -> None:
    sweep = {"learning_rate": [0.01], "seeds": [7, 8]}
    summary = guess_edges(request(tmp_path, sweep=sweep))
    assert [seed for _, seed in trained] == [7, 7]
    rows = guess_rows(summary)
    assert [(row["variant"], row["predictor"], row["edge"]) for row in rows] == [
        ("plain", "constant", 0.5), ("plain", "range-test", 0.5),
        ("batchnorm", "constant", 5.0), ("batchnorm", "range-test", 5.0),
    ]  # fmt: skip
    assert summary.proposal is not None
    assert (summary.proposal.start, summary.proposal.stop, summary.proposal.points) == (0.01, 100.0, 9)


def test_another_seed_and_one_predictor(tmp_path: Path, trained: list[tuple[str, int]]) -> None:
    summary = guess_edges(request(tmp_path), ["range-test"], seed=0)
    assert [guess.predictor for guess in summary.guesses] == ["range-test"] * 2
    assert {seed for _, seed in trained} == {0}


def test_a_program_that_several_values_of_an_axis_share_is_trained_once(
    tmp_path: Path, trained: list[tuple[str, int]]
) -> None:
    shown: list[str] = []
    norms = [0.8, 0.9]
    variants = {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": "$momentum"}}}}
    model = {"params": {"momentum": 0.9}, "layers": SMALL["model"]["layers"]}  # type: ignore[index]
    sweep = {"learning_rate": [0.1], "seeds": 1, "grid": {"model.params.momentum": norms}}
    config = request(tmp_path, variants=variants, model=model, sweep=sweep)
    summary = guess_edges(config, on_variant=lambda cohort: shown.append(cohort.variant))
    assert len(summary.rows) == 4
    assert len(trained) == len(set(trained)) == 3
    assert shown == ["plain", "batchnorm", "batchnorm"]
    assert len(summary.guesses) == 6


def test_nothing_is_proposed_where_no_rate_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FOUND:
        monkeypatch.setitem(FOUND, name, (None, NONE_PASSES))
    summary = guess_edges(request(tmp_path))
    assert summary.proposal is None
    assert {row["edge"] for row in guess_rows(summary)} == {None}


def test_a_variant_that_every_rate_trains_lifts_the_proposal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FOUND, "batchnorm", (None, ALL_PASS))
    proposal = guess_edges(request(tmp_path)).proposal
    assert proposal is not None
    assert (proposal.start, proposal.stop) == (0.01, 1e4)


def test_a_folder_with_guesses_alone_can_be_opened(tmp_path: Path) -> None:
    folder = guess_edges(request(tmp_path)).folder
    assert format_answer(Results(folder)).startswith("0 of 0 trials")
    assert Results(folder).rate_guesses.empty
    assert Results(folder).guess_scores.empty


def test_an_error_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ConfigError("small", "Keras rejects it")

    monkeypatch.setattr(InProcessTrainer, "guess_rates", fail)
    with pytest.raises(ConfigError):
        guess_edges(request(tmp_path / "results"))
    assert not (tmp_path / "results").exists()
