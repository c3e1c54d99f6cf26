"""Values that a command adds to the sweep of an experiment file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.config.additions import from_also, from_sweep
from bnbench.config.load import load_config, load_located_config
from bnbench.config.overrides import parse_also, parse_overrides
from bnbench.config.schema import Experiment, Sweep
from bnbench.errors import ConfigError
from bnbench.location import Location
from support.examples import values


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(values(**changes)), encoding="utf-8")
    return path


def load(path: Path, *texts: str) -> Experiment:
    return load_config(path, parse_overrides(texts))


def also(path: Path, *texts: str) -> Experiment:
    return load_located_config(path, {}, [from_also(*one) for one in parse_also(texts).items()])[0]


def test_rates_are_added_to_a_list(tmp_path: Path) -> None:
    sweep = load(write(tmp_path), "sweep.learning_rate+=[0.03, 1]").sweep
    assert sweep.rates() == [0.01, 0.03, 0.1, 1.0]


def test_one_value_needs_no_brackets_and_a_key_can_be_given_twice(tmp_path: Path) -> None:
    sweep = load(write(tmp_path), "sweep.learning_rate+=0.03", "sweep.learning_rate += 1e-3").sweep
    assert sweep.rates() == [0.001, 0.01, 0.03, 0.1]


def test_a_range_becomes_the_list_of_its_rates(tmp_path: Path) -> None:
    spaced = {"from": 0.001, "to": 1, "points": 4}
    sweep = load(write(tmp_path, sweep__learning_rate=spaced), "sweep.learning_rate+=[0.3]").sweep
    assert sweep.learning_rate == [0.001, 0.01, 0.1, 1.0, 0.3]


def test_a_rate_that_is_there_already_is_ignored_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sweep = load(write(tmp_path), "sweep.learning_rate+=[1e-1, 0.3, 0.3]").sweep
    assert sweep.rates() == [0.01, 0.1, 0.3]
    assert "sweep.learning_rate has 0.1, 0.3 already" in caplog.text


@pytest.mark.parametrize(
    ("seeds", "text", "result"),
    [
        (3, "2", 5),
        ([0, 1, 7], "2", [0, 1, 7, 8, 9]),
        ([1, 0], "1", [1, 0, 2]),
        (3, "[3, 8]", [0, 1, 2, 3, 8]),
        (3, "[3, 4]", 5),
    ],
)
def test_a_number_of_seeds_means_further_ones_and_a_list_these(
    tmp_path: Path, seeds: object, text: str, result: object
) -> None:
    assert load(write(tmp_path, sweep__seeds=seeds), f"sweep.seeds+={text}").sweep.seeds == result


def test_the_default_number_of_seeds_is_extended_too(tmp_path: Path) -> None:
    changed = values()
    del changed["sweep"]["seeds"]
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert load(path, "sweep.seeds+=1").sweep.seeds == 4


def test_further_seeds_add_up_but_do_not_mix_with_a_list(tmp_path: Path) -> None:
    assert load(write(tmp_path), "sweep.seeds+=2", "sweep.seeds+=1").sweep.seeds == 5
    with pytest.raises(ConfigError, match="a number of further seeds and a list of seeds"):
        load(write(tmp_path), "sweep.seeds+=2", "sweep.seeds+=[9]")


def test_values_are_added_to_an_axis(tmp_path: Path) -> None:
    path = write(tmp_path, sweep__grid={"model.params.units": [4, 6]})
    assert load(path, "sweep.grid.model.params.units+=[8]").sweep.grid == {"model.params.units": [4, 6, 8]}
    assert also(path, "model.params.units=8").sweep.grid == {"model.params.units": [4, 6, 8]}


def test_an_override_can_make_a_new_axis(tmp_path: Path) -> None:
    assert load(write(tmp_path), "sweep.grid.model.params.units=[4, 6]").sweep.grid == {"model.params.units": [4, 6]}


def test_true_is_not_one(tmp_path: Path) -> None:
    path = write(tmp_path, sweep__grid={"data.split.stratify": [True]})
    assert load(path, "sweep.grid.data.split.stratify+=[true, false]").sweep.grid == {
        "data.split.stratify": [True, False]
    }


def test_also_adds_to_rates_and_seeds(tmp_path: Path) -> None:
    sweep = also(write(tmp_path), "learning_rate=0.3", "learning_rate=[1, 3]", "seeds=2").sweep
    assert (sweep.rates(), sweep.seeds) == ([0.01, 0.1, 0.3, 1.0, 3.0], 4)


def test_another_sweep_is_added_without_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stored = from_sweep(Sweep(learning_rate=[0.1, 1.0], seeds=[0, 5]), Location("config.yaml"))
    experiment, _ = load_located_config(write(tmp_path), {}, stored)
    assert (experiment.sweep.rates(), experiment.sweep.seed_list()) == ([0.01, 0.1, 1.0], [0, 1, 5])
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "sweep.learning_rate+=[0.3, fast]",
            r"^-o sweep.learning_rate\+=\[0.3, \"fast\"\]: \[1\]: found 'fast', wanted",
        ),
        ("sweep.learning_rate+=-1", r"^-o sweep.learning_rate\+=-1: -1.0 is no learning rate"),
        ("sweep.seeds+=0", r"^-o sweep.seeds\+=0: found 0, wanted 1 to 1,000 further seeds"),
        ("sweep.seeds+=[1.5]", r"^-o sweep.seeds\+=\[1.5\]: \[0\]: found 1.5, wanted"),
        ("sweep.seeds+=1000", r"^-o sweep.seeds\+=1000: found 1002, wanted at most 1000"),
        ("train.epochs+=3", r"^-o train.epochs\+=3: \+= adds values to sweep.learning_rate, sweep.seeds or an axis"),
        (
            "sweep.grid.train.epochs+=[3]",
            r"sweep.grid has no axes; -o sweep.grid.train.epochs=\[...\] makes a new axis",
        ),
        ("+=3", "not of the form KEY=VALUE"),
    ],
)
def test_a_wrong_addition_is_an_error_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(write(tmp_path), text)


def test_a_mistake_of_also_names_that_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--also learning_rate=fast: found 'fast'"):
        also(write(tmp_path), "learning_rate=fast")
    with pytest.raises(ConfigError, match="--also 'learning_rate': not of the form KEY=VALUE, as in --also"):
        parse_also(["learning_rate"])


def test_a_mistake_in_the_file_is_reported_as_such(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tiny.yaml:\d+:\d+: sweep.learning_rate: found 'x'"):
        load(write(tmp_path, sweep__learning_rate="x"), "sweep.learning_rate+=[0.3]")


def test_python_gives_the_same_keys(tmp_path: Path) -> None:
    sweep = load_config(write(tmp_path), {"sweep.learning_rate+": [0.3], "sweep.seeds+": 1}).sweep
    assert (sweep.rates(), sweep.seeds) == ([0.01, 0.1, 0.3], 3)
