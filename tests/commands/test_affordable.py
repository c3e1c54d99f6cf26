"""`bnbench plan --budget` and what `bnbench run --budget` says at its end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import bnbench
from bnbench.cli.main import main
from bnbench.commands.affordable import plan_budget, shown_difference
from bnbench.commands.experiment import ExperimentRequest
from bnbench.commands.plan import make_overview
from bnbench.errors import ConfigError
from bnbench.planning import resources
from support.kept import compared
from support.quick import write_no_report
from support.sweeps import made_up_data, write

PLAIN = [[0.90, 0.91, 0.92, 0.93, 0.94], [0.5] * 5]
# 1, 2, 3, 4 and 5 points better: an SD of 1.58 points.
NORMED = [[0.91, 0.93, 0.95, 0.97, 0.99], [0.5] * 5]


@pytest.fixture(autouse=True, scope="module")
def _made_up_data() -> Iterator[None]:
    with made_up_data():
        yield


def call(*words: object) -> Result:
    done = CliRunner().invoke(main, [*map(str, words)], prog_name="bnbench", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def planned(folder: Path, *words: str, **changes: Any) -> str:
    config = write(folder / "tiny.yaml", **changes)
    return call("plan", config, "--results-dir", folder / "results", *words).stdout


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder with the results of two variants, two rates and five seeds, and their experiment file."""
    results = compared(tmp_path / "results" / "tiny", {"plain": PLAIN, "batchnorm": NORMED})
    (tmp_path / "tiny.yaml").write_bytes((results.folder / "config.yaml").read_bytes())
    return tmp_path


def test_without_trials_differences_are_in_sds(tmp_path: Path) -> None:
    text = planned(tmp_path, "--budget", "1h", sweep__seeds=5)
    # With five seeds, a difference of 1.68 SD is shown with a power of 80%.
    assert "the whole sweep, 2 rates and 5 seeds: true differences of 1.7 SD are shown four times in five" in text
    assert "with 1,000 seeds (-o sweep.seeds=1000)" in text
    assert "is unknown until three seeds have been trained" in text


def test_a_list_of_seeds_gets_further_ones(tmp_path: Path) -> None:
    assert "with 1,000 seeds (--also seeds=997)" in planned(tmp_path, "--budget", "1h", sweep__seeds=[1, 5, 7])


def test_two_seeds_have_no_interval(tmp_path: Path) -> None:
    assert "2 rates and 2 seeds; an interval needs 3 seeds" in planned(tmp_path, "--budget", "1h")


def test_a_short_time_suffices_for_nothing(tmp_path: Path) -> None:
    text = planned(tmp_path, "--budget", "5s")
    assert "is not enough for a seed of all 2 rates, which takes about" in text


def test_fewer_rates_are_named_as_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "core_count", lambda: 1)
    # A trial takes 165 s, by arithmetic.
    text = planned(
        tmp_path, "--budget", "70m", sweep__seeds=4, sweep__learning_rate={"from": 1e-3, "to": 10, "points": 5},
        train__epochs=50_000,
    )  # fmt: skip
    assert "all 5 rates with 2 of 4 seeds" in text
    assert "3 of 5 rates (-o 'sweep.learning_rate={from: 0.001, to: 10.0, points: 3}') with all 4 seeds" in text


def test_a_single_variant_has_no_difference(tmp_path: Path) -> None:
    text = planned(tmp_path, "--budget", "1h", variants={"plain": {"norm": "none"}})
    assert "the whole sweep, 2 rates and 2 seeds\n" in text
    assert "four times in five" not in text


def test_stored_trials_say_how_far_differences_spread(trained: Path) -> None:
    request = ExperimentRequest(trained / "tiny.yaml", results_dir=trained / "results")
    found = plan_budget(make_overview(request), 3600)
    (spread,) = found.spreads
    assert (spread.variant, spread.n) == ("batchnorm", 5)
    assert spread.sd == pytest.approx(0.0158114)
    assert spread.least < spread.sd < spread.most
    text = call("plan", trained / "tiny.yaml", "--results-dir", trained / "results", "--budget", "1h").stdout
    assert "5 seeds (nothing is left to train): true differences of 2.7 points are shown four times in five" in text
    assert "SD of the differences: 1.6 points (probably 1.3 to 2.5) from 5 seeds." in text


def test_json_has_the_budget_and_the_trials(trained: Path) -> None:
    words = ("plan", trained / "tiny.yaml", "--results-dir", trained / "results", "--json")
    found = json.loads(call(*words, "--budget", "30 min").stdout)
    assert len(found["trials"]) == 20
    budget = found["budget"]
    assert (budget["seconds"], budget["planned_seeds"], budget["needed"]) == (1800, 5, 0)
    assert budget["detectable_in_sd"]["planned_seeds"] == pytest.approx(1.6827, rel=1e-3)
    (compared_,) = budget["comparisons"]
    assert compared_["detectable"]["planned_seeds"] == pytest.approx(1.6827 * 0.0158114, rel=1e-3)
    # Without a budget it is still a list.
    assert len(json.loads(call(*words).stdout)) == 20


def test_three_seeds_are_the_least() -> None:
    assert shown_difference(2) is None
    assert shown_difference(3) == pytest.approx(3.26, abs=0.01)


def test_a_run_says_what_it_has_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(tmp_path / "tiny.yaml")
    again = write(tmp_path / "other.yaml", name="other")
    monkeypatch.setattr("sys.argv", ["bnbench", "run", "tiny.yaml", "--budget", "1s"])
    done = call("run", config, "--results-dir", tmp_path / "results", "--jobs", "0", "--budget", "1s")
    lines = done.stdout.splitlines()
    assert lines[0] == "0 of 8 trials: no trial has finished yet"
    assert lines[-2].startswith("None of 8 trials was started, because 1 s is not enough: with loading and the report")
    assert lines[-2].endswith("With more time, such as --budget 20s, the same command continues:")
    assert lines[-1] == "  bnbench run tiny.yaml --budget 1s"
    several = call("run", config, again, "--results-dir", tmp_path / "results", "--jobs", "0", "--budget", "1s")
    assert "None of 16 trials was started" in several.stdout
    # With enough time, nothing is left out.
    assert (
        "not started"
        not in call("run", config, "--results-dir", tmp_path / "results", "-j", "0", "--budget", "1h").stdout
    )


def test_python_takes_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_no_report(monkeypatch)
    config = write(tmp_path / "tiny.yaml")
    with pytest.raises(ConfigError, match="budget: found 0, wanted a number of seconds greater than 0"):
        bnbench.run(config, budget=0)
    results = bnbench.run(config, results_dir=tmp_path / "results", jobs=0, budget=0.5)
    assert (len(results.trials), results.planned) == (0, 8)


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(("text", "message"), [("0m", "no time at all"), ("-1m", "not a time"), ("30", "has no unit")])
def test_a_wrong_budget_is_refused(command: str, text: str, message: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [command, str(write(tmp_path / "tiny.yaml")), "--budget", text])
    assert done.exit_code == 2
    assert message in done.output
