from pathlib import Path

import pytest

from bnbench.config.overrides import parse_overrides, set_key
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


@pytest.mark.parametrize(
    "text", ["1e", "e3", "1-3", "2024-01-01", "1.2.3", "sgd", ".", "1:30", "on", "yes", "0x10", "=", "<<"]
)
def test_other_words_are_text(text: str) -> None:
    assert parse_yaml(text, "here") == text


def test_a_repeated_key_is_reported_with_both_lines() -> None:
    with pytest.raises(ConfigError, match=r"here:3:1: the key 'a' is already on line 1"):
        parse_yaml("a: 1\nb: 2\na: 3\n", "here")


def test_a_repeated_key_is_refused_at_depth() -> None:
    with pytest.raises(ConfigError, match="'epochs' is already on line 1"):
        parse_yaml("train: {epochs: 1, batch_size: 2, epochs: 3}", "here")


@pytest.mark.parametrize(
    "text",
    [
        "a: ! 3", "a: !!float 3", "a: !!str 3", "a: !own 3", "a: !<tag:x,2000:y> 3", "a: ! {b: 1}", "a: ! [1]",
        "a: &x ! 3", "a: &x !!map {b: 1}", "!!map\na: 1", "a: !!int '3'", "? ! a\n: 1",
    ],
)  # fmt: skip
def test_every_tag_is_refused_with_its_line_and_column(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^here:1:\d: found the tag \S+, wanted a value without a tag"):
        parse_yaml(text, "here")


@pytest.mark.parametrize("text", ["%TAG ! tag:x,2000:\n---\na: 1", "%TAG !e! tag:x,2000:\n---\na: !e!x 1"])
def test_a_directive_about_tags_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^here:1:1: found the directive %TAG"):
        parse_yaml(text, "here")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\t# c\na: 1", {"a": 1}),
        ("a: 1\t# c", {"a": 1}),
        ("a:\t1\t", {"a": 1}),
        ("a:\t\n  b:\t1", {"a": {"b": 1}}),
        ("a: 1\n\t\n\t# c\nb: 2", {"a": 1, "b": 2}),
        ("a: {b:\t1,\tc: 2\t}\t", {"a": {"b": 1, "c": 2}}),
        ("a: {\n\tb: 1,\n\tc: [1,\n\t\t2]\n\t}", {"a": {"b": 1, "c": [1, 2]}}),
        ("a:\n-\tb\n-\tc", {"a": ["b", "c"]}),
        ("a: b\tc", {"a": "b\tc"}),
        ("a: b\n  \tc", {"a": "b c"}),
        ("a:\n  \tb", {"a": "b"}),
        ("a: |\t# c\n  b", {"a": "b"}),
        ("a: >-\t\n  b", {"a": "b"}),
        ("a: &x\t1\nb: *x\t", {"a": 1, "b": 1}),
        ("?\ta\n:\tb", {"a": "b"}),
        ('a: "b\tc"\t# d', {"a": "b\tc"}),
    ],
)
def test_a_tab_separates_values_as_a_space_does(text: str, value: object) -> None:
    assert parse_yaml(text, "here") == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("\ta: 1", "1:3"),
        ("a:\n\tb: 1", "2:1"),
        ("a: 1\n\tb: 2", "2:1"),
        ("a:\n  b: 1\n\tc: 2", "3:1"),
        ("a:\n  \tb: 1", "2:5"),
        ("a:\n- b\n\t- c", "3:1"),
        ("-\t- a", "1:3"),
        ("-\ta: 1", "1:4"),
        ("a:\n\t{b: 1}", "2:1"),
    ],
)
def test_a_tab_in_the_indentation_is_refused(text: str, place: str) -> None:
    with pytest.raises(ConfigError, match=rf"^here:{place}: found a tab in the indentation, wanted spaces"):
        parse_yaml(text, "here")


@pytest.mark.parametrize(
    "keys",
    [
        "1 '1'",
        "true 'true'",
        "null 'null'",
        "~ '~'",
        "1.0 '1.0'",
        "1e3 '1e3'",
        "on 'on'",
        "a 'a'",
        "'a' \"a\"",
        "<< <<",
    ],
)
@pytest.mark.parametrize("form", ["{}: {{}}\n{}: {{}}\n", "x: {{{}: {{}},\n {}: {{}}}}"])
def test_two_keys_that_are_one_text_are_refused(keys: str, form: str) -> None:
    with pytest.raises(ConfigError, match=r"^here:2:\d: the key .* is already on line 1"):
        parse_yaml(form.format(*keys.split()), "here")


