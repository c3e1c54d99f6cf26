import io
import logging
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnbench.data.datasets import notmnist
from bnbench.data.datasets.notmnist import CLASSES, Spec
from bnbench.data.formats.archives import Bounds
from bnbench.errors import DataError

SPEC = Spec(rows=20, bounds=Bounds(members=60, member_bytes=2000, total_bytes=50_000))


def png(value: int, size: int = 28, mode: str = "L") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (size, size), value).save(stream, "PNG")
    return stream.getvalue()


def glyphs() -> dict[str, bytes]:
    """Return two glyphs per letter; all pixels of the second glyph of letter k are 10 k + 1."""
    return {f"{name}/{i}.png": png(10 * k + i) for k, name in enumerate(CLASSES) for i in (1, 0)}


def write_folder(folder: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    for name, content in files.items():
        path = folder / "notMNIST_small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return (folder / "notMNIST_small",)


def write_archive(folder: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    path = folder / "notMNIST_small.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"notMNIST_small/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return (path,)


def test_glyphs_are_sorted_by_letter_and_name(tmp_path: Path) -> None:
    parsed = notmnist.parse_folder(write_folder(tmp_path, glyphs()), SPEC)
    assert parsed.x.shape == (20, 28, 28, 1)
    assert parsed.x.dtype == np.uint8
    assert parsed.x[:, 0, 27, 0].tolist()[:4] == [0, 1, 10, 11]
    assert parsed.y.tolist() == [k for k in range(10) for _ in range(2)]
    assert ("".join(parsed.classes), parsed.test_rows) == ("ABCDEFGHIJ", 0)


def test_the_order_of_an_archive_does_not_matter(tmp_path: Path) -> None:
    files = glyphs() | {"README": b"text", "A/._0.png": b"a Macintosh's note"}
    archive = notmnist.parse_archive(write_archive(tmp_path, dict(reversed(files.items()))), SPEC)
    folder = notmnist.parse_folder(write_folder(tmp_path, files), SPEC)
    assert np.array_equal(archive.x, folder.x)
    assert np.array_equal(archive.y, folder.y)


@pytest.mark.parametrize("broken", [b"", b"no image", png(0)[:50]])
def test_a_few_unreadable_files_are_left_out_and_named(
    tmp_path: Path, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    files = glyphs() | {"A/empty.png": broken, "F/cut.png": broken}
    with caplog.at_level(logging.WARNING, "bnbench.data"):
        parsed = notmnist.parse_archive(write_archive(tmp_path, files), SPEC)
    assert len(parsed.x) == 20
    assert "2 files cannot be read and are left out: " in caplog.text
    assert "A/empty.png" in caplog.text
    assert "F/cut.png" in caplog.text


def test_many_unreadable_files_are_refused(tmp_path: Path) -> None:
    files = glyphs() | {f"C/{i}0.png": b"" for i in range(11)}
    with pytest.raises(DataError, match="11 files cannot be read, wanted at most 10"):
        notmnist.parse_folder(write_folder(tmp_path, files), SPEC)


def test_missing_files_are_refused(tmp_path: Path) -> None:
    files = glyphs()
    del files["B/0.png"]
    with pytest.raises(DataError, match="19 PNG files in the folders A to J, wanted 20"):
        notmnist.parse_folder(write_folder(tmp_path, files), SPEC)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    files = glyphs() | {f"C/{i}0.png": png(1) for i in range(1, 12)}
    with pytest.raises(DataError, match="31 PNG files"):
        notmnist.parse_archive(write_archive(tmp_path, files), SPEC)


@pytest.mark.parametrize(
    ("content", "found"), [(png(0, size=27), "27 x 27, mode L"), (png(0, mode="RGB"), "28 x 28, mode RGB")]
)
def test_an_image_of_another_kind_is_refused(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(DataError, match=rf"J/1\.png: an image of {found}"):
        notmnist.parse_folder(write_folder(tmp_path, glyphs() | {"J/1.png": content}), SPEC)


def test_a_missing_letter_is_refused(tmp_path: Path) -> None:
    files = {name: content for name, content in glyphs().items() if not name.startswith("E/")}
    with pytest.raises(DataError, match="E: not found"):
        notmnist.parse_folder(write_folder(tmp_path, files), SPEC)


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    (path,) = write_archive(tmp_path, glyphs())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"notMNIST_small\.tar\.gz"):
        notmnist.parse_archive((path,), SPEC)


def test_the_small_set_comes_before_the_large_set_and_the_sample() -> None:
    titles = list(dict.fromkeys(form.title for form in notmnist.NOTMNIST.forms))
    assert titles == ["notMNIST_small, PNG files", "notMNIST_large, PNG files", "sample of notMNIST_small, idx files"]
