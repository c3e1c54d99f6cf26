import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnbench.data.datasets import fashion_mnist, mnist
from bnbench.data.formats import idx
from bnbench.errors import DataError

SPEC = idx.IdxSpec(("a", "b"), (idx.Pair("train", 3), idx.Pair("t10k", 2)), test=True)
NAMES = tuple(names[0] for names in idx.idx_parts(SPEC))
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = range(4)


def images(count: int, magic: int = 0x803, side: int = 28) -> bytes:
    """Return images; all pixels of image i have the value i."""
    return struct.pack(">4I", magic, count, side, side) + b"".join(bytes([i]) * side * side for i in range(count))


def labels(*values: int, magic: int = 0x801) -> bytes:
    return struct.pack(">2I", magic, len(values)) + bytes(values)


GOOD = (images(3), labels(0, 1, 0), images(2), labels(1, 0))


def write(folder: Path, contents: tuple[bytes, ...] = GOOD) -> tuple[Path, ...]:
    paths = tuple(folder / name for name in NAMES)
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(gzip.compress(content))
    return paths


def changed(which: int, content: bytes) -> tuple[bytes, ...]:
    return (*GOOD[:which], content, *GOOD[which + 1 :])


def test_train_rows_come_before_test_rows(tmp_path: Path) -> None:
    parsed = idx.parse_idx(write(tmp_path), SPEC)
    assert parsed.x.shape == (5, 28, 28, 1)
    assert parsed.x.dtype == np.uint8
    assert parsed.x[:, 27, 27, 0].tolist() == [0, 1, 2, 0, 1]
    assert parsed.y.tolist() == [0, 1, 0, 1, 0]
    assert parsed.y.dtype == np.int32
    assert (parsed.classes, parsed.test_rows) == (("a", "b"), 2)


def test_a_single_pair_is_no_test_part(tmp_path: Path) -> None:
    spec = idx.IdxSpec(("a", "b"), (idx.Pair("t10k", 2),), test=False)
    parsed = idx.parse_idx(write(tmp_path)[2:], spec)
    assert (len(parsed.x), parsed.test_rows) == (2, 0)


def test_unpacked_files_give_the_same(tmp_path: Path) -> None:
    plain = tuple(tmp_path / name.removesuffix(".gz") for name in NAMES)
    for path, content in zip(plain, GOOD, strict=True):
        path.write_bytes(content)
    assert np.array_equal(idx.parse_idx(plain, SPEC).x, idx.parse_idx(write(tmp_path), SPEC).x)


@pytest.mark.parametrize(
    ("which", "content", "message"),
    [
        (TRAIN_IMAGES, images(3)[:-1], "2,352 bytes, but there are only 2,351"),
        (TRAIN_IMAGES, images(3) + b"x", "there are more than that"),
        (TRAIN_IMAGES, images(3)[:10], "only 10 bytes: cut"),
        (TRAIN_IMAGES, images(3, magic=0x80D), "not an idx file of images: starts with 0x0000080d, wanted 0x00000803"),
        (TRAIN_IMAGES, labels(0, 1, 0) + b"12345678", "contains labels, wanted images: are the two files swapped"),
        (TRAIN_IMAGES, images(2), "contains 2 x 28 x 28 images, wanted 3 x 28 x 28: are train and t10k swapped"),
        (TRAIN_IMAGES, images(3, side=27), "contains 3 x 27 x 27 images, wanted 3 x 28 x 28"),
        (TRAIN_IMAGES, images(2**32 - 1 & 0xFF), "contains 255 x 28 x 28 images"),
        (TRAIN_LABELS, images(3), "contains images, wanted labels"),
        (TRAIN_LABELS, labels(0, 1), "contains 2 labels, wanted 3: are train and t10k swapped"),
        (TEST_LABELS, labels(0, 2), "label 2 at row 2, wanted 0 to 1"),
        (TEST_LABELS, b"", "only 0 bytes: cut"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, which: int, content: bytes, message: str) -> None:
    paths = write(tmp_path, changed(which, content))
    with pytest.raises(DataError, match=message) as caught:
        idx.parse_idx(paths, SPEC)
    assert str(caught.value).startswith(str(paths[which]))


def test_train_and_test_swapped_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="are train and t10k swapped"):
        idx.parse_idx(write(tmp_path, (*GOOD[2:], *GOOD[:2])), SPEC)


@pytest.mark.parametrize("cut", [1, 12, 30])
def test_a_cut_gzip_file_is_refused(tmp_path: Path, cut: int) -> None:
    paths = write(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"train-images.*cut or damaged"):
        idx.parse_idx(paths, SPEC)


def test_a_wrong_gzip_checksum_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path)
    packed = bytearray(paths[0].read_bytes())
    # The first byte of the CRC.
    packed[-8] ^= 1
    paths[0].write_bytes(packed)
    with pytest.raises(DataError, match=r"train-images.*CRC"):
        idx.parse_idx(paths, SPEC)


def test_a_file_that_is_no_gzip_file_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path)
    paths[1].write_bytes(labels(0, 1, 0))
    with pytest.raises(DataError, match=r"train-labels.*cut or damaged"):
        idx.parse_idx(paths, SPEC)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path)
    paths[2].write_bytes(b"")
    with pytest.raises(DataError, match=r"t10k-images.*is empty"):
        idx.parse_idx(paths, SPEC)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    paths = write(tmp_path)
    paths[3].unlink()
    paths[3].mkdir()
    with pytest.raises(DataError, match="is a folder, wanted a file"):
        idx.parse_idx(paths, SPEC)


def test_one_changed_pixel_is_refused_if_the_checksum_is_known(tmp_path: Path) -> None:
    known = idx.Pair("train", 3, hashlib.sha256(GOOD[0]).hexdigest(), hashlib.sha256(GOOD[1]).hexdigest())
    spec = replace(SPEC, pairs=(known, SPEC.pairs[1]))
    idx.parse_idx(write(tmp_path), spec)
    edited = bytearray(GOOD[0])
    edited[-1] += 1
    with pytest.raises(DataError, match=r"train-images.*not the published content .*: download it again"):
        idx.parse_idx(write(tmp_path, changed(0, bytes(edited))), spec)


@pytest.mark.parametrize("spec", [mnist.SPEC, fashion_mnist.SPEC])
def test_the_official_content_is_pinned(spec: idx.IdxSpec) -> None:
    assert [pair.count for pair in spec.pairs] == [60_000, 10_000]
    hashes = [digest for pair in spec.pairs for digest in (pair.images_sha256, pair.labels_sha256)]
    assert all(len(digest) == 64 for digest in hashes)
    assert len(set(hashes)) == 4
