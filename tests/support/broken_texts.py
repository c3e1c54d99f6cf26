"""Experiment files with one mistake or attack each."""

import random

GOOD = """\
name: good
data: {name: digits}
model: {layers: [flatten, {dense: 8}, norm, {activation: relu}, {dense: $classes}]}
variants: {plain: {norm: none}, batchnorm: {norm: batch}}
train: {epochs: 2}
sweep: {learning_rate: [0.1, 1.0]}
"""


def _changed(old: str, new: str) -> str:
    assert old in GOOD, old
    return GOOD.replace(old, new)


def _layers(layer: str) -> str:
    return _changed("[flatten, ", f"[flatten, {layer}, ")


def _laughs(depth: int = 9) -> str:
    """Return a YAML text that expands a few lines to a billion values."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, depth)]
    return "\n".join(lines) + "\n"


def _merges(depth: int = 20) -> str:
    lines = ["a0: &a0 {k0: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}, *a{i - 1}], k{i}: 1}}" for i in range(1, depth)]
    return "\n".join(lines) + "\n"


TEXTS: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "empty": ("", ("broken.yaml",)),
    "blanks": (" \n\n", ("broken.yaml",)),
    "a comment alone": ("# name: x", ("broken.yaml",)),
    "one number": ("5", ("broken.yaml",)),
    "one word": ("name", ("broken.yaml",)),
    "a list": ("- name: x", ("broken.yaml",)),
    "two documents": (f"{GOOD}---\n{GOOD}", ("broken.yaml:",)),
    "a document that ends and goes on": (f"{GOOD}...\nx: 1", ("broken.yaml:",)),
    "a tab": (_changed("train: {", "train:\n\t{"), ("broken.yaml:",)),
    "no end": (_changed("sweep: {", "sweep: {{"), ("broken.yaml:",)),
    "no end of a text": (GOOD + 'title: "x', ("broken.yaml:",)),
    "a percent sign": (f"%YAML 9.9\n---\n{GOOD}", ("broken.yaml",)),
    "a reserved mark": (GOOD + "title: @x", ("broken.yaml:",)),
    "a NUL byte": (GOOD.encode() + b"title: a\0b", ("broken.yaml",)),
    "a NUL byte as an escape": (GOOD + 'title: "a\\0b"', ("title",)),
    "a bell as an escape": (GOOD + 'title: "a\\ab"', ("title",)),
    "an escape sequence of terminals": (GOOD + 'title: "\\e[2J\\e]0;x\\a"', ("title",)),
    "half a character": (GOOD + 'title: "\\ud800"', ("title",)),
    "half a character as a key": (_changed("plain:", '"\\ud800":'), ("variants",)),
    "an escape sequence in a parameter": (_changed("model: {", 'model: {params: {"x\\e[2J": 1}, '), ("model",)),
    "Latin-1": ("title: Zürich\n".encode("latin-1") + GOOD.encode(), ("broken.yaml",)),
    "UTF-16": (GOOD.encode("utf-16"), ("broken.yaml",)),
    "UTF-16 without its mark": (GOOD.encode("utf-16-le"), ("broken.yaml",)),
    "UTF-32": (GOOD.encode("utf-32"), ("broken.yaml",)),
    "a mark of bytes twice": (b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD.encode() + b"x: 1", ("broken.yaml",)),
    "a cut character": (GOOD.encode() + "title: ü".encode()[:-1], ("broken.yaml",)),
    "an overlong slash": (GOOD.encode() + b"title: \xc0\xaf", ("broken.yaml",)),
    "an ELF file": (b"\x7fELF\x02\x01\x01" + bytes(200), ("broken.yaml",)),
    "random bytes": (random.Random(0).randbytes(5000), ("broken.yaml",)),
    "10 MB in one text": (GOOD + f"title: {'x' * 10_000_000}", ("broken.yaml",)),
    "10 MB of blanks": (b" " * 10_000_000, ("broken.yaml",)),
    "190 kB of blanks": (GOOD + "train:" + " " * 190_000, ("train",)),
    "190 kB of lines": (GOOD + "\n" * 190_000 + "x: 1", ("x",)),
    "190 kB of comments": (GOOD + "# x\n" * 47_000 + "x: 1", ("x",)),
    "190 kB of quotes": (GOOD + "title: " + "''" * 95_000, ("title",)),
    "190 kB of escapes": (GOOD + 'title: "' + "\\\\" * 95_000 + '"', ("title",)),
    "190 kB of folds": (GOOD + "title: >\n" + "  x\n\n" * 38_000, ("title",)),
    "190 kB of numbers": (GOOD + f"x: [{'1,' * 95_000}]", ("broken.yaml",)),
    "190 kB of digits": (_changed("epochs: 2", f"epochs: {'9' * 190_000}"), ("broken.yaml",)),
    "190 kB of a fraction": (_changed("epochs: 2", f"epochs: 0.{'9' * 190_000}"), ("epochs",)),
    "190 kB of an exponent": (_changed("[0.1, 1.0]", f"[1e{'9' * 190_000}]"), ("learning_rate",)),
    "190 kB of underscores": (_changed("epochs: 2", f"epochs: -1{'_' * 190_000}"), ("epochs",)),
    "190 kB in one text": (GOOD + f"title: {'x' * 190_000}", ("title",)),
    "190 kB in a name": (GOOD.replace("good", "x" * 190_000), ("name",)),
    "190 kB in a key": (GOOD + "x" * 900 + ": 1", ("broken.yaml",)),
    "100 kB in a quoted key": (GOOD + f'"{"x" * 100_000}": 1', ("broken.yaml",)),
    "190 kB in a layer": (_layers("x" * 190_000), ("model",)),
    "2,000 letters in a layer": (_layers("x" * 2000), ("model.layers[1]",)),
    "2,000 letters in an optimizer": (_changed("epochs: 2", f"epochs: 2, optimizer: {'x' * 2000}"), ("optimizer",)),
    "9,000 entries in a layer": (_layers(str(["x"] * 9_000)), ("model.layers[1]",)),
    "9,000 classes": (_changed("name: digits", f"name: digits, classes: {['x'] * 9_000}"), ("data.classes",)),
    "9,000 rates that are one": (_changed("[0.1, 1.0]", str([0.1] * 9_000)), ("sweep",)),
    "9,000 seeds that are one": (_changed("[0.1, 1.0]", f"[0.1], seeds: {[1] * 9_000}"), ("sweep",)),
    "9,000 different seeds": (_changed("[0.1, 1.0]", f"[0.1], seeds: {list(range(9_000))}"), ("sweep",)),
    "9,000 values of an axis": (
        _changed("[0.1, 1.0]", f"[0.1], grid: {{train.epochs: {[str(i) for i in range(9_000)]}}}"),
        ("sweep",),
    ),
    "190 kB of brackets": ("[" * 190_000, ("broken.yaml",)),
    "190 kB of braces": ("{" * 190_000, ("broken.yaml",)),
    "190 kB of dashes": ("- " * 95_000, ("broken.yaml",)),
    "190 kB of question marks": ("? " * 95_000, ("broken.yaml",)),
    "190 kB of anchors": ("".join(f"&a{i} " for i in range(25_000)), ("broken.yaml",)),
    "many keys": (GOOD + "".join(f"k{i}: 1\n" for i in range(9_000)), ("broken.yaml",)),
    "many wrong entries": (_changed("[0.1, 1.0]", str(["x"] * 9_000)), ("sweep.learning_rate",)),
    "a list 60 deep": (GOOD + f"title: {'[' * 60}{']' * 60}", ("broken.yaml",)),
    "a list 300 deep": (GOOD + f"title: {'[' * 300}{']' * 300}", ("broken.yaml",)),
    "a list 5,000 deep": (GOOD + f"title: {'[' * 5000}{']' * 5000}", ("broken.yaml",)),
    "a deep parameter": (
        _changed("model: {", f"model: {{params: {{x: {'[' * 300}{']' * 300}}}, "),
        ("broken.yaml",),
    ),
    "a deep value of an axis": (
        _changed("[0.1, 1.0]", f"[0.1], grid: {{model.params.x: [{'[' * 300}{']' * 300}]}}"),
        ("broken.yaml",),
    ),
    "a deep change of a variant": (
        _changed("{norm: batch}", f"{{norm: batch, train: {{epochs: {'[' * 290}{']' * 290}}}}}"),
        ("broken.yaml",),
    ),
    "a deep list of layers": (_layers("{repeat: {times: 1, layers: [" * 90 + "flatten" + "]}}" * 90), ("broken.yaml",)),
    "repeats in repeats": (_layers("{repeat: {times: 2000, layers: [" * 5 + "flatten" + "]}}" * 5), ("model.layers",)),
    "empty repeats in repeats": (
        _layers("{repeat: {times: 2000, layers: [" * 5 + "{repeat: {times: 0, layers: [norm]}}" + "]}}" * 5),
        ("model.layers",),
    ),
    "a billion laughs": (_laughs(), ("broken.yaml",)),
    "a billion laughs in a parameter": (_laughs() + GOOD, ("broken.yaml",)),
    "a billion merges": (_merges(), ("broken.yaml",)),
    "many merges": (_merges(10) + GOOD, ("broken.yaml",)),
    "an anchor that loops": (GOOD + "title: &a [*a]", ("broken.yaml",)),
    "a mapping that loops": (GOOD + "title: &a {x: *a}", ("broken.yaml",)),
    "a mapping that is its own key": (GOOD + "title: &a {? *a : 1}", ("broken.yaml",)),
    "a merge that loops": (GOOD + "title: &a {<<: *a}", ("broken.yaml",)),
    "a merge of a number": (GOOD + "title: {<<: 5}", ("broken.yaml",)),
    "an alias of nothing": (GOOD + "title: *nothing", ("broken.yaml:",)),
    "a key twice": (GOOD + "name: again", ("broken.yaml:7",)),
    "a key twice below": (_changed("{epochs: 2}", "{epochs: 2, epochs: 3}"), ("broken.yaml:5",)),
    "a list as a key": (GOOD + "[a, b]: 1", ("broken.yaml:",)),
    "a mapping as a key": (GOOD + "{a: b}: 1", ("broken.yaml:",)),
    "no key": (GOOD + "null: 1", ("None", "null")),
    "a number as a key": (GOOD + "5: 1", ("5",)),
    "a call in Python": ("x: !!python/object/apply:os.system [touch pwned]\n" + GOOD, ("broken.yaml:1",)),
    "a call in Python, new": ("x: !!python/object/new:os.system [touch pwned]\n" + GOOD, ("broken.yaml:1",)),
    "a module in Python": ("x: !!python/module:os\n" + GOOD, ("broken.yaml:1",)),
    "a name in Python": ("x: !!python/name:os.system\n" + GOOD, ("broken.yaml:1",)),
    "a tuple in Python": ("x: !!python/tuple [1, 2]\n" + GOOD, ("broken.yaml:1",)),
    "a tag of one's own": ("x: !mine 5\n" + GOOD, ("broken.yaml:1",)),
    "an inclusion": ("x: !include /etc/hostname\n" + GOOD, ("broken.yaml:1",)),
    "an environment variable": ("x: !ENV HOME\n" + GOOD, ("broken.yaml:1",)),
    "binary": ("x: !!binary aGVsbG8=\n" + GOOD, ("broken.yaml:1",)),
    "a set": (GOOD + "title: !!set {a, b}", ("broken.yaml:",)),
    "an ordered mapping": (GOOD + "title: !!omap [a: 1]", ("broken.yaml:",)),
    "a date": (GOOD + "title: !!timestamp 2024-01-01", ("broken.yaml:",)),
    "a number that is said to be text": (_changed("epochs: 2", "epochs: !!str 2"), ("broken.yaml:",)),
    "a text that is said to be a number": (_changed("epochs: 2", "epochs: !!int two"), ("broken.yaml",)),
    "a text that is said to be true": (_changed("epochs: 2", "epochs: !!bool perhaps"), ("broken.yaml",)),
    "a text that is said to be a float": (_changed("epochs: 2", "epochs: !!float many"), ("broken.yaml",)),
    "a text that is said to be a mapping": (_changed("{epochs: 2}", "!!map x"), ("broken.yaml",)),
    "a list that is said to be a number": (_changed("epochs: 2", "epochs: !!int [2]"), ("broken.yaml",)),
    "a list that is said to be text": (GOOD + "title: !!str [x]", ("broken.yaml",)),
    "1e400": (_changed("[0.1, 1.0]", "[1e400]"), ("learning_rate",)),
    "-1e400": (_changed("[0.1, 1.0]", "[-1e400]"), ("learning_rate",)),
    "1e-400": (_changed("[0.1, 1.0]", "[1e-400]"), ("learning_rate",)),
    ".inf": (_changed("[0.1, 1.0]", "[.inf]"), ("learning_rate",)),
    "-.inf": (_changed("[0.1, 1.0]", "[-.inf]"), ("learning_rate",)),
    ".nan": (_changed("[0.1, 1.0]", "[.nan]"), ("learning_rate",)),
    "inf": (_changed("[0.1, 1.0]", "[inf]"), ("learning_rate",)),
    "a rate of a date": (_changed("[0.1, 1.0]", "[2024-01-01]"), ("learning_rate",)),
    "a rate in base sixty": (_changed("[0.1, 1.0]", "[1:30]"), ("learning_rate",)),
    "a rate in base sixteen": (_changed("[0.1, 1.0]", "[0x10]"), ("learning_rate",)),
    "a rate of true": (_changed("[0.1, 1.0]", "[true]"), ("learning_rate",)),
    "octal": (_changed("epochs: 2", "epochs: 0o17"), ("train.epochs",)),
    "binary digits": (_changed("epochs: 2", "epochs: 0b11"), ("train.epochs",)),
    "a rate of underscores": (_changed("[0.1, 1.0]", "[._]"), ("learning_rate", "broken.yaml")),
    "5,000 digits": (_changed("epochs: 2", f"epochs: {'9' * 5000}"), ("broken.yaml",)),
    "4,000 digits": (_changed("epochs: 2", f"epochs: {'9' * 4000}"), ("train.epochs",)),
    "a rate of 4,000 digits": (_changed("[0.1, 1.0]", f"[{'9' * 4000}]"), ("learning_rate",)),
    "a rate from 4,000 digits": (
        _changed("[0.1, 1.0]", f"{{from: 1, to: {'9' * 4000}, points: 3}}"),
        ("learning_rate",),
    ),
    "a number of 4,000 digits in a layer": (_layers(f"{{dropout: {'9' * 4000}}}"), ("dropout",)),
    "a number of 4,000 digits in the optimizer": (
        _changed("epochs: 2", f"epochs: 2, optimizer: {{sgd: {{momentum: {'9' * 4000}}}}}"),
        ("momentum",),
    ),
    "other digits": (_changed("epochs: 2", "epochs: ٢"), ("train.epochs",)),
    "a grid of 10**9 trials": (
        _changed(
            "[0.1, 1.0]",
            "[0.1], grid: {" + ", ".join(f"model.params.{name}: {list(range(1000))}" for name in "abc") + "}",
        ),
        ("sweep",),
    ),
    "10**9 points": (_changed("[0.1, 1.0]", "{from: 1, to: 2, points: 1000000000}"), ("points",)),
    "10**9 seeds": (_changed("[0.1, 1.0]", "[0.1], seeds: 1000000000"), ("seeds",)),
    "a seed of 2**31": (_changed("[0.1, 1.0]", "[0.1], seeds: [2147483648]"), ("seeds",)),
    "a billion epochs": (_changed("epochs: 2", "epochs: 1000000000"), ("epochs",)),
    "a billion units": (_changed("{dense: 8}", "{dense: 1000000000}"), ("variants.plain", "model.layers")),
    "10**30 units": (_changed("{dense: 8}", f"{{dense: {10**30}}}"), ("variants.plain", "model.layers")),
    "no units": (_changed("{dense: 8}", "{dense: 0}"), ("model.layers",)),
    "half a unit": (_changed("{dense: 8}", "{dense: 0.5}"), ("model.layers",)),
    "a batch of 10**9": (_changed("epochs: 2", "epochs: 2, batch_size: 1000000000"), ("batch_size",)),
    "10**9 filters": (_layers("{reshape: [8, 8, 1]}, {conv2d: [1000000000, 3]}"), ("model.layers",)),
    "a reshape to nothing": (_layers("{reshape: [0]}"), ("model.layers",)),
    "a reshape to a text": (_layers("{reshape: [x]}"), ("model.layers",)),
    "a dropout of everything": (_layers("{dropout: odd}"), ("model.layers",)),
    "norms in no groups": (_changed("{norm: batch}", "{norm: {group: {groups: 0}}}"), ("norm", "model.layers")),
    "a long key": (_changed("[0.1, 1.0]", f"[0.1], grid: {{model.{'a.' * 400}b: [1]}}"), ("model.a.a",)),
    "a key of dots": (_changed("[0.1, 1.0]", '[0.1], grid: {"model...": [1]}'), ("sweep.grid",)),
    "an axis of the name": (_changed("[0.1, 1.0]", "[0.1], grid: {name: [a, b]}"), ("sweep.grid.name",)),
    "a name that climbs": (_changed("name: good", "name: ../../etc"), ("name",)),
    "a name from the root": (_changed("name: good", "name: /etc/passwd"), ("name",)),
    "a name of two dots": (_changed("name: good", 'name: ".."'), ("name",)),
    "a name of one dot": (_changed("name: good", 'name: "."'), ("name",)),
    "a name of blanks": (_changed("name: good", 'name: " "'), ("name",)),
    "a name with a NUL": (_changed("name: good", 'name: "a\\0b"'), ("name",)),
    "a name with a line break": (_changed("name: good", 'name: "a\\n"'), ("name",)),
    "a name with a backslash": (_changed("name: good", "name: a\\b"), ("name",)),
    "a name of 300 letters": (_changed("name: good", f"name: {'a' * 300}"), ("name",)),
    "a name that is hidden": (_changed("name: good", "name: .ssh"), ("name",)),
    "a name of a number": (_changed("name: good", "name: 5"), ("name",)),
    "a name of a home": (_changed("name: good", 'name: "~"'), ("name",)),
    "a name of a drive": (_changed("name: good", "name: 'C:x'"), ("name",)),
    "a variant that climbs": (_changed("plain:", "../plain:"), ("variants",)),
    "a variant with a NUL": (_changed("plain:", '"a\\0":'), ("variants",)),
    "a data set that climbs": (_changed("name: digits", "name: ../digits"), ("data.name",)),
    "a data set of a file": (_changed("name: digits", "name: /etc/passwd"), ("data.name",)),
    "data of two classes of one name": (_changed("name: digits", "name: digits, classes: ['1', '1']"), ("classes",)),
    "data of a folder": (_changed("name: digits", "name: digits, path: /etc"), ("data.path",)),
    "a layer of a module": (_layers("{os.system: ls}"), ("os.system",)),
    "a layer of a number": (_layers("5"), ("model.layers[1]",)),
    "a layer of nothing": (_layers("null"), ("model.layers[1]",)),
    "a layer of two": (_layers("{dense: 1, flatten: null}"), ("model.layers[1]",)),
    "a layer that is named by a number": (_layers("{5: 1}"), ("model.layers[1]",)),
    "a parameter that is not there": (_layers("{dense: $units}"), ("model.layers[1]",)),
    "a parameter of the environment": (_layers("{dense: $HOME}"), ("model.layers[1]",)),
}
