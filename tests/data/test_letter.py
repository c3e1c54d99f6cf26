import zipfile
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import validate
from bnbench.data.datasets import letter
from bnbench.data.datasets.letter import FILE, Spec
from bnbench.errors import DataError

SPEC = Spec(rows=4, test_rows=1, fingerprint="")


def line(label: str, value: object) -> str:
    return ",".join([label, *[str(value)] * 16])


GOOD = [line("T", 0), line("A", 15), line("Z", 7), line("B", 1)]


def write(folder: Path, lines: list[str], end: str = "\n") -> tuple[Path, ...]:
    path = folder / FILE
    path.write_bytes("".join(text + end for text in lines).encode())
    return (path,)


def test_letters_are_numbered_in_alphabetical_order(tmp_path: Path) -> None:
    parsed = letter.parse_file(write(tmp_path, GOOD), SPEC)
    assert parsed.y.tolist() == [19, 0, 25, 1]
    assert parsed.x[:, 3].tolist() == [0, 15, 7, 1]
    assert (parsed.x.shape, parsed.x.dtype, parsed.y.dtype) == ((4, 16), np.uint8, np.int32)
    assert ("".join(parsed.classes), parsed.test_rows) == ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1)


def test_the_zip_gives_the_same(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / letter.ARCHIVE, "w") as archive:
        archive.writestr(FILE, "\n".join(GOOD))
        archive.writestr("letter-recognition.names", "about")
    packed = letter.parse_archive((tmp_path / letter.ARCHIVE,), SPEC)
    assert np.array_equal(packed.x, letter.parse_file(write(tmp_path, GOOD), SPEC).x)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (GOOD[:3], "3 rows, wanted 4: cut"),
        ([*GOOD, GOOD[0]], "5 rows, wanted 4"),
        ([*GOOD[:3], "B,1,2,3"], "line 4: 4 columns, wanted 17 as in line 1"),
        ([*GOOD[:3], line("B", "x")], "line 4: 'x' is not a number"),
        ([*GOOD[:3], line("B", "nan")], "line 4: 'nan' is not a finite number"),
        ([*GOOD[:3], line("B", "")], "line 4: '' is not a number"),
        ([*GOOD[:3], line("B", 16)], "row 4: 16, wanted whole numbers from 0 to 15"),
        ([*GOOD[:3], line("B", -1)], "row 4: -1, wanted"),
        ([*GOOD[:3], line("B", 1.5)], r"row 4: 1\.5, wanted"),
        ([*GOOD[:3], line("b", 1)], "row 4: label 'b', wanted a letter from A to Z"),
        ([*GOOD[:3], line("AB", 1)], "row 4: label 'AB'"),
        ([*GOOD[:3], line("", 1)], "row 4: label ''"),
        (["", ""], "no rows"),
        ([], "is empty"),
    ],
)
def test_a_wrong_line_is_reported(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        letter.parse_file(write(tmp_path, lines), SPEC)
    assert FILE in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file"):
        letter.parse_file((tmp_path / FILE,), SPEC)


def test_an_edited_file_is_refused_with_any_line_ends(tmp_path: Path) -> None:
    good = letter.parse_file(write(tmp_path, GOOD), SPEC)
    known, blocks = validate.fingerprint(good.x, good.y, good.classes, 1), validate.block_digests(good.x, good.y)
    spec = Spec(rows=4, test_rows=1, fingerprint=known, blocks=blocks)
    letter.parse_file(write(tmp_path, GOOD), spec)
    letter.parse_file(write(tmp_path, GOOD, end="\r\n"), spec)
    with pytest.raises(DataError, match=r"letter-recognition\.data: numbers or labels differ .* in rows 1 to 1,"):
        letter.parse_file(write(tmp_path, [line("T", 1), *GOOD[1:]]), spec)
