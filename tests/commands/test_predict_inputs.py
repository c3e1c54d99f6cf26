import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnbench.commands import predict_columns
from bnbench.commands.predict_inputs import list_files
from bnbench.data import access
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard
from support.inputs import read_inputs

TABLE = ModelCard("final", "made up", (3,), (0.0, 1.0), ("a", "b"), "softmax")
# Training images with a light middle column on black.
DRAWN = ModelCard("final", "mnist", (2, 3, 1), (0.0, 255.0), ("a", "b"), "softmax", (0.0, 200.0, 0.0, 0.0, 200.0, 0.0))
IMAGE = ModelCard("final", "mnist", (2, 3, 1), (0.0, 255.0), ("a", "b"), "softmax")
LEAF = ModelCard("final", "leaf", (192,), (0.0, 1.0), ("a", "b"), "softmax")
LETTER = ModelCard("final", "letter", (16,), (0.0, 15.0), ("A", "B"), "softmax")


def written(place: Path, content: str, name: str = "rows.csv") -> Path:
    path = place / name
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "content",
    [
        "0.1,0.2,0.3\n0.4,0.5,0.6\n",
        "\ufeff0.1, 0.2, 0.3\r\n\r\n0.4, 0.5, 0.6\r\n",
        'x,y,z\n0.1,0.2,"0.3"\n0.4,0.5,0.6',
        # Pandas, with its index.
        ",x,y,z\n0,0.1,0.2,0.3\n1,0.4,0.5,0.6\n",
        # Pandas, columns without names.
        "0,1,2\n0.1,0.2,0.3\n0.4,0.5,0.6\n",
        ",0,1,2\n0,0.1,0.2,0.3\n1,0.4,0.5,0.6\n",
    ],
)
def test_a_table_with_or_without_a_header(tmp_path: Path, content: str) -> None:
    rows = read_inputs(written(tmp_path, content), TABLE)
    assert rows.values.tolist() == [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]
    assert rows.notes == ()


def test_leaf_columns_are_found_by_name_and_other_columns_are_ignored(tmp_path: Path) -> None:
    names = list(access.DATASETS["leaf"].columns)
    assert (len(names), names[0], names[64], names[-1]) == (192, "margin1", "shape1", "texture64")
    numbers = [f"{i / 1000}" for i in range(192)]
    kaggle = f"id,species,{','.join(names)}\n7,Acer_Opalus,{','.join(numbers)}\n"
    to_predict = f"id,{','.join(names)}\n7,{','.join(numbers)}\n"
    reversed_columns = f"{','.join(names[::-1])},species\n{','.join(numbers[::-1])},?\n"
    bare = f"{','.join(numbers)}\n"
    labeled = f"7,Acer_Opalus,{','.join(numbers)}\n"
    for content in (kaggle, to_predict, reversed_columns, bare, labeled):
        rows = read_inputs(written(tmp_path, content), LEAF)
        assert rows.values.tolist() == [[i / 1000 for i in range(192)]]


def test_letter_rows_may_begin_with_their_label(tmp_path: Path) -> None:
    rows = read_inputs(written(tmp_path, "T,2,8,3,5,1,8,13,0,6,6,10,8,0,8,0,8\n"), LETTER)
    assert rows.values.tolist() == [[2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8]]


def test_a_table_may_contain_the_pixels_of_an_image(tmp_path: Path) -> None:
    rows = read_inputs(written(tmp_path, "0,50,100,150,200,250\n"), IMAGE)
    assert rows.values[0, :, :, 0].tolist() == [[0, 50, 100], [150, 200, 250]]


