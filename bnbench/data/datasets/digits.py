"""Digits: 1,797 handwritten digits of 8 x 8, as they come with scikit-learn (UCI 80; Alpaydin, Kaynak 1998)."""

from functools import partial
from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import check_sha256
from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays

# The sha256 of the bytes of the images and then the labels, which every release of scikit-learn contains.
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def parse(paths: tuple[Path, ...], sha256: str) -> ParsedArrays:
    """Return x (1797, 8, 8, 1) uint8 from 0 to 16, and y (1797,) int32; `paths` is empty."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x, y = bunch.images.astype(np.uint8)[..., np.newaxis], bunch.target.astype(np.int32)
    check_sha256(x.tobytes() + y.astype(np.uint8).tobytes(), sha256, "scikit-learn's digits")
    return ParsedArrays(x, y, tuple("0123456789"), 0)


DIGITS = DatasetSpec(
    name="digits",
    title="Handwritten digits, 8 x 8",
    page="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    licence="CC BY 4.0 (Alpaydin, Kaynak 1998)",
    rows=1_797,
    shape=(8, 8, 1),
    class_count=10,
    value_range=(0.0, 16.0),
    forms=(FileLayout("scikit-learn's copy", (), partial(parse, sha256=SHA256)),),
    package="scikit-learn",
)

DATASETS = (DIGITS,)
