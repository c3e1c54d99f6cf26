"""MNIST: handwritten digits, 60,000 + 10,000 images of 28 x 28."""

from functools import partial
from pathlib import Path

import numpy as np

from bnbench.data.formats import idx, npz
from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays, RemoteFile
from bnbench.data.validate import check_published

# Checksums of the unpacked files, because the .gz files differ between mirrors.
SPEC = idx.IdxSpec(
    classes=tuple("0123456789"),
    pairs=(
        idx.Pair(
            "train",
            60_000,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        idx.Pair(
            "t10k",
            10_000,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    test=True,
)
FINGERPRINT = "fcbb93a75c43cbf83f9129832f6ae4bc9e80570e86e4b9a354ed4b034b176b24"
MIRRORS = ("https://storage.googleapis.com/cvdf-datasets/mnist", "https://ossci-datasets.s3.amazonaws.com/mnist")


def parse_npz(paths: tuple[Path, ...], spec: idx.IdxSpec, fingerprint: str) -> ParsedArrays:
    """Return the arrays of Keras' mnist.npz: the same rows in the same order as in the idx files."""
    train, test = (pair.count for pair in spec.pairs)
    sides = (idx.SIDE, idx.SIDE)
    shapes = {"x_train": (train, *sides), "x_test": (test, *sides), "y_train": (train,), "y_test": (test,)}
    arrays = npz.read_arrays(paths[0], shapes)
    x, y = (np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_test"]]) for name in "xy")
    parsed = ParsedArrays(x[..., np.newaxis], y.astype(np.int32), spec.classes, test)
    return check_published(parsed, fingerprint, "", str(paths[0]))


MNIST = DatasetSpec(
    name="mnist",
    title="MNIST handwritten digits",
    page="https://storage.googleapis.com/cvdf-datasets/mnist/",
    licence="CC BY-SA 3.0 (LeCun, Cortes 1998)",
    rows=70_000,
    shape=(28, 28, 1),
    class_count=10,
    value_range=(0.0, 255.0),
    forms=(
        FileLayout("idx files", idx.idx_parts(SPEC), partial(idx.parse_idx, spec=SPEC)),
        FileLayout("Keras mnist.npz", (("mnist.npz",),), partial(parse_npz, spec=SPEC, fingerprint=FINGERPRINT)),
    ),
    remotes=tuple(
        RemoteFile(names[0], tuple(f"{mirror}/{names[0]}" for mirror in MIRRORS)) for names in idx.idx_parts(SPEC)
    ),
    # By convention all training rows are used. No two images are equal.
    find_duplicates=False,
    other_forms=idx.OTHER_FORMS,
)

DATASETS = (MNIST,)
