"""CIFAR-10: 50,000 + 10,000 color images of 32 x 32, from the binary form (Krizhevsky 2009).

The python form is never read, because it consists of pickles, which can run code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import Bounds, check_sha256, read_file, read_members
from bnbench.data.types import Array, DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.errors import DataError, shorten

FOLDER = "cifar-10-batches-bin"
META = "batches.meta.txt"
# A red, a green and a blue plane; one label byte comes before them.
IMAGE_BYTES = 3 * 32 * 32
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
OFFICIAL = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


@dataclass(frozen=True)
class Spec:
    """The expected content of the batches."""

    rows: int = 10_000  # in each batch
    # The name of each batch -> its sha256, or an empty text to accept any content. The last batch is the test part.
    batches: Mapping[str, str] = field(default_factory=OFFICIAL.copy)

    @property
    def batch_bytes(self) -> int:
        """The size of the file of each batch, in bytes."""
        return self.rows * (1 + IMAGE_BYTES)


def parse_archive(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of a packed `cifar-10-binary.tar.*`."""
    (path,) = paths
    bounds = Bounds(members=20, member_bytes=spec.batch_bytes, total_bytes=200_000_000)
    contents = read_members(path, (*spec.batches, META), bounds)
    return _parsed(contents, f"{path}: ", spec)


def parse_files(paths: tuple[Path, ...], spec: Spec) -> ParsedArrays:
    """Return the arrays of the unpacked batches; the last path has the names of the classes."""
    most = [spec.batch_bytes] * len(spec.batches) + [10_000]
    contents = {path.name: read_file(path, size) for path, size in zip(paths, most, strict=True)}
    return _parsed(contents, f"{paths[0].parent}/", spec)


def _parsed(contents: Mapping[str, bytes], place: str, spec: Spec) -> ParsedArrays:
    """Return x (rows, 32, 32, 3) uint8, channels last, and y (rows,) int32."""
    names = tuple(contents[META].decode("utf-8", "replace").split())
    if names != CLASSES:
        pairs = enumerate(zip_longest(names, CLASSES, fillvalue="nothing"), 1)
        number, found, wanted = next((i, *pair) for i, pair in pairs if pair[0] != pair[1])
        raise DataError(f"{place}{META}: class {number} is {shorten(found)}, wanted {wanted!r}")
    x = np.empty((spec.rows * len(spec.batches), 32, 32, 3), np.uint8)
    y = np.empty(len(x), np.int32)
    for i, (name, sha256) in enumerate(spec.batches.items()):
        rows = slice(i * spec.rows, (i + 1) * spec.rows)
        y[rows], x[rows] = _batch(contents[name], f"{place}{name}", sha256, spec)
    return ParsedArrays(x, y, CLASSES, spec.rows)


def _batch(content: bytes, where: str, sha256: str, spec: Spec) -> tuple[Array, Array]:
    if len(content) != spec.batch_bytes:
        raise DataError(f"{where}: {len(content):,} bytes, wanted {spec.batch_bytes:,}: cut or damaged")
    rows = np.frombuffer(content, np.uint8).reshape(spec.rows, 1 + IMAGE_BYTES)
    labels = rows[:, 0]
    if labels.max() >= len(CLASSES):
        raise DataError(
            f"{where}: label {labels.max()} at row {int(labels.argmax()) + 1}, wanted 0 to {len(CLASSES) - 1}"
        )
    check_sha256(content, sha256, where)
    return labels, rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


BINARY = "get cifar-10-binary.tar.gz"
OTHER_FORMS = (
    ("cifar-10-batches-py*", f"the python form is not read, because its pickles can run code: {BINARY}"),
    ("cifar-10-python*", f"the python form is not read, because its pickles can run code: {BINARY}"),
    ("data_batch_[1-5]", f"a batch of the python form, which is not read: {BINARY}"),
    ("test_batch", f"a batch of the python form, which is not read: {BINARY}"),
    ("cifar-10-batches-mat*", f"the Matlab form is not read: {BINARY}"),
    ("cifar-10-matlab*", f"the Matlab form is not read: {BINARY}"),
    ("cifar-100*", f"CIFAR-100 is another data set: {BINARY}"),
    ("cifar-10.7z", f"the PNG files of Kaggle's competition are not read: {BINARY}"),
    ("*.npz", f"arrays of NumPy are not read: {BINARY}"),
    ("*.parquet", f"a table of Hugging Face is not read: {BINARY}"),
    ("*.tfrecord*", f"TensorFlow Datasets' form is not read: {BINARY}"),
    ("train", f"a folder of images is not read: {BINARY}, or name the folder in data.images"),
    ("trainLabels.csv", f"the PNG files of Kaggle's competition are not read: {BINARY}"),
)
SPEC = Spec()
TITLE = "binary batches"


def forms(spec: Spec) -> tuple[FileLayout, ...]:
    """Return the layouts: packed by gzip (as published) or by xz, and unpacked."""
    files = tuple((f"{FOLDER}/{name}", name) for name in (*spec.batches, META))
    return (
        FileLayout(TITLE, (("cifar-10-binary.tar.gz", "cifar-10-binary.tar.xz"),), partial(parse_archive, spec=spec)),
        FileLayout(TITLE, files, partial(parse_files, spec=spec)),
    )


CIFAR10 = DatasetSpec(
    name="cifar10",
    title="CIFAR-10",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; cite Krizhevsky 2009",
    rows=60_000,
    shape=(32, 32, 3),
    class_count=10,
    value_range=(0.0, 255.0),
    forms=forms(SPEC),
    remotes=(
        RemoteFile(
            "cifar-10-binary.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
        ),
    ),
    # By convention all training rows are used. No two images are equal.
    find_duplicates=False,
    other_forms=OTHER_FORMS,
)

DATASETS = (CIFAR10,)