@pytest.mark.parametrize(
    ("content", "card", "message"),
    [
        ("0.1,0.2\n", TABLE, r"rows.csv: line 1: 2 columns, expected 3 numbers of made up$"),
        ("0.1;0.2;0.3\n", TABLE, "1 column, expected 3 numbers of made up: separate the values by ','"),
        ("x,y\n0.1,0.2\n", TABLE, "line 1: 2 columns, expected 3"),
        ("0.1,0.2,0.3\n0.1,0.2\n", TABLE, "line 2: 2 columns, expected 3 as in the first line"),
        ("0.1,0.2,0.3\n0.1,x,0.3\n", TABLE, "line 2, column 2: 'x' is not a number"),
        ("x,y,z\n0.1,,0.3\n", TABLE, "line 2, column 2: '' is not a number"),
        ("0.1,nan,0.3\n", TABLE, "line 1, column 2: 'nan' is not a finite number"),
        ("x,y,z\n", TABLE, "contains no rows"),
        ("", TABLE, "contains no rows"),
        ("\n \n", TABLE, "contains no rows"),
        ("1,2,3\n", LEAF, "3 columns, expected 192 numbers of leaf, or 194 with id and species first"),
        (
            ",".join(access.DATASETS["leaf"].columns).replace("margin7,", "margn7,") + "\n",
            LEAF,
            r"unknown column 'margn7' \(did you mean 'margin7'\?\); 1 of 192 columns are missing: margin7",
        ),
        ("margin1," + ",".join(access.DATASETS["leaf"].columns), LEAF, "line 1: column 'margin1' is repeated"),
        (
            ",".join(f"V{i}" for i in range(192)) + "\n",
            LEAF,
            "line 1: unknown column 'V0'; 192 of 192 columns are missing: margin1, .* expected margin1 to texture64",
        ),
        ("a,b,c\n1,2,3\n", LETTER, "unknown column 'a'; 16 of 16 columns are missing: x-box, y-box, width; expected"),
        ("px5,px4,px3,px2,px1,px0\n", IMAGE, "line 1: column 'px4' comes after 'px5'; mnist has no names of columns"),
        ("a1,a2,a2\n", TABLE, "column 'a2' comes after 'a2'"),
        ("nan,nan,nan\n1,2,3\n", TABLE, "line 1, column 1: 'nan' is not a finite number"),
        ('"0,1","0,2","0,3"\n', TABLE, "line 1, column 1: '0,1' is not a number: write a decimal point"),
    ],
    ids=lambda part: str(part)[:20],
)
def test_a_table_that_does_not_fit_is_rejected(tmp_path: Path, content: str, card: ModelCard, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_inputs(written(tmp_path, content), card)


@pytest.mark.parametrize(("shape", "count"), [((2, 3, 1), 1), ((4, 2, 3, 1), 4), ((2, 3), 1), ((4, 2, 3), 4)])
def test_an_array_is_one_sample_or_a_batch(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(np.prod(shape), dtype=np.uint8).reshape(shape))
    rows = read_inputs(path, IMAGE)
    assert rows.values.shape == (count, 2, 3, 1)
    assert rows.values.ravel().tolist() == list(range(count * 6))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 2, 1)), r"the shape is \(3, 2, 1\), expected \(2, 3, 1\) for one row or \(rows, 2, 3, 1\)"),
        (np.zeros((0, 2, 3, 1)), "contains no rows"),
        (np.full((2, 2, 3, 1), np.nan), "row 1: a value is not a finite number"),
        (np.array([["a"]]), "contains <U1, expected one array of numbers"),
        (np.array([{}], dtype=object), "not a readable array of numbers: Array can't be memory-mapped"),
    ],
    ids=lambda part: str(part)[:20].strip(),
)
def test_an_array_that_does_not_fit_is_rejected(tmp_path: Path, array: np.ndarray, message: str) -> None:
    path = tmp_path / "x.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        read_inputs(path, IMAGE)


def test_an_image_of_the_right_size_is_not_changed(tmp_path: Path) -> None:
    pixels = np.array([[0, 50, 100], [150, 200, 250]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    rows = read_inputs(tmp_path / "x.png", IMAGE)
    assert rows.values[0, :, :, 0].tolist() == pixels.tolist()
    assert rows.notes == ()


def test_notes_say_how_an_image_was_changed(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20), (255, 255, 255)).save(tmp_path / "x.JPG", format="JPEG")
    rows = read_inputs(tmp_path / "x.JPG", ModelCard("final", "digits", (8, 8, 1), (0.0, 16.0), ("a",), "softmax"))
    assert rows.values.shape == (1, 8, 8, 1)
    assert rows.values.tolist() == np.full((1, 8, 8, 1), 16.0).tolist()
    changes = [note.partition(": ")[2] for note in rows.notes]
    assert changes == [
        "converted to gray (it was RGB)",
        "resized from 30 x 20 to 8 x 8",
        "brightness 0 to 255 scaled to 0 to 16, as digits is stored",
    ]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("RGBA", (3, 2), (0, 0, 0, 0)), "has transparent pixels"),
        (Image.new("I;16", (3, 2)), "the image has mode I;16, expected 8 bits per channel"),
    ],
    ids=["transparent", "16 bits"],
)
def test_an_image_that_would_be_misread_is_rejected(tmp_path: Path, image: Image.Image, message: str) -> None:
    image.save(tmp_path / "x.png")
    with pytest.raises(DataError, match=message):
        read_inputs(tmp_path / "x.png", IMAGE)


@pytest.mark.parametrize("header", ["(" * 900, "-" * 9000 + "1"])
def test_an_array_with_an_unreadable_header_is_rejected(tmp_path: Path, header: str) -> None:
    text = f"{header}\n".encode()
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text)
    with pytest.raises(DataError, match=r"x\.npy: not a readable array of numbers"):
        read_inputs(tmp_path / "x.npy", IMAGE)


def test_a_very_large_image_is_rejected_before_it_is_unpacked(tmp_path: Path) -> None:
    Image.new("1", (8000, 8000)).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="the image is 8000 x 8000, but at most 50,000,000 pixels are allowed"):
        read_inputs(tmp_path / "x.png", IMAGE)


