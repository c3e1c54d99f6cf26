"""Infers the keys of `data` for an .npz archive or a folder of .npy files."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from bnbench.data.formats.npz import ArrayHeader, read_headers, read_own_arrays
from bnbench.data.own.inference.column_names import GROUPS
from bnbench.data.own.inference.roles import MAX_NUMBER_CLASSES, MIN_ROWS_OF_A_CLASS, OR_NUMBER, class_words
from bnbench.data.own.inference.types import Hint, Inferred, Steps
from bnbench.data.types import Array
from bnbench.errors import ConfigError, DataError, not_one_of, shorten

# Words in the names of arrays, from which the kind and the part of an array are known: train_images, y_val.
INPUTS = frozenset({"x", "data", "image", "images", "features", "feature", "input", "inputs", "samples"})
TARGETS = frozenset({"y", "label", "labels", "target", "targets", "class", "classes", "t"})
PARTS = {
    **dict.fromkeys(("train", "training", "tr"), ""),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "_validation"),
    **dict.fromkeys(("test", "testing", "te"), "_test"),
}
# Arrays that a message lists.
MAX_NAMED = 10


def infer_arrays(path: Path, target: str | None = None) -> Inferred:
    """Return the keys of `data` for arrays, without the key `arrays`.

    Args:
        path: an archive or a folder.
        target: the array that the user names as the target of the training rows.

    Raises:
        ConfigError: there is no such array.
        DataError: the file is damaged, or no array is known to be the rows or the target.
    """
    headers = read_headers(path)
    if target is not None and target not in headers:
        raise ConfigError("--target", not_one_of(target, headers))
    found = _by_names(headers)
    if target is not None:
        found["y"] = target
    found = _complete(found, headers, path)
    task, task_why, counts = _task(read_own_arrays(path, [found["y"]])[found["y"]])
    remarks: dict[Steps, str] = {(key,): _size(headers[name]) for key, name in found.items()}
    remarks[("task",)] = task_why
    return Inferred({**found, "task": task}, task, remarks, _hints(headers, found), counts)


def _by_names(headers: Mapping[str, ArrayHeader]) -> dict[str, str]:
    """Return the arrays that are known by their names, by the key of `data`."""
    found: dict[str, str] = {}
    for name in headers:
        words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold())
        # xtrain and trainX.
        words = [word for joined in words for word in _split_part(joined)]
        part = next((PARTS[word] for word in words if word in PARTS), "")
        kinds = [kind for kind, known in (("x", INPUTS), ("y", TARGETS)) if known & set(words)]
        if len(kinds) == 1:
            found.setdefault(f"{kinds[0]}{part}", name)
    return found


def _split_part(word: str) -> list[str]:
    for part in ("train", "valid", "val", "test"):
        for rest in (word.removeprefix(part), word.removesuffix(part)):
            if rest != word and rest in INPUTS | TARGETS:
                return [part, rest]
    return [word]


def _complete(found: dict[str, str], headers: Mapping[str, ArrayHeader], path: Path) -> dict[str, str]:
    """Return the arrays of the rows and the target; parts that lack one of the two are left out."""
    if "x" not in found or "y" not in found:
        found |= _by_shapes(found, headers)
    if "x" not in found or "y" not in found:
        listed = ", ".join(f"{name} {header.shape}" for name, header in list(headers.items())[:MAX_NAMED])
        advice = "call them x and y" if "y" in found else "call them x and y, or give --target"
        raise DataError(f"{path}: which arrays are the rows and their targets? {advice}; found {listed or 'none'}")
    order = ("x", "y", "x_validation", "y_validation", "x_test", "y_test")
    pairs = {"x": "y", "y": "x"}
    return {key: found[key] for key in order if key in found and pairs[key[0]] + key[1:] in found}


def _by_shapes(found: Mapping[str, str], headers: Mapping[str, ArrayHeader]) -> dict[str, str]:
    """Return the rows and the target if only one pair of arrays fits: of equal length, and the target has one value."""
    others = [name for name in headers if name not in found.values()]
    rows = [found["x"]] if "x" in found else [name for name in others if len(headers[name].shape) > 1]
    targets = [found["y"]] if "y" in found else [name for name in others if _values(headers[name]) == 1]
    pairs = [(x, y) for x in rows for y in targets if x != y and headers[x].shape[:1] == headers[y].shape[:1] != ()]
    return dict(zip("xy", pairs[0], strict=True)) if len(pairs) == 1 else {}


def _values(header: ArrayHeader) -> int:
    """Return the number of values of a row."""
    return int(np.prod(header.shape[1:], dtype=np.int64))


def _task(y: Array) -> tuple[Literal["classes", "number"], str, dict[str, int]]:
    """Return whether targets are classes or numbers, why, and the rows of each class."""
    if y.dtype.kind == "f" and not (y == np.round(y)).all():
        return "number", "numbers with fractions", {}
    values, rows = np.unique(y, return_counts=True)
    if y.dtype.kind in "iuf" and len(values) > MAX_NUMBER_CLASSES and len(values) * MIN_ROWS_OF_A_CLASS > y.size:
        return "number", f"{len(values):,} different whole numbers", {}
    counts = {str(value): int(count) for value, count in zip(values.tolist(), rows.tolist(), strict=True)}
    found = class_words(f"{len(values):,}", counts)
    return "classes", f"whole numbers, {found}{OR_NUMBER}" if y.dtype.kind in "iuf" else found, counts


def _size(header: ArrayHeader) -> str:
    return f"{' x '.join(f'{length:,}' for length in header.shape) or 'one value'}, {header.dtype}"


def _hints(headers: Mapping[str, ArrayHeader], found: Mapping[str, str]) -> tuple[Hint, ...]:
    rows = headers[found["x"]].shape[:1]
    return tuple(
        Hint(f"group: {name}", f"keeps all rows with one value of {shorten(name)} in one part")
        for name, header in headers.items()
        if name not in found.values() and header.shape == rows and GROUPS & set(re.findall(r"[a-z]+", name.casefold()))
    )
