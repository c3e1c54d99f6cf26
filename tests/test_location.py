"""The location that an error message names: from the keys that lead to a value to the text."""

import pickle

import pytest

from bnbench.errors import ConfigError
from bnbench.location import Location, config_location, origins_named, override_location

FILE = Location("a.yaml")


def test_a_path_has_dots_between_keys_and_brackets_around_positions() -> None:
    assert str(FILE) == "a.yaml"
    assert str(FILE / "train" / "epochs") == "a.yaml: train.epochs"
    assert str(FILE / "model" / "layers" / 2 / "dense") == "a.yaml: model.layers[2].dense"
    assert str(Location("") / "a") == "a"


def test_an_override_is_the_location_of_its_value() -> None:
    where = config_location("a.yaml", {"train.epochs": 0, "train.optimizer": {"sgd": {"momentun": 1}}})
    assert str(where / "train" / "epochs") == "-o train.epochs=0"
    assert str(where / "train" / "batch_size") == "a.yaml: train.batch_size"
    assert str(where / "train" / "optimizer" / "momentun") == ('-o train.optimizer={"sgd": {"momentun": 1}}: momentun')


def test_the_override_with_the_longer_key_counts_or_the_last_of_equal_keys() -> None:
    where = config_location("a.yaml", {"train": {}, "train.epochs": 5})
    assert str(where / "train" / "epochs") == "-o train.epochs=5"
    again = FILE.set_by("train.epochs", Location("first")).set_by("train.epochs", Location("second"))
    assert str(again / "train" / "epochs") == "second"


def test_a_value_that_moves_twice_is_found_at_its_first_location() -> None:
    where = config_location("a.yaml", {"sweep.grid": {"train.batch_size": [4, 0]}})
    where = where.set_by("train.batch_size", where / "sweep" / "grid" / "train.batch_size" / 1)
    assert str(where / "train" / "batch_size") == '-o sweep.grid={"train.batch_size": [4, 0]}: train.batch_size[1]'


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "-o k=5"), (True, "-o k=true"), (None, "-o k=null"), ("x", "-o k=x"), ("\x1b", '-o k="\\u001b"')],
)
def test_an_override_is_shown_as_it_is_typed_and_without_escape_codes(value: object, text: str) -> None:
    assert str(override_location("k", value)) == text


def test_a_long_override_is_cut() -> None:
    assert str(override_location("k", "x" * 1000)) == "-o k=" + "x" * 55 + "..."


def test_a_message_about_another_place_names_the_override_that_sets_the_model() -> None:
    where = config_location("a.yaml", {"model.params.units": 0, "train.epochs": 1})
    with (
        pytest.raises(ConfigError, match=r"a.yaml: model.layers\[0\]: no units \(with -o model.params.units=0\)$"),
        origins_named(where),
    ):
        raise ConfigError(where / "model" / "layers" / 0, "no units")
    with pytest.raises(ConfigError, match=r"-o train.epochs=1: too few$"), origins_named(where):
        raise ConfigError(where / "train" / "epochs", "too few")


def test_a_location_can_be_sent_to_a_worker() -> None:
    where = config_location("a.yaml", {"train.epochs": 0}) / "train" / "epochs"
    assert pickle.loads(pickle.dumps(where)) == where  # noqa: S301  our own bytes
