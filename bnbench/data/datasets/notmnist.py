"""notMNIST: glyphs of the letters A to J, 28 x 28 (Bulatov 2011), as folders of PNG files or a sample as idx."""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from bnbench.data.formats import idx
from bnbench.data.formats.archives import Bounds, damage_reported, read_archive, read_file
from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")

CLASSES = tuple("ABCDEFGHIJ")
SIDE = idx.SIDE
# In the published data, two files of the small set and five of the large one are empty or broken.
MAX_UNREADABLE = 10
MIRRORS = ("http://yaroslavvb.com/upload/notMNIST", "https://commondatastorage.googleapis.com/books1000")


@dataclass(frozen=True)
class Spec:
    """The expected content of the folders of PNG files."""

    # Readable files, as published.
    rows: int
    bounds: Bounds


SMALL = Spec(18_724, Bounds(members=20_000, member_bytes=100_000, total_bytes=200_000_000))
LARGE = Spec(529_114, Bounds(members=540_000, member_bytes=100_000, total_bytes=2_000_000_000))
# The names say test part, but the files are a sample of the small set. The checksums come from the only known copy.
SAMPLE = idx.IdxSpec(
    CLASSES,
    (
        idx.Pair(
            "t10k",
            10_000,
            "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
            "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
        ),
    ),
    test=False,
)


def parse_folder(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of an unpacked folder with the folders A to J."""
    return _parse(_folder_files(paths[0], spec.bounds), paths[0], spec)


def parse_archive(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of such a folder in an archive, as published."""
    return _parse(read_archive(paths[0], _is_glyph, spec.bounds), paths[0], spec)


def _is_glyph(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix == ".png" and not path.name.startswith(".") and path.parent.name in CLASSES


def _folder_files(folder: Path, bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    for letter in CLASSES:
        with damage_reported(folder / letter):
            for path in (folder / letter).iterdir():
                if _is_glyph(f"{letter}/{path.name}"):
                    yield f"{letter}/{path.name}", _glyph(path, bounds)


def _glyph(path: Path, bounds: Bounds) -> bytes:
    """Return the bytes of a file, which may be empty: one or two of the published files are."""
    return read_file(path, bounds.member_bytes) if not path.is_file() or path.stat().st_size else b""


def _parse(files: Iterator[tuple[str, bytes]], where: Path, spec: Spec) -> ParsedArrays:
    """Return x (rows, 28, 28, 1) uint8 and y (rows,) int32, sorted by letter and file name, packed or not.

    Raises:
        DataError: there are too few or too many files, more than a few cannot be read, or an image is not 28 x 28.
    """
    glyphs: list[tuple[str, str, bytes]] = []
    unreadable = []
    for name, content in files:
        pixels = _pixels(content, f"{where}: {name}")
        if pixels is None:
            unreadable.append(name)
        else:
            path = PurePosixPath(name)
            glyphs.append((path.parent.name, path.name, pixels))
    _check_counts(len(glyphs), sorted(unreadable), where, spec)
    glyphs.sort()
    x = np.frombuffer(b"".join(pixels for _, _, pixels in glyphs), np.uint8).reshape(-1, SIDE, SIDE, 1)
    return ParsedArrays(x, np.array([CLASSES.index(letter) for letter, _, _ in glyphs], np.int32), CLASSES, 0)


def _pixels(content: bytes, where: str) -> bytes | None:
    """Return the gray values of a PNG file; None if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.size != (SIDE, SIDE) or image.mode != "L":
                size = f"{image.size[0]} x {image.size[1]}"
                raise DataError(f"{where}: an image of {size}, mode {image.mode}, wanted {SIDE} x {SIDE}, mode L")
            return image.tobytes()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # Pillow raises any of these for a broken file.
        return None


def _check_counts(readable: int, unreadable: list[str], where: Path, spec: Spec) -> None:
    if unreadable:
        log.warning(
            "%s: %d files cannot be read and are left out: %s", where, len(unreadable), ", ".join(unreadable[:20])
        )
    if len(unreadable) > MAX_UNREADABLE:
        raise DataError(
            f"{where}: {len(unreadable)} files cannot be read, wanted at most {MAX_UNREADABLE}: unpack it again"
        )
    files = readable + len(unreadable)
    if not spec.rows <= files <= spec.rows + MAX_UNREADABLE:
        raise DataError(
            f"{where}: {files:,} PNG files in the folders A to J, wanted {spec.rows:,} or a few more: is it cut?"
        )


def forms(small: Spec, large: Spec, sample: idx.IdxSpec) -> tuple[FileLayout, ...]:
    """Return the layouts: first the whole small set, last the sample."""
    folder_forms = [
        form
        for stem, spec in (("notMNIST_small", small), ("notMNIST_large", large))
        for form in (
            FileLayout(f"{stem}, PNG files", ((f"{stem}.tar.gz",),), partial(parse_archive, spec=spec)),
            FileLayout(f"{stem}, PNG files", ((stem,),), partial(parse_folder, spec=spec), folders=True),
        )
    ]
    return (
        *folder_forms,
        FileLayout("sample of notMNIST_small, idx files", idx.idx_parts(sample), partial(idx.parse_idx, spec=sample)),
    )


NOTMNIST = DatasetSpec(
    name="notmnist",
    title="notMNIST: the letters A to J in many fonts",
    page="http://yaroslavvb.blogspot.com/2011/09/notmnist-dataset.html",
    licence="none stated; glyphs of freely available fonts (Bulatov 2011)",
    rows=18_724,
    shape=(SIDE, SIDE, 1),
    class_count=len(CLASSES),
    value_range=(0.0, 255.0),
    forms=forms(SMALL, LARGE, SAMPLE),
    other_forms=(
        ("*.mat", "the Matlab form is not read: get notMNIST_small.tar.gz"),
        ("*.pickle", "a pickle can run code, so it is not read: get notMNIST_small.tar.gz"),
        ("*.pkl*", "a pickle can run code, so it is not read: get notMNIST_small.tar.gz"),
        ("notMNIST_small.tar", "unpack it, or get notMNIST_small.tar.gz"),
        ("notMNIST_small.zip", "unpack it, or get notMNIST_small.tar.gz"),
        ("*.npz", "arrays of NumPy are not read: get notMNIST_small.tar.gz"),
        ("*.parquet", "a table of Hugging Face is not read: get notMNIST_small.tar.gz"),
    ),
    # The archive has no published checksum, but every PNG file has one, and their number is known.
    remotes=(RemoteFile("notMNIST_small.tar.gz", tuple(f"{mirror}/notMNIST_small.tar.gz" for mirror in MIRRORS)),),
)

DATASETS = (NOTMNIST,)
