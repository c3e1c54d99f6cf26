from pathlib import Path

import pytest

from bnbench.config.overrides import parse_override, set_key
from bnbench.config.yaml_loader import dump_yaml, parse_yaml, read_yaml
from bnbench.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.0e+3", 1000.0),
        ("1.e5", 100000.0),
        (".5", 0.5),
        ("-2e-2", -0.02),
        ("10", 10),
        ("0.1", 0.1),
        ("1_000.5", 1000.5),
        ("010", 10),
        ("1_000", 1000),
        ("-7", -7),
        ("true", True),
        (".inf", float("inf")),
    ],
)
def test_numbers_are_numbers(text: str, value: float) -> None:
    found = parse_yaml(text, "here")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["1e", "e3", "1-3", "2024-01-01", "1.2.3", "sgd", ".", "1:30", "on", "yes", "0x10"])
def test_other_words_are_text(text: str) -> None:
    assert parse_yaml(text, "here") == text


def test_a_repeated_key_is_reported_with_both_lines() -> None:
    with pytest.raises(ConfigError, match=r"here:3: not YAML: the key 'a' is already on line 1"):
        parse_yaml("a: 1\nb: 2\na: 3\n", "here")


def test_a_repeated_key_is_refused_at_depth() -> None:
    with pytest.raises(ConfigError, match="'epochs' is already on line 1"):
        parse_yaml("train: {epochs: 1, batch_size: 2, epochs: 3}", "here")


def test_merge_keys_still_work() -> None:
    assert parse_yaml("a: &x {k: 1}\nb: {<<: *x, m: 2}", "here") == {"a": {"k": 1}, "b": {"k": 1, "m": 2}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"[1, 2]", "found a list, wanted a mapping"),
        (b"just text", "found text, wanted a mapping"),
        (b"a: [1, 2", "not YAML"),
        (b"a: \xff\xfe", "not UTF-8 text"),
        (b"a: !!python/object/apply:os.system ['true']", "not YAML"),
        (b"? [1, 2]\n: 3", "not YAML"),
        (b"a: !!set {x, y}", "not YAML"),
        (b"a: !!binary aGk=", "not YAML"),
        (b"a: &x [*x]", "not YAML"),
        (b"a: " + b"[" * 2000, "not"),
        (b"a: x\0y", r"bad.yaml:1: not YAML: the character '\\x00'"),
        ("name: x\nb: 1".encode("utf-16-le"), r"not YAML: the character"),
        (b"a: " + b"{" * 100_000, r"bad.yaml:1: not YAML: more than 50 inside one another"),
        (b"a: !!bool perhaps", "not usable YAML: 'perhaps'"),
        (b"a: [" + b"1," * 20_000 + b"]", r"bad.yaml:1: not YAML: more than 10,000 values"),
        (b"x" * 200_001, "more than 200,000 bytes"),
    ],
)
def test_a_file_that_is_no_experiment_is_refused_and_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_yaml(path)
    assert "bad.yaml" in str(caught.value)


def test_an_endless_file_with_size_zero_is_read_up_to_the_limit() -> None:
    endless = Path("/proc/self/pagemap")
    if not endless.is_file():
        pytest.skip("only Linux has such a file")
    with pytest.raises(ConfigError, match="more than 200,000 bytes"):
        read_yaml(endless)


def test_a_key_with_too_many_steps_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'a\.a\..*: a key with more than 50 steps"):
        set_key({}, "a." * 5000 + "b", 1)


def test_aliases_that_expand_to_too_many_values_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(ConfigError, match="more than 10,000 values"):
        parse_yaml("\n".join(lines), "here")


def test_a_missing_file_gets_a_hint_at_a_similar_name(tmp_path: Path) -> None:
    (tmp_path / "leaf.yaml").touch()
    with pytest.raises(ConfigError, match=r"leef.yaml: no such file \(did you mean '.*leaf.yaml'\?\)"):
        read_yaml(tmp_path / "leef.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a file"):
        read_yaml(tmp_path)


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_yaml(path) == {"name": "x"}


def test_overrides() -> None:
    assert parse_override("train.epochs=5") == ("train.epochs", 5)
    assert parse_override("sweep.learning_rate=[1e-3, 1]") == ("sweep.learning_rate", [0.001, 1])
    assert parse_override("title=a=b") == ("title", "a=b")
    assert parse_override("data.limit=") == ("data.limit", None)
    for text in ("train.epochs", "=5"):
        with pytest.raises(ConfigError, match=r"-o .*: not of the form KEY=VALUE"):
            parse_override(text)


def test_setting_a_key_does_not_change_the_original() -> None:
    values = {"a": {"b": 1, "c": 2}}
    assert set_key(values, "a.b", 3) == {"a": {"b": 3, "c": 2}}
    assert set_key(values, "a.d.e", 4) == {"a": {"b": 1, "c": 2, "d": {"e": 4}}}
    assert values == {"a": {"b": 1, "c": 2}}
    assert set_key({"optimizer": "sgd"}, "optimizer.momentum", 0.5) == {"optimizer": {"name": "sgd", "momentum": 0.5}}
    with pytest.raises(ConfigError, match="'b' holds a number"):
        set_key(values, "a.b.c", 5)


@pytest.mark.parametrize(
    "text", ["0E0", "1e-3", "0x1F", "1:30", "on", "~", "2024-01-01", "=", "a: b", "1_000", ".5e3", "010"]
)
def test_a_text_that_looks_like_a_number_or_date_is_quoted(text: str) -> None:
    assert parse_yaml(dump_yaml({"title": text}), "x") == {"title": text}
