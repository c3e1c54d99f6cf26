"""Files, packed or not -> bytes, within bounds: nothing is ever unpacked to disk."""

import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from bnbench.errors import DataError

CHUNK = 2**16  # bytes
# What the standard library raises on a damaged file; BadGzipFile is an OSError, encrypted zips a RuntimeError.
DAMAGE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError, ValueError,
    struct.error, IndexError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold, so that a small file cannot unpack to a full memory."""

    members: int
    member_bytes: int
    total_bytes: int


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Whatever goes wrong in reading a file becomes a DataError that names it."""
    try:
        yield
    except DataError:
        raise
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, wanted a file") from None
    except FileNotFoundError:
        raise DataError(f"{path}: not found") from None
    except PermissionError:
        raise DataError(f"{path}: may not be read: permission denied") from None
    except DAMAGE as error:
        raise DataError(f"{path}: cut or damaged ({error}): delete it and fetch it again") from error


def check_file(path: Path) -> None:
    """A plain file with something in it: a pipe would be waited for, a device is endless.

    Raises:
        DataError: it is something else, or empty.
    """
    if path.is_file():
        if path.stat().st_size == 0:
            raise DataError(f"{path}: is empty")
    elif path.exists() and not path.is_dir():
        raise DataError(f"{path}: is no plain file")


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if its name ends in .gz; the checksum of a .gz is checked at its end."""
    with damage_reported(path):
        check_file(path)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast(BinaryIO, stream)


def read_file(path: Path, most: int) -> bytes:
    """All bytes of a file.

    Raises:
        DataError: it cannot be read, or holds more than `most` bytes.
    """
    with open_file(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise DataError(f"{path}: holds more than the {most:,} bytes that it should hold at most")
    return content


def check_sha256(content: bytes, wanted: str, where: str) -> None:
    """Refuse content that is not what was published; an empty `wanted` accepts all."""
    found = hashlib.sha256(content).hexdigest()
    if wanted and found != wanted:
        raise DataError(f"{where}: not the published content: its sha256 is {found}, wanted {wanted}; was it edited?")


def read_archive(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    """The name and content of each wanted file of a .zip or .tar.* archive, in the archive's order.

    Raises:
        DataError: the archive is damaged, holds more than its bounds, or a name that leads out of it.
    """
    with damage_reported(path):
        check_file(path)
        yield from _zip_members(path, wanted, bounds) if path.suffix == ".zip" else _tar_members(path, wanted, bounds)


def read_members(path: Path, names: tuple[str, ...], bounds: Bounds) -> dict[str, bytes]:
    """The content of the files of these names, in whichever folder of the archive they lie; each must be there once."""
    found: dict[str, bytes] = {}
    for name, content in read_archive(path, lambda name: PurePosixPath(name).name in names, bounds):
        plain = PurePosixPath(name).name
        if plain in found:
            raise DataError(f"{path}: holds {plain} twice")
        found[plain] = content
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: holds no {', '.join(missing)}")
    return found


class _Count:
    """Keeps an archive's members within bounds."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.path, self.bounds = path, bounds
        self.members = self.bytes = 0

    def add(self, name: str, size: int, wanted: bool) -> None:
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts:
            raise DataError(f"{self.path}: refused: its member {name!r} would lie outside the folder it is unpacked to")
        if size < 0:
            raise DataError(f"{self.path}: refused: its member {name!r} has {size} bytes")
        self.members += 1
        self.bytes += size
        if self.members > self.bounds.members:
            raise DataError(f"{self.path}: refused: holds more than {self.bounds.members:,} files")
        if self.bytes > self.bounds.total_bytes or (wanted and size > self.bounds.member_bytes):
            most = self.bounds.member_bytes if wanted else self.bounds.total_bytes
            raise DataError(f"{self.path}: refused: unpacks to more than the {most:,} bytes it should (at {name!r})")


class _Stream:
    """An unpacked tar within bounds: what stands around the members says of itself how long it is, too."""

    def __init__(self, stream: gzip.GzipFile | lzma.LZMAFile, bounds: Bounds) -> None:
        self.stream = stream
        self.most = max(bounds.member_bytes, tarfile.BLOCKSIZE)  # at once
        self.end = bounds.total_bytes + (bounds.members + 10) * 4 * tarfile.BLOCKSIZE  # headers, long names, padding

    def read(self, size: int) -> bytes:
        """So many bytes, or up to the end."""
        if not 0 <= size <= self.most or self.stream.tell() + size > self.end + self.most:
            raise tarfile.ReadError(f"{size} bytes where it should have at most {self.most}")
        return self.stream.read(size)

    def seek(self, place: int) -> int:
        """Go on from a place."""
        if not self.stream.tell() <= place + self.most <= self.end + 2 * self.most:
            raise tarfile.ReadError(f"goes on at byte {place}")
        return self.stream.seek(place)

    def tell(self) -> int:
        """The place."""
        return self.stream.tell()


def _tar_members(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    count = _Count(path, bounds)
    with lzma.open(path) if path.suffix == ".xz" else gzip.open(path) as unpacked:
        stream = _Stream(unpacked, bounds)
        yield from _one_tar(stream, wanted, count)
        while stream.read(min(stream.most, CHUNK)):
            pass  # to the end, where the checksum stands


def _one_tar(stream: _Stream, wanted: Callable[[str], bool], count: _Count) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as archive:
        for member in archive:
            take = member.isfile() and wanted(member.name)
            count.add(member.name, member.size, take)
            if take:
                content = archive.extractfile(member)
                yield member.name, content.read() if content else b""  # it is None only for what is no file


def _zip_members(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    count = _Count(path, bounds)
    with zipfile.ZipFile(path) as outer:
        yield from _one_zip(outer, wanted, count)
        # UCI has packed some of its archives once more.
        for info in [info for info in outer.infolist() if info.filename.endswith(".zip")]:
            count.add(info.filename, info.file_size, True)
            with zipfile.ZipFile(io.BytesIO(_content(outer, info))) as inner:
                yield from _one_zip(inner, wanted, count)


def _one_zip(archive: zipfile.ZipFile, wanted: Callable[[str], bool], count: _Count) -> Iterator[tuple[str, bytes]]:
    for info in archive.infolist():
        take = not info.filename.endswith("/") and wanted(info.filename)  # is_dir fails where there is no name
        count.add(info.filename, info.file_size, take)
        if take:
            yield info.filename, _content(archive, info)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member, whose checksum is checked at its end.

    Asked for all of it, zipfile would unpack more than the declared size before it cuts that off.
    """
    with archive.open(info) as stream:
        return stream.read(info.file_size + 1)
