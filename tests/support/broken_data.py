"""Broken data files: good ones that are cut, changed or replaced, archives that attack, and damaged caches.

`python -m support.broken_data` lets bnbench read each of them in one process and prints the counts. A file must be
refused with a DataError that names it, or give exactly the arrays of the good one.
"""

import gzip
import json
import logging
import lzma
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import Array, DataDirs, Dataset
from bnbench.errors import BnbenchError
from bnbench.store import model_card
from bnbench.store.model_card import ModelCard
from support.broken_archives import PICKLE, ZEROS, packed, tars, zips
from support.broken_inputs import IMAGE, INPUTS, PAGES, TABLE, array_of
from support.inputs import read_inputs
from support.refusals import HUNG, Counts, HungError, listed, note_written, timed
from support.small_data import Made, png, sets, tarred, zipped

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Case:
    """A file or folder to read, made in an empty folder."""

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    # The file that the message must name.
    named: str
    # x and y that may nevertheless be read; empty: the file must be refused.
    good: Sequence[tuple[Array, Array]] = ()
    # The name of the empty folder.
    folder: str = "own"


# Whole files in place of a good one.

FOREIGN: dict[str, bytes] = {
    "nothing": b"",
    "a NUL": b"\0",
    "text": b"<html>404 not found</html>\n" * 20,
    "noise": random.Random(0).randbytes(3000),
    "a PNG": png(3, (9, 9)),
    "a zip": zipped({"a": b"b"}),
    "a gzip": gzip.compress(b"a", mtime=0),
    "an xz": lzma.compress(b"a"),
    "a tar": tarred({"a": b"b"}, ""),
    "a pickle": PICKLE,
    "a gzip bomb": packed((ZEROS,), ".gz"),
    "an xz bomb": packed((ZEROS,), ".xz"),
    "an ELF file": b"\x7fELF\x02\x01\x01" + bytes(200),
}


def _cut(where: float, content: bytes) -> bytes:
    return content[: int(where * len(content))]


def _flipped(seed: int, content: bytes) -> bytes:
    changed = bytearray(content)
    place = random.Random(seed).randrange(8 * len(content))
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


CHANGES: dict[str, Change] = {
    **{f"cut at {where:.0%}": partial(_cut, where) for where in (0.001, 0.1, 0.3, 0.5, 0.7, 0.9)},
    "twice": lambda content: content * 2,
    "more behind": lambda content: content + b"\x01,more",
    "a NUL before": lambda content: b"\0" + content,
    "line ends lost": lambda content: content.replace(b"\n", b"").replace(b"\r", b""),
    "in UTF-16": lambda content: content.decode("latin-1").encode("utf-16"),
}
FLIPS: dict[str, Change] = {f"bit {seed} flipped": partial(_flipped, seed) for seed in range(5)}


def _write(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _instead(files: dict[str, bytes], name: str, make: Callable[[Path], object], folder: Path) -> None:
    _write(files, folder)
    (folder / name).unlink()
    make(folder / name)


def _socket(path: Path) -> None:
    here = Path.cwd()
    # The path of a socket may have 100 letters.
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(path.name)
    os.chdir(here)


ODD: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a socket": _socket,
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "endless zeros": lambda path: path.symlink_to("/dev/zero"),
    "a terminal": lambda path: path.symlink_to("/dev/tty"),
    "an endless file of no size": lambda path: path.symlink_to("/proc/self/pagemap"),
}


def _load(made: Made, folder: Path) -> Dataset:
    name = made.source.name
    access.DATASETS[name] = made.source
    places = DataDirs(folder.parent, folder.parent.parent / "cache", offline=True)
    return access.load_dataset(Data(name=name), places)


def of_sets() -> Iterator[Case]:
    """Yield every file of every data set, changed and replaced."""
    for title, made in sets().items():
        files, read, own = dict(made.files), partial(_load, made), made.source.name
        with TemporaryDirectory() as place:
            folder = Path(place, "own", made.source.name)
            folder.mkdir(parents=True)
            _write(files, folder)
            good = read(folder)
            known = [(np.array(good.x), np.array(good.y))]
            known += [
                (x[1:], y[1:])
                for x, y in known
                if title == "notMNIST"
                # A glyph that cannot be read is left out.
            ]
        for name in [*files][: 2 if made.checked else 1]:
            named = name.partition("/")[0]
            changes = CHANGES | (FLIPS if made.checked else {})
            for what, change in changes.items():
                changed = files | {name: change(files[name])}
                yield Case(f"{title}: {name}: {what}", partial(_write, changed), read, named, known, own)
            for what, content in FOREIGN.items():
                changed = files | {name: content}
                yield Case(f"{title}: {name}: {what}", partial(_write, changed), read, named, known, own)
            for what, make in ODD.items():
                put_there = partial(_instead, files, name, make)
                yield Case(f"{title}: {name}: {what}", put_there, read, own, known, own)


# Archives that attack.


