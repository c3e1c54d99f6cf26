import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bnbench.data.datasets import cifar10
from bnbench.data.datasets.cifar10 import FOLDER, META, Spec
from bnbench.errors import DataError

SPEC = Spec(rows=2, batches={"data_batch_1.bin": "", "test_batch.bin": ""})
NAMES = "".join(f"{name}\n" for name in cifar10.CLASSES).encode()


def row(label: int, red: int, green: int, blue: int) -> bytes:
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


GOOD = {
    "data_batch_1.bin": row(3, 1, 2, 3) + row(9, 4, 5, 6),
    "test_batch.bin": row(0, 7, 8, 9) + row(1, 0, 0, 255),
    META: NAMES,
}


def write_files(folder: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    (folder / FOLDER).mkdir()
    paths = tuple(folder / FOLDER / name for name in GOOD)
    for path in paths:
        if path.name in files:
            path.write_bytes(files[path.name])
    return paths


def write_archive(folder: Path, files: dict[str, bytes], kind: str = "gz") -> tuple[Path, ...]:
    path = folder / f"cifar-10-binary.tar.{kind}"
    with tarfile.open(path, f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return (path,)


def test_planes_become_channels(tmp_path: Path) -> None:
    parsed = cifar10.parse_archive(write_archive(tmp_path, GOOD), SPEC)
    assert parsed.x.shape == (4, 32, 32, 3)
    assert parsed.x.dtype == np.uint8
    assert parsed.x[:, 5, 31].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 255]]
    assert parsed.y.tolist() == [3, 9, 0, 1]
    assert parsed.y.dtype == np.int32
    assert parsed.test_rows == 2
    assert parsed.classes[3] == "cat"


def test_pixels_are_stored_row_by_row(tmp_path: Path) -> None:
    # Pixel (r, c) is 32 r + c.
    red = bytes(i % 256 for i in range(1024))
    content = bytes([0]) + red + bytes(2048)
    parsed = cifar10.parse_archive(write_archive(tmp_path, GOOD | {"test_batch.bin": content * 2}), SPEC)
    assert parsed.x[2, 1, 2].tolist() == [34, 0, 0]


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_packed_and_unpacked_give_the_same(tmp_path: Path, kind: str) -> None:
    files = cifar10.parse_files(write_files(tmp_path, GOOD), SPEC)
    packed = cifar10.parse_archive(write_archive(tmp_path, GOOD, kind), SPEC)
    assert np.array_equal(files.x, packed.x)
    assert np.array_equal(files.y, packed.y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_batch.bin": GOOD["test_batch.bin"][:-1]}, r"test_batch\.bin: 6,145 bytes, wanted 6,146: cut"),
        ({"test_batch.bin": b""}, "test_batch.bin"),
        ({"data_batch_1.bin": GOOD["data_batch_1.bin"] + b"x"}, "more than 6,146 bytes"),
        ({"data_batch_1.bin": row(10, 0, 0, 0) * 2}, r"data_batch_1\.bin: label 10 at row 1, wanted 0 to 9"),
        ({META: NAMES.replace(b"cat", b"cow")}, r"batches\.meta\.txt: class 4 is 'cow', wanted 'cat'"),
        ({META: b"\xff"}, r"batches\.meta\.txt: class 1 is .*, wanted 'airplane'"),
    ],
)
@pytest.mark.parametrize("packed", [True, False])
def test_a_wrong_file_is_named(tmp_path: Path, change: dict[str, bytes], message: str, packed: bool) -> None:
    parse = cifar10.parse_archive if packed else cifar10.parse_files
    paths = (write_archive if packed else write_files)(tmp_path, GOOD | change)
    with pytest.raises(DataError, match=message):
        parse(paths, SPEC)


def test_swapped_and_edited_batches_are_refused(tmp_path: Path) -> None:
    known = {name: hashlib.sha256(GOOD[name]).hexdigest() for name in SPEC.batches}
    spec = Spec(rows=2, batches=known)
    cifar10.parse_archive(write_archive(tmp_path, GOOD), spec)
    swapped = {"data_batch_1.bin": GOOD["test_batch.bin"], "test_batch.bin": GOOD["data_batch_1.bin"], META: NAMES}
    with pytest.raises(DataError, match=r"data_batch_1\.bin: not the published content"):
        cifar10.parse_archive(write_archive(tmp_path, swapped), spec)


def test_a_missing_batch_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no test_batch\.bin"):
        cifar10.parse_archive(write_archive(tmp_path, {k: v for k, v in GOOD.items() if k != "test_batch.bin"}), SPEC)


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_a_cut_archive_is_refused(tmp_path: Path, kind: str) -> None:
    (path,) = write_archive(tmp_path, GOOD, kind)
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(DataError, match=rf"cifar-10-binary\.tar\.{kind}"):
        cifar10.parse_archive((path,), SPEC)


def test_the_official_batches_are_pinned() -> None:
    assert cifar10.SPEC.batch_bytes == 30_730_000
    assert list(cifar10.SPEC.batches) == [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    assert cifar10.CIFAR10.remotes[0].checksum == "md5:c32a1d4ab5d03f1284b67883e8d87530"