def test_every_key_is_the_text_that_is_written() -> None:
    found = parse_yaml("{1: a, true: b, 1.0: c, 1e-3: d, ~: e, null: f, 010: g}", "here")
    assert found == {"1": "a", "true": "b", "1.0": "c", "1e-3": "d", "~": "e", "null": "f", "010": "g"}
    assert parse_yaml("{<<: {1: a}, '1': b}", "here") == {"1": "b"}


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
        (b"a: !!python/object/apply:os.system ['true']", "bad.yaml:1:4: found the tag !!python/object/apply:os.system"),
        (b"? [1, 2]\n: 3", "bad.yaml:1:3: a key must be a word or a number"),
        (b"a: !!set {x, y}", "bad.yaml:1:4: found the tag !!set"),
        (b"a: !!binary aGk=", "bad.yaml:1:4: found the tag !!binary"),
        (b"a: &x [*x]", "bad.yaml:1:4: not YAML: found unconstructable recursive node"),
        (b"a: 1\n---\nb: 1", "bad.yaml:2:1: not YAML: expected a single document in the stream, but found another"),
        (b"a: " + b"9" * 5000, "bad.yaml:1:4: a whole number of 5,000 digits is too long"),
        (b"a:\n" + b"- " * 100 + b"1", "bad.yaml:2:[0-9]+: more than 50 lists and mappings inside one another"),
        (b"<<: 5", "bad.yaml:1:5: not YAML: expected a mapping or list of mappings for merging"),
        (b"a: " + b"[" * 2000, "not"),
        (b"a: x\0y", r"bad.yaml:1:5: not YAML: the character '\\x00'"),
        ("name: x\nb: 1".encode("utf-16-le"), r"not YAML: the character"),
        (b"a: " + b"{" * 100_000, r"bad.yaml:1:55: more than 50 lists and mappings inside one another"),
        (b"a: !!bool perhaps", "bad.yaml:1:4: found the tag !!bool"),
        (b"a: [" + b"1," * 20_000 + b"]", r"bad.yaml:1:[0-9]+: more than 10,000 values"),
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
    assert parse_overrides(["train.epochs=5"]) == {"train.epochs": 5}
    assert parse_overrides(["sweep.learning_rate=[1e-3, 1]"]) == {"sweep.learning_rate": [0.001, 1]}
    assert parse_overrides(["title=a=b"]) == {"title": "a=b"}
    assert parse_overrides(["data.limit="]) == {"data.limit": None}
    for text in ("train.epochs", "=5"):
        with pytest.raises(ConfigError, match=r"-o .*: not of the form KEY=VALUE"):
            parse_overrides([text])


def test_setting_a_key_does_not_change_the_original() -> None:
    values = {"a": {"b": 1, "c": 2}}
    assert set_key(values, "a.b", 3) == {"a": {"b": 3, "c": 2}}
    assert set_key(values, "a.d.e", 4) == {"a": {"b": 1, "c": 2, "d": {"e": 4}}}
    assert values == {"a": {"b": 1, "c": 2}}
    assert set_key({"optimizer": "sgd"}, "optimizer.momentum", 0.5) == {"optimizer": {"name": "sgd", "momentum": 0.5}}
    assert set_key({"optimizer": {"sgd": {"momentum": 0.5}}}, "optimizer.nesterov", True) == {
        "optimizer": {"name": "sgd", "momentum": 0.5, "nesterov": True}
    }
    with pytest.raises(ConfigError, match="'b' holds a number"):
        set_key(values, "a.b.c", 5)
    with pytest.raises(ConfigError, match=r"-o x: sgd\.name: found 'adam', but the name is already 'sgd'"):
        set_key({"optimizer": {"sgd": {"name": "adam"}}}, "optimizer.momentum", 0.5, "-o x")


@pytest.mark.parametrize(
    "text", ["0E0", "1e-3", "0x1F", "1:30", "on", "~", "2024-01-01", "=", "<<", "a: b", "1_000", ".5e3", "010"]
)
def test_a_text_that_looks_like_a_number_or_date_is_quoted(text: str) -> None:
    assert parse_yaml(dump_yaml({"title": text}), "x") == {"title": text}
