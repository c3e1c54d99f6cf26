"""Broken data files: good ones that are cut, changed or replaced, archives that attack, and damaged caches.

`python tests/broken_data.py` has bnbench read each in one process and prints the counts. A file must be refused by a
DataError that names it, or give the very arrays of the good one.
"""

import gzip
import io
import json
import logging
import lzma
import os
import random
import socket
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bnbench import data, inputs, saved
from bnbench.config import Data
from bnbench.data import Dataset, Places
from bnbench.data.records import Array
from bnbench.errors import BnbenchError
from bnbench.saved import Saved
from refusals import HUNG, Counts, HungError, listed, note_written, timed
from small_data import Made, png, sets, tarred, zipped

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Case:
    """Something to read, made in an empty folder."""

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    told: str  # in the message: the file
    good: Sequence[tuple[Array, Array]] = ()  # x and y that may be read all the same; none: it must be refused
    folder: str = "own"  # what the empty one is called


ZEROS = 250_000_000  # of them a bomb is made: more than may be held in memory
Pieces = tuple[bytes | int, ...]  # bytes, and numbers of zeros


def _chunks(pieces: Pieces) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from (bytes(min(2**20, piece - start)) for start in range(0, piece, 2**20))


def _packed(pieces: Pieces, ending: str) -> bytes:
    """As .gz or .xz; never all of it in memory."""
    packer = lzma.LZMACompressor(preset=0) if ending == ".xz" else zlib.compressobj(1, wbits=31)
    return b"".join([*map(packer.compress, _chunks(pieces)), packer.flush()])


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
    "a pickle": b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
    "a gzip bomb": _packed((ZEROS,), ".gz"),
    "an xz bomb": _packed((ZEROS,), ".xz"),
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
    os.chdir(path.parent)  # the path of a socket may have 100 letters
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
    data.SOURCES[name] = made.source
    places = Places(folder.parent, folder.parent.parent / "cache", offline=True)
    return data.load(Data(name=name), places)


def of_sets() -> Iterator[Case]:
    """Every file of every data set, changed and replaced."""
    for title, made in sets().items():
        files, read, own = dict(made.files), partial(_load, made), made.source.name
        with TemporaryDirectory() as place:
            folder = Path(place, "own", made.source.name)
            folder.mkdir(parents=True)
            _write(files, folder)
            good = read(folder)
            known = [(np.array(good.x), np.array(good.y))]
            known += [
                (x[1:], y[1:]) for x, y in known if title == "notMNIST"
            ]  # a glyph that cannot be read is left out
        for name in [*files][: 2 if made.checked else 1]:
            told = name.partition("/")[0]
            changes = CHANGES | (FLIPS if made.checked else {})
            for what, change in changes.items():
                changed = files | {name: change(files[name])}
                yield Case(f"{title}: {name}: {what}", partial(_write, changed), read, told, known, own)
            for what, content in FOREIGN.items():
                changed = files | {name: content}
                yield Case(f"{title}: {name}: {what}", partial(_write, changed), read, told, known, own)
            for what, make in ODD.items():
                put_there = partial(_instead, files, name, make)
                yield Case(f"{title}: {name}: {what}", put_there, read, own, known, own)


