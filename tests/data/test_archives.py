import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bnbench.data.formats.archives import Bounds, read_archive, read_file, read_members
from bnbench.errors import DataError

BOUNDS = Bounds(members=5, member_bytes=10, total_bytes=30)


def pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, f"w:{path.suffix[1:]}") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


any_kind = pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tar.xz"])


@any_kind
def test_wanted_files_are_found_in_any_folder(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, {"some folder/one.txt": b"1", "two.txt": b"2", "other": b"3"})
    assert read_members(path, ("two.txt", "one.txt"), BOUNDS) == {"one.txt": b"1", "two.txt": b"2"}


@any_kind
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"has no one\.txt, three\.txt"):
        read_members(pack(tmp_path / name, {"two.txt": b"2"}), ("one.txt", "two.txt", "three.txt"), BOUNDS)


@any_kind
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"has one\.txt twice"):
        read_members(pack(tmp_path / name, {"a/one.txt": b"1", "b/one.txt": b"2"}), ("one.txt",), BOUNDS)


@any_kind
@pytest.mark.parametrize("evil", ["../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "..\\evil.txt"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str, evil: str) -> None:
    path = pack(tmp_path / name, {evil: b"x", "one.txt": b"1"})
    with pytest.raises(DataError, match=r"refused: its member .*evil\.txt' would be outside"):
        read_members(path, ("one.txt",), BOUNDS)


@any_kind
def test_too_large_a_member_is_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, {"one.txt": b"x" * 11})
    with pytest.raises(DataError, match="unpacks to more than 10 bytes"):
        read_members(path, ("one.txt",), BOUNDS)


@any_kind
def test_too_much_in_all_is_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, {"bomb": b"\0" * 1_000_000, "one.txt": b"1"})
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="unpacks to more than 30 bytes"):
        read_members(path, ("one.txt",), BOUNDS)


@any_kind
def test_too_many_members_are_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, {f"{i}.txt": b"" for i in range(6)})
    with pytest.raises(DataError, match="more than 5 files"):
        list(read_archive(path, lambda _: True, BOUNDS))


@any_kind
@pytest.mark.parametrize("content", [b"", b"no archive at all", None])
def test_what_is_no_archive_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    path = pack(tmp_path / name, {"one.txt": bytes(range(10))})
    path.write_bytes(path.read_bytes()[:40] if content is None else content)
    with pytest.raises(DataError, match=rf"{name}: (the file is empty|cut or damaged|has no one)"):
        read_members(path, ("one.txt",), BOUNDS)


def test_a_zip_member_whose_checksum_is_wrong_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    # The member is not compressed, so that the bytes can be found.
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("one.txt", b"content")
    path.write_bytes(path.read_bytes().replace(b"content", b"CONTENT"))
    with pytest.raises(DataError, match=r"a\.zip: cut or damaged.*CRC"):
        read_members(path, ("one.txt",), BOUNDS)


def test_a_zip_member_is_unpacked_up_to_its_declared_size(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.zip", {"one.txt": bytes(50_000_000)})
    says = path.read_bytes().replace(struct.pack("<I", 50_000_000), struct.pack("<I", 5))
    path.write_bytes(says)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"a\.zip: cut or damaged.*CRC"):
        read_members(path, ("one.txt",), BOUNDS)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a header of a tar; GNU tar can write negative sizes."""
    info = tarfile.TarInfo(name)
    info.type = kind
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (b"\x80" if size >= 0 else b"\xff") + size.to_bytes(11, "big", signed=True)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header("one.txt", -512), "refused: its member 'one.txt' has -512 bytes"),
        (header("a", 40_000_000, tarfile.GNUTYPE_LONGNAME) + bytes(40_000_000), "40000000 bytes, wanted at most"),
        (header("a", 40_000_000, tarfile.XHDTYPE) + bytes(40_000_000), "40000000 bytes, wanted at most"),
        (bytes(1024 + 40_000_000), "cut or damaged"),
        (
            header("a", 512, tarfile.XHDTYPE) + (b"9" * 30 + b" x=y\n").ljust(512),
            # Before Python 3.13, and from then on.
            "too large to convert|invalid header",
        ),
    ],
    ids=["a negative size", "a long name", "an extended header", "more after the end", "a line of 10**30"],
)
def test_the_headers_of_a_tar_are_bounded_too(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(content))
    tracemalloc.start()
    with pytest.raises(DataError, match=message):
        read_members(path, ("one.txt",), BOUNDS)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_the_checksum_at_the_end_of_a_tar_is_checked(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar.gz", {"one.txt": b"1"})
    path.write_bytes(path.read_bytes()[:-8] + bytes(4) + path.read_bytes()[-4:])
    with pytest.raises(DataError, match="CRC check failed"):
        read_members(path, ("one.txt",), BOUNDS)


@any_kind
@pytest.mark.parametrize(
    "ask", [lambda path: read_file(path, 10), lambda path: read_members(path, ("one.txt",), BOUNDS)]
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str, ask: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}: not a regular file"):
        ask(tmp_path / name)


def test_a_zip_in_a_zip_is_read(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"folder/one.txt": b"1"}).read_bytes()
    bounds = Bounds(members=5, member_bytes=1000, total_bytes=1000)
    assert read_members(pack(tmp_path / "outer.zip", {"inner.zip": inner}), ("one.txt",), bounds) == {"one.txt": b"1"}


def test_a_link_in_an_archive_is_never_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("one.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
    with pytest.raises(DataError, match=r"has no one\.txt"):
        read_members(path, ("one.txt",), BOUNDS)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x" * 10))
    assert read_file(path, 10) == b"x" * 10
    with pytest.raises(DataError, match="more than 9 bytes"):
        read_file(path, 9)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing: not found"):
        read_file(tmp_path / "nothing", 1)
