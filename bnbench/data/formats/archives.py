"""Reads files and archives into memory, within bounds; nothing is ever unpacked to disk."""

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

# An .npz is a zip, too.
ZIPS = (".zip", ".npz")
# In bytes.
CHUNK = 2**16
# The errors that the standard library raises for damaged files. BadGzipFile is an OSError; an encrypted zip raises a
# RuntimeError.
DAMAGE = (
    OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, RuntimeError, ValueError,
    struct.error, IndexError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True)
class Bounds:
    """The maximum content of an archive, so that a small file cannot fill the memory."""

    members: int
    member_bytes: int
    total_bytes: int


@contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Turn every error of reading a file into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except IsADirectoryError:
        raise DataError(f"{path}: is a folder, wanted a file") from None
    except FileNotFoundError:
        raise DataError(f"{path}: not found") from None
    except PermissionError:
        raise DataError(f"{path}: cannot be read: permission denied") from None
    except DAMAGE as error:
        raise DataError(f"{path}: cut or damaged ({error}): delete it and download it again") from error


def check_file(path: Path) -> None:
    """Raise if a path is not a regular file or is empty; a pipe would block, and a device may be endless.

    Raises:
        DataError: the file is empty, or no regular file.
    """
    if path.is_file():
        if path.stat().st_size == 0:
            raise DataError(f"{path}: the file is empty")
    elif path.exists() and not path.is_dir():
        raise DataError(f"{path}: not a regular file")


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked if its name ends in .gz; the end of a .gz holds its checksum."""
    with damage_reported(path):
        check_file(path)
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast(BinaryIO, stream)


def read_file(path: Path, most: int) -> bytes:
    """Return all bytes of a file.

    Raises:
        DataError: the file cannot be read, or has more than `most` bytes.
    """
    with open_file(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise DataError(f"{path}: more than {most:,} bytes, which is more than this file can have")
    return content


def check_sha256(content: bytes, wanted: str, where: str) -> None:
    """Raise if content is not the published one; an empty `wanted` accepts any content."""
    found = hashlib.sha256(content).hexdigest()
    if wanted and found != wanted:
        raise DataError(f"{where}: not the published content (sha256 {found}, wanted {wanted}): download it again")


def read_archive(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each wanted file of a .zip, .npz or .tar.* archive, in its order.

    Raises:
        DataError: the archive is damaged, has more content than its bounds, or a name that leads out of it.
    """
    with damage_reported(path):
        check_file(path)
        yield from _zip_members(path, wanted, bounds) if path.suffix in ZIPS else _tar_members(path, wanted, bounds)


def read_members(path: Path, names: tuple[str, ...], bounds: Bounds) -> dict[str, bytes]:
    """Return the content of the files with these names, in any folder of an archive; each must be there once."""
    found: dict[str, bytes] = {}
    for name, content in read_archive(path, lambda name: PurePosixPath(name).name in names, bounds):
        plain = PurePosixPath(name).name
        if plain in found:
            raise DataError(f"{path}: has {plain} twice")
        found[plain] = content
    missing = [name for name in names if name not in found]
    if missing:
        raise DataError(f"{path}: has no {', '.join(missing)}")
    return found


class _Count:
    """Counts the members of an archive, and raises beyond its bounds."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        self.path, self.bounds = path, bounds
        self.members = self.bytes = 0

    def add(self, name: str, size: int, wanted: bool) -> None:
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts:
            raise DataError(f"{self.path}: refused: its member {name!r} would be outside the folder it is unpacked to")
        if size < 0:
            raise DataError(f"{self.path}: refused: its member {name!r} has {size} bytes")
        self.members += 1
        self.bytes += size
        if self.members > self.bounds.members:
            raise DataError(f"{self.path}: refused: more than {self.bounds.members:,} files")
        if self.bytes > self.bounds.total_bytes or (wanted and size > self.bounds.member_bytes):
            most = self.bounds.member_bytes if wanted else self.bounds.total_bytes
            raise DataError(f"{self.path}: refused: unpacks to more than {most:,} bytes (at {name!r})")


class _Stream:
    """An unpacked tar within bounds; its headers contain lengths, too, which may be wrong."""

    def __init__(self, stream: gzip.GzipFile | lzma.LZMAFile, bounds: Bounds) -> None:
        self.stream = stream
        # Bytes in one read.
        self.most = max(bounds.member_bytes, tarfile.BLOCKSIZE)
        # Each member also has a header, and may have a long name and padding.
        self.end = bounds.total_bytes + (bounds.members + 10) * 4 * tarfile.BLOCKSIZE

    def read(self, size: int) -> bytes:
        """Return `size` bytes, or fewer at the end."""
        if not 0 <= size <= self.most or self.stream.tell() + size > self.end + self.most:
            raise tarfile.ReadError(f"a read of {size} bytes, wanted at most {self.most}")
        return self.stream.read(size)

    def seek(self, place: int) -> int:
        """Move to a position."""
        if not self.stream.tell() <= place + self.most <= self.end + 2 * self.most:
            raise tarfile.ReadError(f"a jump to byte {place}")
        return self.stream.seek(place)

    def tell(self) -> int:
        """Return the position."""
        return self.stream.tell()


def _tar_members(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    count = _Count(path, bounds)
    with lzma.open(path) if path.suffix == ".xz" else gzip.open(path) as unpacked:
        stream = _Stream(unpacked, bounds)
        yield from _one_tar(stream, wanted, count)
        while stream.read(min(stream.most, CHUNK)):
            # Read up to the end, which holds the checksum.
            pass


def _one_tar(stream: _Stream, wanted: Callable[[str], bool], count: _Count) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:") as archive:
        for member in archive:
            take = member.isfile() and wanted(member.name)
            count.add(member.name, member.size, take)
            if take:
                content = archive.extractfile(member)
                # extractfile returns None only for members that are not files.
                yield member.name, content.read() if content else b""


def _zip_members(path: Path, wanted: Callable[[str], bool], bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    count = _Count(path, bounds)
    with zipfile.ZipFile(path) as outer:
        yield from _one_zip(outer, wanted, count)
        # Some archives of UCI are packed twice.
        for info in [info for info in outer.infolist() if info.filename.endswith(".zip")]:
            count.add(info.filename, info.file_size, True)
            with zipfile.ZipFile(io.BytesIO(_content(outer, info))) as inner:
                yield from _one_zip(inner, wanted, count)


def _one_zip(archive: zipfile.ZipFile, wanted: Callable[[str], bool], count: _Count) -> Iterator[tuple[str, bytes]]:
    for info in archive.infolist():
        # ZipInfo.is_dir fails for an empty name.
        take = not info.filename.endswith("/") and wanted(info.filename)
        count.add(info.filename, info.file_size, take)
        if take:
            yield info.filename, _content(archive, info)


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return a member, after the check of its checksum.

    A read without a size would unpack more than the declared size before zipfile cuts it off.
    """
    with archive.open(info) as stream:
        return stream.read(info.file_size + 1)
