"""A small made-up copy of each data set in each of its forms, with checksums where the real one has them."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bnbench.data import validate
from bnbench.data.datasets import cifar10, leaf, letter, mnist, notmnist
from bnbench.data.formats import idx
from bnbench.data.formats.archives import Bounds
from bnbench.data.types import DatasetSpec


@dataclass(frozen=True)
class Made:
    """A data set with the files in its folder."""

    source: DatasetSpec
    files: Mapping[str, bytes]
    # Whether bnbench notices a changed bit; otherwise it checks only counts.
    checked: bool = True


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def tarred(files: Mapping[str, bytes], kind: str = "gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _idx_files(count: int, classes: int) -> tuple[bytes, bytes]:
    images = struct.pack(">4I", idx.IMAGES, count, 28, 28) + b"".join(bytes([i]) * 784 for i in range(count))
    return images, struct.pack(">2I", idx.LABELS, count) + bytes(i % classes for i in range(count))


def _mnist() -> tuple[DatasetSpec, dict[str, bytes]]:
    parts = {"train": _idx_files(20, 10), "t10k": _idx_files(10, 10)}
    pairs = tuple(
        idx.Pair(stem, len(labels) - 8, _sha256(images), _sha256(labels)) for stem, (images, labels) in parts.items()
    )
    spec = idx.IdxSpec(mnist.SPEC.classes, pairs, test=True)
    form = replace(mnist.MNIST.forms[0], parse=lambda paths: idx.parse_idx(paths, spec))
    contents = [content for part in parts.values() for content in part]
    names = [names[1] for names in idx.idx_parts(spec)]
    archive = replace(mnist.MNIST.forms[1], parse=lambda paths: mnist.parse_npz(paths, spec, _fingerprint(contents)))
    return replace(mnist.MNIST, forms=(form, archive), remotes=()), dict(zip(names, contents, strict=True))


def _rows(images: bytes, labels: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return np.frombuffer(images[16:], np.uint8).reshape(-1, 28, 28), np.frombuffer(labels[8:], np.uint8)


def _fingerprint(contents: list[bytes]) -> str:
    """Return the fingerprint of the idx files of a training and a test part."""
    (x, y), (x_test, y_test) = _rows(*contents[:2]), _rows(*contents[2:])
    both = np.concatenate([x, x_test])[..., np.newaxis], np.concatenate([y, y_test]).astype(np.int32)
    return validate.fingerprint(*both, mnist.SPEC.classes, len(x_test))


def _npz(contents: list[bytes]) -> bytes:
    (x_train, y_train), (x_test, y_test) = _rows(*contents[:2]), _rows(*contents[2:])
    stream = io.BytesIO()
    np.savez_compressed(stream, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return stream.getvalue()


def _letter() -> tuple[DatasetSpec, bytes]:
    lines = [f"{ascii_uppercase[i % 26]}{f',{i // 10},{i % 10}' * 8}" for i in range(78)]
    content = "".join(f"{line}\n" for line in lines).encode()
    x = np.array([line.split(",")[1:] for line in lines], np.uint8)
    y = np.array([ascii_uppercase.index(line[0]) for line in lines], np.int32)
    known = validate.fingerprint(x, y, tuple(ascii_uppercase), 26)
    forms = letter.forms(letter.Spec(rows=78, test_rows=26, fingerprint=known, blocks=validate.block_digests(x, y)))
    return replace(letter.LETTER, forms=forms, remotes=()), content


def _leaf() -> tuple[DatasetSpec, bytes, dict[str, bytes]]:
    rows = [f"{i},Species_{i // 2},{','.join(f'{(i * 7 + k) % 97 / 97:.6f}' for k in range(192))}" for i in range(8)]
    kaggle = "\n".join([",".join([*leaf.OTHER_COLUMNS, *leaf.COLUMNS]), *rows, ""]).encode()
    lines = [f"Species {i // 2},{','.join(f'{(i * 5 + k) % 89 / 89:.6f}' for k in range(64))}\n" for i in range(8)]
    uci = dict.fromkeys(leaf.UCI_FILES, "".join(lines).encode())
    x = np.array([row.split(",")[2:] for row in rows], np.float64).astype(np.float32)
    y = np.arange(8, dtype=np.int32) // 2
    known = validate.fingerprint(x, y, tuple(f"Species_{i}" for i in range(4)), 0)
    forms = leaf.forms(leaf.Spec(4, 2, known, validate.block_digests(x, y)), leaf.Spec(4, 2, ""))
    return replace(leaf.LEAF, forms=forms, remotes=()), kaggle, uci


def png(value: int, size: tuple[int, int] = (28, 28), mode: str = "L") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, value).save(stream, "PNG")
    return stream.getvalue()


def _notmnist() -> tuple[DatasetSpec, dict[str, bytes]]:
    glyphs = {
        f"notMNIST_small/{name}/{i}.png": png(10 * k + i) for k, name in enumerate(notmnist.CLASSES) for i in (0, 1, 2)
    }
    spec = notmnist.Spec(30, Bounds(members=60, member_bytes=2000, total_bytes=100_000))
    forms = notmnist.forms(spec, spec, notmnist.SAMPLE)
    return replace(notmnist.NOTMNIST, forms=forms, remotes=()), glyphs


def _cifar10() -> tuple[DatasetSpec, dict[str, bytes]]:
    batches = {
        name: b"".join(bytes([(i + start) % 10]) + bytes([20 * i + start]) * cifar10.IMAGE_BYTES for i in range(10))
        for start, name in enumerate(("data_batch_1.bin", "test_batch.bin"))
    }
    forms = cifar10.forms(cifar10.Spec(10, {name: _sha256(content) for name, content in batches.items()}))
    names = "".join(f"{name}\n" for name in cifar10.CLASSES).encode()
    files = {f"{cifar10.FOLDER}/{name}": content for name, content in (batches | {cifar10.META: names}).items()}
    return replace(cifar10.CIFAR10, forms=forms, remotes=()), files


def sets() -> dict[str, Made]:
    """Return each data set in each form."""
    (digits, idx_files), (letters, lines) = _mnist(), _letter()
    (leaves, kaggle, uci), (glyphs, pictures), (images, batches) = _leaf(), _notmnist(), _cifar10()
    return {
        "idx, packed": Made(digits, {f"{name}.gz": gzip.compress(c, mtime=0) for name, c in idx_files.items()}),
        "idx": Made(digits, idx_files),
        "npz": Made(digits, {"mnist.npz": _npz(list(idx_files.values()))}),
        "letter": Made(letters, {letter.FILE: lines}),
        "letter, zip": Made(letters, {letter.ARCHIVE: zipped({letter.FILE: lines, "letter-recognition.names": b"x"})}),
        "leaf, Kaggle": Made(leaves, {"train.csv": kaggle}),
        "leaf, Kaggle, zip": Made(leaves, {"train.csv.zip": zipped({"train.csv": kaggle})}),
        "leaf, UCI": Made(leaves, uci, checked=False),
        "leaf, UCI, zip": Made(leaves, {leaf.UCI_ZIP: zipped({f"{leaf.UCI_FOLDER}/{n}": c for n, c in uci.items()})}),
        "notMNIST": Made(glyphs, pictures, checked=False),
        "notMNIST, tar.gz": Made(glyphs, {"notMNIST_small.tar.gz": tarred(pictures)}),
        "CIFAR-10": Made(images, batches),
        "CIFAR-10, tar.gz": Made(images, {"cifar-10-binary.tar.gz": tarred(batches)}),
        "CIFAR-10, tar.xz": Made(images, {"cifar-10-binary.tar.xz": tarred(batches, "xz")}),
    }
