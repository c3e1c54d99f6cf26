"""Files that look like a data set but are not read are named, one line each."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import access
from bnbench.data.datasets import mnist
from bnbench.data.formats import idx
from bnbench.data.types import DataDirs
from bnbench.errors import DataError
from support.small_data import zipped


def put(folder: Path, name: str, content: bytes = b"") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "files", "lines"),
    [
        (
            "cifar10",
            ["cifar10/cifar-10-batches-py/", "cifar10/cifar-10-python.tar.gz", "cifar10/cifar-10-binary.tar.gz.part"],
            [
                "cifar10/cifar-10-batches-py: the python form is not read, because its pickles can run code: get "
                "cifar-10-binary.tar.gz (the folder is empty)",
                "cifar10/cifar-10-python.tar.gz: the python form is not read, because its pickles can run code: get "
                "cifar-10-binary.tar.gz (the file is empty)",
                "cifar10/cifar-10-binary.tar.gz.part: an unfinished download (the file is empty)",
            ],
        ),
        ("cifar10", ["cifar-10-python.tar.gz"], ["cifar-10-python.tar.gz: the python form is not read"]),
        (
            "fashion_mnist",
            ["fashion-mnist/train-images-idx3-ubyte.gz", "Fashion_MNIST/raw/fashion-mnist_train.csv"],
            [
                "fashion-mnist/train-images-idx3-ubyte.gz: the file is empty, and it is in the wrong folder: ",
                "Fashion_MNIST/raw/fashion-mnist_train.csv: Kaggle's table is not read: get the four idx files",
            ],
        ),
        (
            "mnist",
            ["mnist/mnist_png/train/0/1.png", "mnist/mnist_train.csv"],
            [
                "mnist/mnist_png: a folder of images is not read: get the four idx files, or name the folder in",
                "mnist/mnist_train.csv: Kaggle's table is not read: get the four idx files, or name it in data.table",
            ],
        ),
        ("cifar10", ["cifar10/train/cat/1.png"], ["cifar10/train: a folder of images is not read: get cifar-10-bin"]),
        ("mnist", ["mnist/mnist.pkl.gz"], ["mnist/mnist.pkl.gz: a pickle can run code, so it is not read"]),
        (
            "mnist",
            ["mnist/Train-images-idx3-ubyte (1).gz"],
            ["mnist/Train-images-idx3-ubyte (1).gz: rename it if it is "],
        ),
        (
            "notmnist",
            ["notmnist/x/notMNIST_small/A/", "notmnist/notMNIST.pickle"],
            [
                "notmnist/x/notMNIST_small: in the wrong folder: move it to ",
                "notmnist/notMNIST.pickle: a pickle can run code, so it is not read: get notMNIST_small.tar.gz",
            ],
        ),
        ("mnist", ["mnist.npz"], ["mnist.npz: the file is empty, and it is in the wrong folder: move it to "]),
        ("mnist", ["mnist/npz/mnist.npz"], ["mnist/npz/mnist.npz: the file is empty, and it is in the wrong folder"]),
        ("mnist", ["mnist/other.npz"], ["mnist/other.npz: an archive with other arrays is not read"]),
        ("letter", ["letter/letter-recognition.names"], ["letter/letter-recognition.names: the description"]),
        ("leaf", ["leaf/test.csv", "leaf/Train.CSV"], ["leaf/test.csv: the rows of Kaggle", "leaf/Train.CSV: rename"]),
        ("leaf", ["leaf/data_Mar_64.txt"], ["leaf: has data_Mar_64.txt, lacks data_Sha_64.txt, data_Tex_64.txt"]),
    ],
)
def test_each_known_other_form_that_is_seen_has_a_line(
    name: str, files: list[str], lines: list[str], tmp_path: Path
) -> None:
    for file in files:
        put(tmp_path / "own", file)
    with pytest.raises(DataError, match=f"{name}: its files are not here") as caught:
        access.verify_dataset(name, DataDirs(tmp_path / "own", tmp_path / "cache", offline=True))
    for line in lines:
        assert sum(f"{tmp_path / 'own'}/{line}" in shown for shown in str(caught.value).splitlines()) == 1, line


@pytest.mark.parametrize("name", [name for name, source in access.DATASETS.items() if not source.package])
def test_every_file_that_is_read_is_named_where_it_is_missing_and_where_it_is_misplaced(
    name: str, tmp_path: Path
) -> None:
    places = DataDirs(tmp_path, tmp_path / "cache", offline=True)
    with pytest.raises(DataError) as caught:
        access.verify_dataset(name, places)
    parts = [(form, part) for form in access.DATASETS[name].forms for part in form.parts]
    for form, file in [(form, file) for form, part in parts for file in part]:
        assert file in str(caught.value)
        put(tmp_path / name / "inner", file + "/" * form.folders)
        with pytest.raises(DataError, match=f"{re.escape(Path(file).name)}: .* in the wrong folder: move it to"):
            access.verify_dataset(name, places)
        shutil.rmtree(tmp_path / name)


def test_the_folder_of_a_data_set_in_place_of_its_parent_is_named(tmp_path: Path) -> None:
    put(tmp_path, "leaf/train.csv", b"1")
    with pytest.raises(DataError, match=rf"one folder too high: give {tmp_path} as the data folder"):
        access.verify_dataset("leaf", DataDirs(tmp_path / "leaf", tmp_path / "cache", offline=True))


def test_the_files_of_another_data_set_are_not_named(tmp_path: Path) -> None:
    put(tmp_path, "mnist/train-images-idx3-ubyte.gz", b"1")
    put(tmp_path, "train-images-idx3-ubyte.gz", b"1")
    with pytest.raises(DataError) as caught:
        access.verify_dataset("fashion_mnist", DataDirs(tmp_path, tmp_path / "cache", offline=True))
    assert str(tmp_path / "train") not in str(caught.value)
    assert str(tmp_path / "mnist") not in str(caught.value)


@pytest.mark.parametrize(("name", "file"), [("mnist", "mnist.npz"), ("letter", "letter-recognition.csv")])
def test_an_empty_file_is_named(name: str, file: str, tmp_path: Path) -> None:
    put(tmp_path / name, file)
    with pytest.raises(DataError, match=f"{file}: the file is empty"):
        access.verify_dataset(name, DataDirs(tmp_path, tmp_path / "cache", offline=True))


def test_many_lines_are_cut(tmp_path: Path) -> None:
    for i in range(30):
        put(tmp_path / "leaf", f"{i}.parquet", b"1")
    with pytest.raises(DataError) as caught:
        access.verify_dataset("leaf", DataDirs(tmp_path, tmp_path / "cache", offline=True))
    assert str(caught.value).count(".parquet") == 10


def npz(path: Path, **arrays: object) -> Path:
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return path


SPEC = idx.IdxSpec(("a", "b"), (idx.Pair("train", 4), idx.Pair("t10k", 2)), test=True)
ARRAYS = {
    "x_train": np.arange(4 * 784, dtype=np.uint8).reshape(4, 28, 28),
    "y_train": np.array([0, 1, 1, 0], np.uint8),
    "x_test": np.full((2, 28, 28), 7, np.uint8),
    "y_test": np.array([1, 0], np.uint8),
}


def test_keras_archive_of_mnist_holds_the_training_rows_and_then_the_test_rows(tmp_path: Path) -> None:
    parsed = mnist.parse_npz((npz(tmp_path / "mnist.npz", **ARRAYS),), SPEC, "")
    assert (parsed.x.shape, parsed.x.dtype, parsed.test_rows) == ((6, 28, 28, 1), np.uint8, 2)
    assert parsed.y.tolist() == [0, 1, 1, 0, 1, 0]
    assert parsed.x[5, 3, 3, 0] == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_test": np.zeros((3, 28, 28), np.uint8)},
            r"x_test: uint8 of shape \(3, 28, 28\), wanted uint8 of shape \(2",
        ),
        ({"y_test": np.zeros(2, np.float32)}, "y_test: float32 of shape"),
        ({"y_train": np.array([0, 1, 1, 1], np.uint8)}, "numbers or labels differ from the published ones"),
        ({"y_train": np.array(["a"], object)}, "y_train: cut or damaged"),
    ],
)
def test_another_archive_is_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        mnist.parse_npz((npz(tmp_path / "mnist.npz", **(ARRAYS | changes)),), SPEC, "f" * 64)


def test_an_archive_without_an_array_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mnist.npz").write_bytes(zipped({"x_train.npy": b"1"}))
    with pytest.raises(DataError, match=r"has no x_test\.npy, y_train\.npy, y_test\.npy"):
        mnist.parse_npz((tmp_path / "mnist.npz",), SPEC, "")
