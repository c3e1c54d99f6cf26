"""Broken experiment files: good ones with one change that makes them wrong, and a list of mistakes and attacks.

`python -m support.broken_configs [MOST]` gives each file to `plan` and `run` in one process and prints the counts.
"""

import json
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from bnbench.cli.main import main as command
from bnbench.config.schema import Data
from bnbench.config.yaml_loader import read_yaml
from bnbench.data import access
from bnbench.data.types import DatasetInfo
from support.broken_texts import GOOD, TEXTS
from support.paths import CONFIGS
from support.refusals import HUNG, Counts, HungError, listed, note_written, timed

Steps = tuple[str | int, ...]


@dataclass(frozen=True)
class Case:
    """One broken file."""

    name: str
    # Makes the file in an empty folder and returns the path for the command.
    make: Callable[[Path], Path]
    # The message must contain one of these places.
    places: tuple[str, ...] = ()
    # Further words of the command line.
    words: tuple[str, ...] = ()
    # The user who runs the command; None: the user who runs the tests.
    user: int | None = None


def _text(content: str | bytes, folder: Path) -> Path:
    path = folder / "broken.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _mutated(make: Callable[[], Any], folder: Path) -> Path:
    return _text(_dumped(make()), folder)


def _dumped(values: object) -> str:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _places(value: object, steps: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """Yield everything in nested plain values, with the steps to it."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*steps, key), inner
        yield from _places(inner, (*steps, key))


def _inside(values: Any, steps: Steps) -> Any:
    for step in steps:
        values = values[step]
    return values


def _with(values: Any, steps: Steps, new: object) -> Any:
    changed = deepcopy(values)
    _inside(changed, steps[:-1])[steps[-1]] = new
    return changed


def _without(values: Any, steps: Steps) -> Any:
    changed = deepcopy(values)
    del _inside(changed, steps[:-1])[steps[-1]]
    return changed


def _renamed(values: Any, steps: Steps, name: str) -> Any:
    changed = deepcopy(values)
    part = _inside(changed, steps[:-1])
    items = [(name if key == steps[-1] else key, inner) for key, inner in part.items()]
    part.clear()
    part.update(items)
    return changed


# For each type, values that are wrong in its place anywhere in an experiment file.
WRONG: Mapping[type, tuple[object, ...]] = {
    dict: ("odd", ["odd"]),
    list: ("odd", {"odd": 1}),
    str: ({"odd": ["odd"]}, [["odd"]]),
    bool: ("odd", {"odd": []}),
    int: ("odd", {"odd": []}),
    float: ("odd", {"odd": []}),
}
REQUIRED = (
    "name", "data", "data.name", "model", "model.layers", "variants", "train", "train.epochs", "sweep",
    "sweep.learning_rate", "sweep.learning_rate.from", "sweep.learning_rate.to", "sweep.learning_rate.points",
)  # fmt: skip
REQUIRED_OF_ONE = {"claims": ("text", "metric", "of"), "published": ("source", "variant", "metric", "value")}


def _required(steps: Steps) -> bool:
    if len(steps) == 3 and steps[0] in REQUIRED_OF_ONE:
        return steps[2] in REQUIRED_OF_ONE[str(steps[0])]
    return ".".join(map(str, steps)) in REQUIRED


def _mutations(values: Any) -> Iterator[tuple[str, Steps, Callable[[], Any]]]:
    """Yield kind, place and a function that makes the whole file, with one value that is wrong in that place."""
    for steps, value in _places(values):
        key = steps[-1]
        for wrong in WRONG.get(type(value), ()):
            yield (
                f"wrong type ({type(wrong).__name__} for {type(value).__name__})",
                steps,
                partial(_with, values, steps, wrong),
            )
        # A variant may have any name.
        if isinstance(key, str) and steps[:-1] != ("variants",):
            middle = len(key) // 2
            yield "one letter off", steps, partial(_renamed, values, steps, f"{key[:middle]}q{key[middle + 1 :]}")
        if _required(steps):
            yield "missing", steps, partial(_without, values, steps)
            yield "null", steps, partial(_with, values, steps, None)
            empty: object = [] if isinstance(value, list) else {} if isinstance(value, dict) else ""
            yield "empty", steps, partial(_with, values, steps, empty)
        if isinstance(value, int | float) and not isinstance(value, bool):
            for number in (float("nan"), float("inf"), float("-inf")):
                yield "no finite number", steps, partial(_with, values, steps, number)
        if _of_a_size(steps, value):
            for number in (-1, 0, -(10**12), 10**12, 10**400):
                yield "size", steps, partial(_with, values, steps, number)
        if _of_rates(steps) and isinstance(value, int | float):
            for number in (0, -1.0, 1e-60, 1e300, 10**40):
                yield "rate", steps, partial(_with, values, steps, number)
        if isinstance(value, list) and steps[0] == "sweep":
            yield "empty", steps, partial(_with, values, steps, [])
            yield "twice", steps, partial(_with, values, steps, [*value, value[0]])


def _of_rates(steps: Steps) -> bool:
    return steps[:2] == ("sweep", "learning_rate") and steps[-1] != "points"


SIZES = ("epochs", "batch_size", "steps_per_epoch", "threads", "seeds", "points", "limit", "units", "filters", "dense")


def _of_a_size(steps: Steps, value: object) -> bool:
    sizes = {
        "epochs",
        "batch_size",
        "steps_per_epoch",
        "threads",
        "seeds",
        "points",
        "limit",
        "units",
        "filters",
        "dense",
    }
    return isinstance(value, int) and steps[-1] in sizes


def mutated(most: int | None) -> list[Case]:
    """Return good files with one wrong value, `most` of them spread over all kinds; every call returns the same."""
    every: dict[str, list[Case]] = {}
    for path in sorted(CONFIGS.glob("**/*.yaml")):
        values = read_yaml(path)
        own = [set((variant or {}).get("params", {})) for variant in values["variants"].values()]
        replaced = {key.rpartition(".")[2] for key in values["sweep"].get("grid", {})} | set.intersection(*own)
        for number, (kind, steps, changed) in enumerate(_mutations(values)):
            if steps[:2] == ("model", "params") and steps[2:3] and steps[2] in replaced:
                # An axis, or every variant, replaces this value, so a wrong one has no effect.
                continue
            named = [str(step) for step in steps if isinstance(step, str)]
            # And where a parameter is used, or all weights are counted.
            places = {named[-1], named[0]}
            places |= {"model.layers", "variants."} if "params" in str(steps) or kind == "size" else set()
            name = f"{path.stem}: {kind}: {'.'.join(map(str, steps))} ({number})"
            every.setdefault(kind, []).append(Case(name, partial(_mutated, changed), tuple(places)))
    generator = random.Random(0)
    for cases in every.values():
        generator.shuffle(cases)
    if most is None:
        return [case for cases in every.values() for case in cases]
    share = -(-most // len(every))
    return [case for cases in every.values() for case in cases[:share]]


def _folder(folder: Path) -> Path:
    (folder / "broken.yaml").mkdir()
    return folder / "broken.yaml"


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(folder / "broken.yaml"))
    return folder / "broken.yaml"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "broken.yaml")
    return folder / "broken.yaml"


def _link(target: str, folder: Path) -> Path:
    (folder / "broken.yaml").symlink_to(target)
    return folder / "broken.yaml"


def _given(path: str, folder: Path) -> Path:
    return folder / path


def _good(folder: Path) -> Path:
    return _text(GOOD, folder)


def _closed(folder: Path) -> Path:
    path = _good(folder)
    path.chmod(0)
    return path


FILES: dict[str, Callable[[Path], Path]] = {
    "a folder": _folder,
    "a socket": _socket,
    "a pipe": _pipe,
    "nothing": partial(_given, "broken.yaml"),
    "a place in a file": lambda folder: _good(folder) / "broken.yaml",
    "a name that is too long": partial(_given, "broken" * 100 + ".yaml"),
    "a path that is too long": partial(_given, "broken/" * 1000),
    "a link to itself": partial(_link, "broken.yaml"),
    "a link to nothing": partial(_link, "nowhere"),
    "a link to a folder": partial(_link, "."),
    "endless zeros": partial(_link, "/dev/zero"),
    "endless noise": partial(_link, "/dev/urandom"),
    "an empty device": partial(_link, "/dev/null"),
    "a file of no size that is endless": partial(_link, "/proc/self/pagemap"),
    "a file of no size that cannot be read": partial(_link, "/proc/self/mem"),
    "the command line": partial(_link, "/proc/self/cmdline"),
}
WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "an override of nothing": (("-o", "train.epochs"), ("train.epochs",)),
    "an override without a key": (("-o", "=5"), ("-o",)),
    "an override that is no YAML": (("-o", "train.epochs=["), ("train.epochs",)),
    "an override of an unknown key": (("-o", "train.epoch=5"), ("train.epoch",)),
    "an override with a tag": (("-o", "title=!!python/object/apply:os.system [touch pwned]"), ("title",)),
    "an override that is deep": (("-o", f"title={'[' * 500}{']' * 500}"), ("title",)),
    "an override of a deep key": (("-o", f"{'a.' * 5000}b=1"), ("a.a.a",)),
    "an override of a key of dots": (("-o", "...=1"), ("-o ...=1",)),
    "an override of the name": (("-o", "name=../x"), ("name",)),
    "an override of half a character": (("-o", 'title="\\ud800"'), ("title",)),
    "an override that is not UTF-8": (("-o", "title=\udcff"), ("title",)),
    "results in a file": (("--results-dir", "broken.yaml"), ("broken.yaml",)),
    "no such option": (("--pickle", "x"), ("--pickle",)),
}


def handmade() -> list[Case]:
    """Return mistakes of users and attacks."""
    cases = [Case(name, partial(_text, content), places) for name, (content, places) in TEXTS.items()]
    cases += [Case(name, make, ("broken",)) for name, make in FILES.items()]
    cases += [Case(name, _good, places, words) for name, (words, places) in WORDS.items()]
    # Root, as in a container, may read everything, so another user runs the command.
    if os.getuid() == 0:
        cases.append(Case("a file that may not be read", _closed, ("broken.yaml",), user=65534))
    else:
        cases.append(Case("a file that may not be read", _closed, ("broken.yaml",)))
    return cases


@contextmanager
def _as_user(user: int | None) -> Iterator[None]:
    if user is None:
        yield
        return
    before = os.geteuid()
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(before)


def made_up(settings: Data, *_: object, **__: object) -> DatasetInfo:
    """Return what the source of a data set says about it; the data set need not be on this machine."""
    source = access.built_in(settings)
    if source is None:
        return DatasetInfo(settings.source, "made up", settings.path, (4,), "float32", ("0", "1"), 100, 0, 0)
    classes = tuple(settings.classes or map(str, range(source.class_count)))
    test_rows = source.rows // 6 if source.name in {"mnist", "fashion_mnist", "cifar10", "letter"} else 0
    dtype = "uint8" if source.value_range[1] > 1 else "float32"
    return DatasetInfo(source.name, "made up", source.name, source.shape, dtype, classes, source.rows, test_rows, 0)


def refused(words: list[str], places: tuple[str, ...]) -> str:
    """Return what is wrong with the refusal of a command; empty if it is one message with its place."""
    out, err = StringIO(), StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            command(words, prog_name="bnbench")
        code: object = 0
    except SystemExit as end:
        code = end.code
    except HungError:
        return f"hangs for more than {HUNG:g} s"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    message = err.getvalue()
    if code != 2:
        return f"exit code {code}: {(message or out.getvalue())[:200]}"
    if out.getvalue() or "Traceback" in message or len(message) > 10_000:
        return f"no plain message: {(message or out.getvalue())[:200]}"
    if not any(place in message for place in places):
        return f"does not tell {' or '.join(places)}: {message[:300]}"
    return ""


def put(case: Case, counts: Counts, folder: Path) -> None:
    """Give a case to `plan` and `run` in an empty folder."""
    path = case.make(folder)
    before = listed(folder)
    for name in ("plan", "run"):
        with timed(case.name, counts), _as_user(case.user):
            problem = refused([name, str(path.relative_to(folder)), *case.words], case.places)
        if problem:
            counts.problems.append(f"{case.name}: {name}: {problem}")
            # A case that `plan` does not refuse would be trained.
            break
    note_written(case.name, before, folder, counts)
    counts.inputs += 1


def run(cases: list[Case]) -> Counts:
    """Give all cases to the commands, in this process."""
    counts = Counts()
    with ExitStack() as stack:
        top = Path(stack.enter_context(TemporaryDirectory()))
        stack.callback(os.chdir, Path.cwd())
        os.environ["BNBENCH_CACHE"] = str(top / "cache")
        os.environ.pop("BNBENCH_DATA", None)
        access.dataset_info = made_up  # type: ignore[assignment]
        for number, case in enumerate(cases):
            folder = top / str(number)
            folder.mkdir()
            os.chdir(folder)
            put(case, counts, folder)
        note_written("the cache", {}, top / "cache", counts)
    return counts


def main(most: int | None = None) -> dict[str, int]:
    """Give the list and `most` mutations to the commands; print those that are not refused, and return the counts."""
    counts = run([*handmade(), *mutated(most)])
    print(*counts.problems, f"slowest: {counts.slowest[1]}", sep="\n", file=sys.stderr)
    return counts.numbers()


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:]))))
