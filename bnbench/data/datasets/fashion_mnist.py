"""Fashion-MNIST: clothes, 60,000 + 10,000 images of 28 x 28 (Xiao, Rasul, Vollgraf 2017)."""

from functools import partial

from bnbench.data.formats import idx
from bnbench.data.types import DatasetSpec, FileLayout, RemoteFile

# Checksums of the unpacked files, because the .gz files differ between mirrors.
SPEC = idx.IdxSpec(
    classes=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    pairs=(
        idx.Pair(
            "train",
            60_000,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        idx.Pair(
            "t10k",
            10_000,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    test=True,
)
MIRRORS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)

FASHION_MNIST = DatasetSpec(
    name="fashion_mnist",
    title="Fashion-MNIST",
    page="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    rows=70_000,
    shape=(28, 28, 1),
    class_count=10,
    value_range=(0.0, 255.0),
    forms=(FileLayout("idx files", idx.idx_parts(SPEC), partial(idx.parse_idx, spec=SPEC)),),
    remotes=tuple(
        RemoteFile(names[0], tuple(f"{mirror}/{names[0]}" for mirror in MIRRORS)) for names in idx.idx_parts(SPEC)
    ),
    # By convention all training rows are used. No two images are equal.
    find_duplicates=False,
    other_forms=idx.OTHER_FORMS,
)

DATASETS = (FASHION_MNIST,)
