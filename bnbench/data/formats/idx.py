"""Reads the idx format of MNIST: a big-endian header, then one byte for each pixel or label."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import check_sha256, open_file
from bnbench.data.types import Array, ParsedArrays
from bnbench.errors import DataError

# 08: bytes; 03, 01: dimensions.
IMAGES, LABELS = 0x0803, 0x0801
SIDE = 28
# What can be read as own data, and how.
OWN = {
    **dict.fromkeys(("*train*.csv", "*test*.csv"), ", or name it in data.table"),
    **dict.fromkeys(("*_png", "train", "training"), ", or name the folder in data.images"),
}
# Forms in which MNIST and data sets like it are passed on, too.
OTHER_FORMS = tuple(
    (pattern, f"{what} not read: get the four idx files{OWN.get(pattern, '')}")
    for pattern, what in (
        ("*train*.csv", "Kaggle's table is"),
        ("*test*.csv", "Kaggle's table is"),
        ("*.mat", "the Matlab form is"),
        ("*.pkl*", "a pickle can run code, so it is"),
        ("*.pickle*", "a pickle can run code, so it is"),
        ("*.pt", "a tensor of PyTorch is a pickle, which can run code, so it is"),
        ("*.parquet", "a table of Hugging Face is"),
        ("*.arff*", "OpenML's table is"),
        ("*.tfrecord*", "TensorFlow Datasets' form is"),
        ("*.npz", "an archive with other arrays is"),
        ("*.npy", "a single array is"),
        ("*.zip", "an archive is"),
        ("*_png", "a folder of images is"),
        ("train", "a folder of images is"),
        ("training", "a folder of images is"),
    )
)


@dataclass(frozen=True)
class Pair:
    """The expected content of a file of images and its file of labels."""

    # The beginning of both file names: train, t10k.
    stem: str
    count: int
    # The sha256 of each unpacked file. If empty, any content is accepted.
    images_sha256: str = ""
    labels_sha256: str = ""


@dataclass(frozen=True)
class IdxSpec:
    """The expected content of the idx files of a data set."""

    classes: tuple[str, ...]
    pairs: tuple[Pair, ...]
    # Whether the last pair is the official test part.
    test: bool


def idx_parts(spec: IdxSpec) -> tuple[tuple[str, ...], ...]:
    """Return the needed files, each with its possible names: images and labels of each pair."""
    stems = [(pair.stem, kind) for pair in spec.pairs for kind in ("images-idx3", "labels-idx1")]
    # Unpacked copies often have a dot in place of the second hyphen.
    return tuple(
        (
            f"{s}-{kind}-ubyte.gz",
            f"{s}-{kind}-ubyte",
            f"{s}-{kind.replace('-', '.')}-ubyte",
            f"{s}-{kind.replace('-', '.')}-ubyte.gz",
        )
        for s, kind in stems
    )


def parse_idx(paths: tuple[Path, ...], spec: IdxSpec) -> ParsedArrays:
    """Return the arrays of idx files in the order of `idx_parts`: x (rows, 28, 28, 1) uint8, y (rows,) int32.

    Raises:
        DataError: a file is cut or too long, has the wrong kind or number of entries, or other content than published.
    """
    images, labels = [], []
    for pair, image_path, label_path in zip(spec.pairs, paths[::2], paths[1::2], strict=True):
        images.append(_read(image_path, IMAGES, (pair.count, SIDE, SIDE), pair.images_sha256))
        labels.append(_read_labels(label_path, pair, len(spec.classes)))
    x = images[0] if len(images) == 1 else np.concatenate(images)
    return ParsedArrays(
        x[..., np.newaxis], np.concatenate(labels), spec.classes, spec.pairs[-1].count if spec.test else 0
    )


def _read_labels(path: Path, pair: Pair, classes: int) -> Array:
    labels = _read(path, LABELS, (pair.count,), pair.labels_sha256)
    if labels.max() >= classes:
        raise DataError(f"{path}: label {labels.max()} at row {int(labels.argmax()) + 1}, wanted 0 to {classes - 1}")
    return labels.astype(np.int32)


def _read(path: Path, magic: int, shape: tuple[int, ...], sha256: str) -> Array:
    size = int(np.prod(shape))
    with open_file(path) as stream:
        header = stream.read(4 + 4 * len(shape))
        _check_header(path, header, magic, shape)
        # One more byte shows whether the file is too long, and reaches the checksum of a .gz.
        body = stream.read(size + 1)
    if len(body) != size:
        found = f"only {len(body):,}" if len(body) < size else "more than that"
        raise DataError(f"{path}: its header announces {size:,} bytes, but there are {found}: cut or damaged")
    check_sha256(header + body, sha256, str(path))
    return np.frombuffer(body, np.uint8).reshape(shape)


def _check_header(path: Path, header: bytes, magic: int, shape: tuple[int, ...]) -> None:
    kinds = {IMAGES: "images", LABELS: "labels"}
    if len(header) < 4 + 4 * len(shape):
        raise DataError(f"{path}: only {len(header)} bytes: cut or damaged")
    found, *sizes = struct.unpack(f">{1 + len(shape)}I", header)
    if found in kinds and found != magic:
        raise DataError(f"{path}: contains {kinds[found]}, wanted {kinds[magic]}: are the two files swapped?")
    if found != magic:
        raise DataError(f"{path}: not an idx file of {kinds[magic]}: starts with {found:#010x}, wanted {magic:#010x}")
    if tuple(sizes) != shape:
        hint = ": are train and t10k swapped?" if tuple(sizes[1:]) == shape[1:] else ""
        raise DataError(f"{path}: contains {_by(sizes)} {kinds[magic]}, wanted {_by(shape)}{hint}")


def _by(sizes: list[int] | tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in sizes)