def of_archives() -> Iterator[Case]:
    """Yield archives that attack, in place of each archive that is read."""
    for title, made in sets().items():
        ((name, _), *others) = made.files.items()
        read, own = partial(_load, made), made.source.name
        # The tar.gz of CIFAR-10 is read as that of notMNIST is.
        if others or not name.endswith((".zip", ".gz", ".xz")) or title == "CIFAR-10, tar.gz":
            continue
        if name.endswith(".zip"):
            wanted = {"letter": ("letter-recognition.data",), "leaf": leaf_names(name)}[made.source.name]
            for what, content in zips(wanted).items():
                yield Case(f"{title}: {what}", partial(_write, {name: content}), read, name, folder=own)
        else:
            wanted = ("data_batch_1.bin", "test_batch.bin") if "cifar" in name else ("A/0.png", "A/1.png")
            for what, pieces in tars(wanted).items():
                content = packed(pieces, name[-3:])
                yield Case(f"{title}: {what}", partial(_write, {name: content}), read, name, folder=own)


def leaf_names(archive: str) -> tuple[str, ...]:
    """Return the names of the files that are wanted in one of the two zips of Leaf."""
    return ("train.csv",) if archive == "train.csv.zip" else ("data_Mar_64.txt", "data_Sha_64.txt", "data_Tex_64.txt")


# Files that a user gives to `predict`, and files next to a model.


def _read_input(name: str, takes: ModelCard, folder: Path) -> object:
    return read_inputs(folder / name, takes)


def _read_page(folder: Path) -> object:
    return model_card.read_card(folder / "t.keras")


def of_people() -> Iterator[Case]:
    """Yield files that are given to `predict`, and cards of saved models."""
    for name, content in INPUTS.items():
        takes = IMAGE if name.endswith(("png", "jpg")) else TABLE
        yield Case(f"predict {name}", partial(_write, {name: content}), partial(_read_input, name, takes), name)
    for ending in ("csv", "npy", "png"):
        for what, make in ODD.items():
            name = f"x.{ending}"
            read = partial(_read_input, name, IMAGE if ending == "png" else TABLE)
            yield Case(f"predict {ending}: {what}", partial(_instead, {name: b""}, name, make), read, name)
    for what, content in PAGES.items():
        yield Case(f"page: {what}", partial(_write, {"t.keras": b"", "t.json": content}), _read_page, "t.json")


# Damaged entries of the cache are never refused: the files are read again.

ENTRIES: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a name of a class": b'{"check": "x", "facts": {"__class__": "os"}}',
    "noise": random.Random(2).randbytes(1000),
    "a pickle": PICKLE,
    "an array of objects": array_of("(3,)", "|O"),
    "an array of 2**60": array_of("(1152921504606846976,)"),
}


def _damage(made: Made, file: str, change: Callable[[Path], object], folder: Path) -> None:
    _write(dict(made.files), folder)
    _load(made, folder)
    for cached in (folder.parent.parent / "cache" / "parsed").glob(f"{made.source.name}-*/{file}"):
        change(cached)


def _overwrite(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _replace(make: Callable[[Path], object], path: Path) -> None:
    path.unlink()
    make(path)


def of_caches() -> Iterator[Case]:
    """Yield damaged entries of the cache."""
    made = sets()["letter"]
    with TemporaryDirectory() as place:
        folder = Path(place, "own", "letter")
        folder.mkdir(parents=True)
        _write(dict(made.files), folder)
        good = _load(made, folder)
        known = [(np.array(good.x), np.array(good.y))]
    for file in ("facts.json", "x.npy", "y.npy", "repeated.npy"):
        damages: dict[str, Callable[[Path], object]] = {
            **{what: partial(_overwrite, content) for what, content in ENTRIES.items()},
            **{what: partial(_replace, make) for what, make in ODD.items()},
        }
        for what, change in damages.items():
            make = partial(_damage, made, file, change)
            yield Case(f"cache: {file}: {what}", make, partial(_load, made), "", known, "letter")


def refused(case: Case, folder: Path) -> str:
    """Return what is wrong with how a case is read; empty if it is refused by name or gives the good arrays."""
    try:
        found = case.read(folder)
    except BnbenchError as error:
        if case.named and case.named in str(error) and len(str(error)) < 5000:
            return ""
        return f"does not name {case.named}: {str(error)[:300]}"
    except HungError:
        return f"hangs for more than {HUNG:g} s"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if isinstance(found, Dataset) and case.good:
        same = any(np.array_equal(found.x, x) and np.array_equal(found.y, y) for x, y in case.good)
        return "" if same else "is read as something else"
    return f"is not refused: {str(found)[:200]}"


def put(case: Case, counts: Counts, folder: Path) -> None:
    """Read a case in a separate folder; outside it, only the cache may be written."""
    folder.mkdir(parents=True)
    case.make(folder)
    before = listed(folder.parent)
    with timed(case.name, counts):
        problem = refused(case, folder)
    if problem:
        counts.problems.append(f"{case.name}: {problem}")
    note_written(case.name, before, folder.parent, counts)
    counts.inputs += 1


def main() -> dict[str, int]:
    """Read all broken files; print those that are not refused, and return the counts."""
    # Each damaged cache is named.
    logging.disable()
    counts = Counts()
    for case in chain(of_sets(), of_archives(), of_people(), of_caches()):
        with TemporaryDirectory() as top:
            put(case, counts, Path(top, "own", case.folder))
            outside = [path.name for path in Path(top).iterdir() if path.name not in {"own", "cache"}]
            if outside:
                counts.problems.append(f"{case.name}: wrote {outside}")
    print(*counts.problems, f"slowest: {counts.slowest[1]}", sep="\n", file=sys.stderr)
    return counts.numbers()


if __name__ == "__main__":
    print(json.dumps(main()))
