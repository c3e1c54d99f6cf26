"""Own folders of images: what they become, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bnbench.data.own.readers import images
from bnbench.errors import BnbenchError
from support.own_data import load


def put(path: Path, size: tuple[int, int] = (4, 6), mode: str = "RGB", color: Any = None, **how: Any) -> None:
    """Write an image of a height and width."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], color if color is not None else 0).save(path, **how)


@pytest.fixture
def leaves(tmp_path: Path) -> Path:
    for number, kind in enumerate(("oak", "elm")):
        for i in range(3):
            put(tmp_path / "leaves" / kind / f"{i}.png", color=(10 * number, i, 255))
    return tmp_path / "leaves"


def test_each_folder_is_a_class_and_files_are_in_the_order_of_their_names(leaves: Path) -> None:
    for name in (".DS_Store", "Thumbs.db"):
        (leaves / "oak" / name).write_text("x")
    (leaves / "README.txt").write_text("about")
    found = load(leaves.parent, images="leaves/")
    assert (found.x.shape, str(found.x.dtype), found.value_range) == ((6, 4, 6, 3), "uint8", (0.0, 255.0))
    assert (found.facts.name, found.facts.classes) == ("leaves", ("elm", "oak"))
    assert found.x[:, 0, 0].tolist() == [[0 if y else 10, i, 255] for y in (0, 1) for i in range(3)]
    assert found.y.tolist() == [0, 0, 0, 1, 1, 1]


def test_images_are_resized_and_converted_if_asked(leaves: Path) -> None:
    put(leaves / "oak" / "9.jpg", (40, 50), "L", 128)
    found = load(leaves.parent, images="leaves", size=[2, 3], channels=1)
    assert found.x.shape == (7, 2, 3, 1)
    assert found.x[-1].tolist() == [[[128]] * 3] * 2


def test_gray_images_have_one_channel(tmp_path: Path) -> None:
    for kind in "ab":
        for i in range(2):
            put(tmp_path / "x" / kind / f"{i}.png", mode="L", color=i)
    assert load(tmp_path, images="x").x.shape == (4, 4, 6, 1)


@pytest.mark.parametrize(
    "names", [("train", "validation", "test"), ("train", "val", "test"), ("Train", "valid", "TEST")]
)
def test_folders_of_parts_are_official_parts(names: tuple[str, str, str], tmp_path: Path) -> None:
    for part, count in zip(names, (3, 1, 2), strict=True):
        for kind in ("oak", "elm"):
            for i in range(count):
                put(tmp_path / "x" / part / kind / f"{i}.png", color=(len(part), i, 0))
    facts = load(tmp_path, images="x").facts
    assert (facts.rows, facts.validation_rows, facts.test_rows, facts.classes) == (12, 2, 4, ("elm", "oak"))


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for kind in ("train", "bus"):
        for i in range(2):
            put(tmp_path / "x" / kind / f"{i}.png", color=(i, 0, len(kind)))
    facts = load(tmp_path, images="x").facts
    assert (facts.classes, facts.test_rows) == (("bus", "train"), 0)


def test_a_changed_image_is_noticed(leaves: Path) -> None:
    before = load(leaves.parent, images="leaves").facts.fingerprint
    assert load(leaves.parent, images="leaves").facts.fingerprint == before
    put(leaves / "oak" / "0.png", color=(9, 9, 9))
    assert load(leaves.parent, images="leaves").facts.fingerprint != before


def _nested(folder: Path) -> None:
    put(folder / "oak" / "more" / "a.png")


def _as_file(folder: Path) -> None:
    folder.rename(folder.parent / "moved")
    folder.write_text("x")


def _part_without_class(folder: Path) -> None:
    folder.rename(folder.parent / "moved")
    (folder).mkdir()
    (folder.parent / "moved").rename(folder / "train")
    put(folder / "test" / "ash" / "a.png")
    put(folder / "test" / "ash" / "b.png")


def _two_parts(folder: Path) -> None:
    _part_without_class(folder)
    put(folder / "valid" / "oak" / "a.png")
    put(folder / "val" / "oak" / "a.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: put(folder / "oak" / "b.png", (5, 6)),
         "data.size: missing: {0}/oak/b.png is 5 x 6, but {0}/elm/0.png is 4 x 6 (height x width): set the size"),
        (lambda folder: put(folder / "oak" / "b.png", mode="L"),
         "data.channels: missing: {0}/oak/b.png is gray, but {0}/elm/0.png is in color"),
        (lambda folder: (folder / "oak" / "b.png").write_text("no image"), "{0}/oak/b.png: not a readable PNG or JPEG"),
        (lambda folder: (folder / "oak" / "b.png").write_text(""), "{0}/oak/b.png: the file is empty"),
        (lambda folder: (folder / "oak" / "b.png").write_bytes((folder / "oak" / "0.png").read_bytes()[:50]),
         "{0}/oak/b.png: not a readable PNG or JPEG"),
        (lambda folder: put(folder / "oak" / "b.png", mode="RGBA", color=(1, 2, 3, 4)), "{0}/oak/b.png: has transp"),
        (lambda folder: put(folder / "oak" / "b.png", mode="I;16"), "{0}/oak/b.png: the image has mode I"),
        (lambda folder: put(folder / "oak" / "b.gif"), "{0}/oak/b.gif: neither PNG nor JPEG"),
        (lambda folder: put(folder / "oak" / "b.png", format="GIF"), "{0}/oak/b.png: not a readable PNG or JPEG"),
        (lambda folder: (folder / "oak" / "notes.txt").write_text("x"), "{0}/oak/notes.txt: neither PNG nor JPEG"),
        (lambda folder: (folder / "ash").mkdir(), "{0}/ash: an empty folder: a class needs images"),
        (_nested, "{0}/oak/more: a folder inside the folder of a class: move its images one level up"),
        (lambda folder: put(folder / "train" / "oak" / "a.png"),
         "{0}/train/oak: a folder inside the folder of a class: train is an official part only next to"),
        (lambda folder: put(folder / "a.png"), "{0}/a.png: an image outside of a folder"),
        (lambda folder: put(folder / "ash" / "a.png"), "{0}: a class with one row"),
        (_as_file, "{0}: a file, wanted a folder"),
        (_part_without_class, "{0}/train: no folder 'ash', which is a class of the other parts"),
        (_two_parts, "{0}/valid: a second validation part"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_folder_of_images_is_refused(change: Any, message: str, leaves: Path) -> None:
    change(leaves)
    with pytest.raises(BnbenchError) as caught:
        load(leaves.parent, images="leaves")
    assert message.format(leaves) in str(caught.value)


def test_one_class_and_no_class_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(BnbenchError, match="no folders, wanted a folder of images for each class"):
        load(tmp_path, images="x")
    put(tmp_path / "x" / "oak" / "a.png")
    put(tmp_path / "x" / "oak" / "b.png")
    with pytest.raises(BnbenchError, match="has the class 'oak' in every row"):
        load(tmp_path, images="x")


def test_images_are_read_within_bounds(leaves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 100)
    with pytest.raises(BnbenchError, match=r"6 images of \(4, 6, 3\) have more than 100 bytes: set data.size"):
        load(leaves.parent, images="leaves")
    monkeypatch.setattr(images, "MAX_FILE", 10)
    with pytest.raises(BnbenchError, match="more than 10 bytes"):
        load(leaves.parent, images="leaves")