def test_an_underscore_is_not_a_digit(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1, column 3: '1_0' is not a number"):
        read_inputs(written(tmp_path, "1,2,1_0\n"), TABLE)


def test_unknown_and_unreadable_files_are_rejected(tmp_path: Path) -> None:
    written(tmp_path, "no image", "x.png")
    written(tmp_path, "no array", "x.npy")
    written(tmp_path, "", "x.txt")
    (tmp_path / "b.csv").write_bytes(b"\xff\x000\x00")
    for name, message in (
        ("x.png", "not a readable PNG or JPEG image"),
        ("x.npy", "not a readable array of numbers"),
        ("x.txt", "unknown file type: use one of .csv, .csv.gz, .npy, .png"),
        ("b.csv", "byte 0xff at position 1 is not UTF-8: save the table as UTF-8"),
        ("xx.png", r"xx.png: no such file \(did you mean 'x.png'\?\)"),
        ("nowhere/x.png", "no such file$"),
        (".", "a folder: give a file"),
    ):
        with pytest.raises(DataError, match=message):
            read_inputs(tmp_path / name, IMAGE)
    with pytest.raises(DataError, match="an image, but this model needs 192 numbers of leaf"):
        read_inputs(tmp_path / "x.png", LEAF)


@pytest.mark.parametrize(
    ("value", "odd"), [(0.0, False), (1.0, False), (0.5, True), (255.0, False), (256.0, True), (-1.0, True)]
)
def test_a_note_warns_of_values_that_look_scaled(tmp_path: Path, value: float, odd: bool) -> None:
    np.save(tmp_path / "x.npy", np.full((2, 3, 1), value))
    notes = read_inputs(tmp_path / "x.npy", IMAGE).notes
    assert bool(notes) == odd
    assert not odd or "but mnist is stored as 0 to 255, and the model scales its inputs itself" in notes[0]


@pytest.mark.parametrize(
    ("pixels", "inverted"),
    [
        ([[0, 255, 0], [0, 255, 0]], False),
        ([[255, 0, 255], [255, 0, 255]], True),
        ([[255, 255, 255], [255, 255, 255]], True),
        ([[0, 0, 0], [0, 0, 0]], False),
        ([[0, 255, 255], [0, 255, 255]], False),
    ],
    ids=["as in training", "exchanged", "white paper", "black", "light"],
)
def test_a_note_warns_of_an_image_that_looks_inverted(tmp_path: Path, pixels: list[list[int]], inverted: bool) -> None:
    Image.fromarray(np.array(pixels, np.uint8)).save(tmp_path / "x.png")
    notes = read_inputs(tmp_path / "x.png", DRAWN).notes
    assert bool(notes) == inverted
    assert not inverted or "x.png: looks inverted" in notes[0]
    # The card of an older model has no mean.
    assert not read_inputs(tmp_path / "x.png", IMAGE).notes


def test_training_images_that_are_gray_on_average_say_nothing_about_inverted_ones(tmp_path: Path) -> None:
    gray = ModelCard("final", "cifar10", (2, 3, 1), (0.0, 255.0), ("a", "b"), "softmax", (140.0, 120.0) * 3)
    Image.fromarray(np.array([[0, 255, 0], [255, 0, 255]], np.uint8)).save(tmp_path / "x.png")
    assert not read_inputs(tmp_path / "x.png", gray).notes


@pytest.mark.parametrize(
    "header", ["label,a,b,c", "a,b,c,Class", "id,a,b,c,target", "label,0,1,2", "index,label,pixel0,pixel1,pixel2"]
)
def test_a_label_column_with_a_header_is_named_and_not_used(tmp_path: Path, header: str) -> None:
    numbers = iter(["0.1", "0.2", "0.3"])
    labels = [name.lower() in predict_columns.LABELS for name in header.split(",")]
    cells = ["7" if is_label else next(numbers) for is_label in labels]
    rows = read_inputs(written(tmp_path, f"{header}\n{','.join(cells)}\n"), TABLE)
    assert rows.values.tolist() == [[0.1, 0.2, 0.3]]
    assert len(rows.notes) == sum(labels)
    assert all("is not used: it looks like a label" in note for note in rows.notes)


def test_an_input_may_have_the_name_of_a_label(tmp_path: Path) -> None:
    assert read_inputs(written(tmp_path, "x,y,class\n1,0.5,0\n"), TABLE).values.tolist() == [[1, 0.5, 0]]


def test_a_label_without_a_header_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"4 columns, expected 3 .*; if one column is a label, remove"):
        read_inputs(written(tmp_path, "7,0.1,0.2,0.3\n"), TABLE)


def test_a_folder_stands_for_its_images(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG"):
        Image.new("L", (3, 2)).save(tmp_path / name, format=None if name == "b.png" else "JPEG")
    (tmp_path / "notes.txt").touch()
    table = written(tmp_path, "1,2,3\n")
    assert list_files([table, tmp_path]) == [table, tmp_path / "a.JPG", tmp_path / "b.png"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: a folder without images"):
        list_files([tmp_path / "empty"])