# Archives that attack.


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """One block of a tar; sizes beyond the octal ones, and negative ones, as GNU writes them."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (
        b"\x80" + size.to_bytes(11, "big") if size >= 0 else b"\xff" + size.to_bytes(11, "big", signed=True)
    )
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)


def tars(names: tuple[str, ...]) -> dict[str, Pieces]:
    """Unpacked tars that attack whoever looks for files of these names."""
    first = names[0]
    size = ZEROS
    return {
        "a member of 2**31 bytes": (_header(first, 2**31) + END,),
        "a member of 2**62 bytes": (_header(first, 2**62) + END,),
        "a member of less than nothing": (_header(first, -512) + END,),
        "a member that leads back to itself": (_header("a", -1024) + END,),
        "a long name of 250 MB": (
            _header("././@LongLink", size, tarfile.GNUTYPE_LONGNAME),
            size,
        ),
        "a long link of 250 MB": (
            _header("././@LongLink", size, tarfile.GNUTYPE_LONGLINK),
            size,
        ),
        "extended headers of 250 MB": (
            _header("pax", size, tarfile.XHDTYPE),
            size,
        ),
        "global headers of 250 MB": (
            _header("pax", size, tarfile.XGLTYPE),
            size,
        ),
        "extended headers of less than nothing": (
            _header("pax", -512, tarfile.XHDTYPE),
            size,
        ),
        "an extended header that is odd": (
            _header("pax", 512, tarfile.XHDTYPE) + b"99999999999 x=y\n".ljust(512) + END,
        ),
        "250 MB in a file that is not sought": (
            _header("bomb", size),
            size,
        ),
        "2,000 long names": ((_header("././@LongLink", 512, tarfile.GNUTYPE_LONGNAME) + b"a".ljust(512)) * 2000 + END,),
        "100,000 members": (_header("a", 0) * 100_000 + END,),
        "250 MB behind the end": (
            END,
            size,
        ),
        "a sparse file of 2**40 bytes": (_header(first, 2**40, tarfile.GNUTYPE_SPARSE) + END,),
        "a name that climbs": (_header(f"../{first}", 0) + END,),
        "a name that climbs further": (_header(f"x/../../../../../../pwned/{first}", 0) + END,),
        "a name from the root": (_header(f"/pwned/{first}", 0) + END,),
        "a name with a NUL": (_header(f"x\0/{first}", 0) + END,),
        "a link to a file": (_header(first, 0, tarfile.SYMTYPE, "/etc/hostname") + END,),
        "a hard link": (_header(first, 0, tarfile.LNKTYPE, "/etc/hostname") + END,),
        "a link to itself": (_header(first, 0, tarfile.LNKTYPE, first) + END,),
        "a device": (_header(first, 0, tarfile.CHRTYPE) + END,),
        "a pipe": (_header(first, 0, tarfile.FIFOTYPE) + END,),
        "a folder": (_header(first, 0, tarfile.DIRTYPE) + END,),
        "a file twice": (b"".join(_header(name, 0) * 2 for name in names) + END,),
        "noise behind a header": (_header(first, 512) + random.Random(1).randbytes(5000),),
    }


def _zip_of(*members: tuple[str, bytes | int]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED  # as it is: ZipInfo would mend the name
            with archive.open(info, "w") as member:
                for chunk in _chunks((content,)):
                    member.write(chunk)
    return stream.getvalue()


def _says(content: bytes, size: int) -> bytes:
    """A zip of one member that says another size than it has, in both its headers."""
    changed = bytearray(content)
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(mark) + place
        changed[at : at + 4] = struct.pack("<I", size)
    return bytes(changed)


def _linked(name: str, target: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return stream.getvalue()


def zips(names: tuple[str, ...]) -> dict[str, bytes]:
    """Zips that attack whoever looks for files of these names."""
    first = names[0]
    bomb = _zip_of((first, ZEROS))
    nested = b"x"
    for _ in range(20):
        nested = _zip_of(("a.zip", nested))
    encrypted = bytearray(_zip_of((first, b"x" * 100)))
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        encrypted[encrypted.index(mark) + place] |= 1
    method = bytearray(_zip_of((first, b"x" * 100)))
    method[method.index(b"PK\x01\x02") + 10] = 99
    return {
        "a bomb": bomb,
        "a bomb that says it is small": _says(bomb, 100),
        "a member that says it is 4 GB": _says(_zip_of((first, b"x")), 2**32 - 2),
        "a bomb that is not sought": _zip_of(("bomb", ZEROS), (first, b"x")),
        "a bomb in a zip": _zip_of(("inner.zip", bomb)),
        "zips in zips": nested,
        "20,000 members": _zip_of(*((f"{i}", b"") for i in range(20_000))),
        "a name that climbs": _zip_of((f"../{first}", b"x")),
        "a name that climbs as in Windows": _zip_of((f"..\\{first}", b"x")),
        "a name that climbs in a zip": _zip_of(("inner.zip", _zip_of((f"../../{first}", b"x")))),
        "a name from the root": _zip_of((f"/pwned/{first}", b"x")),
        "a link": _linked(first, b"/etc/hostname"),
        "files twice": _zip_of(*((f"{folder}/{name}", b"x") for name in names for folder in "ab")),
        "a wrong checksum": _zip_of((first, b"x" * 100)).replace(struct.pack("<I", zlib.crc32(b"x" * 100)), bytes(4)),
        "a password": bytes(encrypted),
        "an unknown method": bytes(method),
    }


def of_archives() -> Iterator[Case]:
    """Archives that attack, in place of each that is read."""
    for title, made in sets().items():
        ((name, _), *others) = made.files.items()
        read, own = partial(_load, made), made.source.name
        if others or not name.endswith((".zip", ".gz", ".xz")):
            continue
        if name.endswith(".zip"):
            sought = {"letter": ("letter-recognition.data",), "leaf": leaf_names(name)}[made.source.name]
            for what, content in zips(sought).items():
                yield Case(f"{title}: {what}", partial(_write, {name: content}), read, name, folder=own)
        else:
            sought = ("data_batch_1.bin", "test_batch.bin") if "cifar" in name else ("A/0.png", "A/1.png")
            for what, pieces in tars(sought).items():
                content = _packed(pieces, name[-3:])
                yield Case(f"{title}: {what}", partial(_write, {name: content}), read, name, folder=own)


def leaf_names(archive: str) -> tuple[str, ...]:
    """What is sought in one of the two zips of Leaf."""
    return ("train.csv",) if archive == "train.csv.zip" else ("data_Mar_64.txt", "data_Sha_64.txt", "data_Tex_64.txt")


# What a person gives to `predict`, and what lies beside a model.

TABLE = Saved("final", "made up", (3,), (0.0, 1.0), ("a", "b"), "softmax")
IMAGE = Saved("final", "mnist", (28, 28, 1), (0.0, 255.0), ("a", "b"), "softmax")


def npy(header: str, body: bytes = bytes(100)) -> bytes:
    """An array file that says of itself what it will."""
    text = header.encode("latin-1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + body


def array_of(shape: str, kind: str = "<f8") -> bytes:
    """An array file that says it has this shape; it holds 12 numbers."""
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n")


def _picture(size: tuple[int, int]) -> bytes:
    """A PNG that says it has this size."""
    content = bytearray(png(0))
    content[16:24] = struct.pack(">2I", *size)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


INPUTS: dict[str, bytes] = {
    "x.csv": b"",
    "blank.csv": b"\n \n,\n",
    "quote.csv": b'1,2,"3\n4,5,6',
    "columns.csv": b"1,2,3\n1,2\n",
    "more.csv": b"1,2,3\n1,2,3,4\n",
    "words.csv": b"a,b,c\nx,y,z\n",
    "nul.csv": b"1,2,3\n1,\0,3\n",
    "inf.csv": b"1,2,inf\n",
    "nan.csv": b"1,nan,2\n",
    "huge.csv": b"1,2,1e999\n",
    "underscores.csv": b"1,2,1_0\n",
    "hex.csv": b"1,2,0x10\n",
    "formula.csv": b"1,2,=1+1\n",
    "utf16.csv": "1,2,3\n".encode("utf-16"),
    "latin.csv": b"\xe4,\xf6,\xfc\n1,2,3\n",
    "field.csv": b"1,2," + b"9" * 200_000 + b"\n",
    "quotes.csv": b'"' * 100_001,
    "wide.csv": b"1," * 100_000 + b"1\n",
    "nothing.npy": b"",
    "magic.npy": b"\x93NUMPY",
    "version.npy": b"\x93NUMPY\x09\x00" + bytes(100),
    "rows.npy": array_of("(2147483648, 3)"),
    "rows2.npy": array_of("(9223372036854775807, 3)"),
    "overflow.npy": array_of("(4294967296, 4294967296, 3)"),
    "negative.npy": array_of("(-1, 3)"),
    "float.npy": array_of("(1.5, 3)"),
    "objects.npy": array_of("(1, 3)", "|O"),
    "text.npy": array_of("(1, 3)", "<U5"),
    "complex.npy": array_of("(1, 3)", "<c16"),
    "none.npy": array_of("(1, 3)", "|V0"),
    "call.npy": npy("__import__('os').system('touch pwned')\n"),
    "deep.npy": npy("-" * 9000 + "1\n"),
    "brackets.npy": npy("(" * 9000 + "\n"),
    "long.npy": npy(" " * 60_000 + "\n"),
    "keys.npy": npy("{'descr': '<f8'}\n"),
    "header.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "pickle.npy": FOREIGN["a pickle"],
    "bomb.npy": _zip_of(("x.npy", ZEROS)),
    "nothing.png": b"",
    "cut.png": png(0)[:40],
    "sum.png": _flipped(3, png(0)[:8]) + png(0)[8:],
    "bomb.png": _picture((60_000, 60_000)),
    "large.png": _picture((13_000, 13_000)),
    "wide.png": _picture((2**31 - 1, 1)),
    "none.png": _picture((0, 0)),
    "gif.png": b"GIF89a" + bytes(50),
    "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "eps.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n",
    "text.png": png(0)[:33] + struct.pack(">I", 2**31 - 1) + b"zTXt" + bytes(50),
    "nothing.jpg": b"\xff\xd8\xff",
    "large.jpg": b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda" + bytes(50),
}
PAGE: dict[str, object] = {
    "weights": "best", "data": "digits", "shape": [8, 8, 1], "value_range": [0, 16], "classes": ["a", "b"],
    "probabilities": "softmax",
}  # fmt: skip
PAGES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"weights": "\xff"}',
    **{f"no {key}": json.dumps({k: v for k, v in PAGE.items() if k != key}).encode() for key in PAGE},
    **{f"{key} of a mapping": json.dumps(PAGE | {key: {"a": [1]}}).encode() for key in PAGE},
    **{f"{key} of a list of lists": json.dumps(PAGE | {key: [[1]]}).encode() for key in PAGE},
    **{f"{key} of a number": json.dumps(PAGE | {key: 5}).encode() for key in PAGE},
    "a shape of text": json.dumps(PAGE | {"shape": ["8"]}).encode(),
    "a shape of nothing": json.dumps(PAGE | {"shape": [0]}).encode(),
    "a shape below nothing": json.dumps(PAGE | {"shape": [-8]}).encode(),
    "a range of one": json.dumps(PAGE | {"value_range": [1]}).encode(),
    "an infinite range": json.dumps(PAGE | {"value_range": [0, float("inf")]}).encode(),
    "more than there is": json.dumps(PAGE | {"more": 1}).encode(),
    "unknown probabilities": json.dumps(PAGE | {"probabilities": "perhaps"}).encode(),
}


def _read_input(name: str, takes: Saved, folder: Path) -> object:
    return inputs.read(folder / name, takes)


def _read_page(folder: Path) -> object:
    return saved.read(folder / "t.keras")


def of_people() -> Iterator[Case]:
    """Files that are given to `predict`, and pages of saved models."""
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


# Damaged entries of the cache: never refused, but read anew from the files.

ENTRIES: dict[str, bytes] = {
    "nothing": b"",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "deep": b"[" * 100_000,
    "a name of a class": b'{"check": "x", "facts": {"__class__": "os"}}',
    "noise": random.Random(2).randbytes(1000),
    "a pickle": FOREIGN["a pickle"],
    "an array of objects": array_of("(3,)", "|O"),
    "an array of 2**60": array_of("(1152921504606846976,)"),
}


def _damage(made: Made, file: str, change: Callable[[Path], object], folder: Path) -> None:
    _write(dict(made.files), folder)
    _load(made, folder)
    for kept in (folder.parent.parent / "cache" / "parsed").glob(f"{made.source.name}-*/{file}"):
        change(kept)


def _overwrite(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _replace(make: Callable[[Path], object], path: Path) -> None:
    path.unlink()
    make(path)


def of_caches() -> Iterator[Case]:
    """What lies in the cache, damaged."""
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
    """What is wrong with how something is read; nothing, if it is refused by name or gives what the good one does."""
    try:
        found = case.read(folder)
    except BnbenchError as error:
        if case.told and case.told in str(error) and len(str(error)) < 5000:
            return ""
        return f"does not tell {case.told}: {str(error)[:300]}"
    except HungError:
        return f"hangs for more than {HUNG:g} s"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    if isinstance(found, Dataset) and case.good:
        same = any(np.array_equal(found.x, x) and np.array_equal(found.y, y) for x, y in case.good)
        return "" if same else "is read as something else"
    return f"is not refused: {str(found)[:200]}"


def put(case: Case, counts: Counts, folder: Path) -> None:
    """Read a case in a folder of its own, beside which nothing is written but the cache."""
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
    """Read all that is broken; prints what is not refused, and returns the counts."""
    logging.disable()  # each damaged cache is told
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
