"""Reads a folder of images: a folder of PNG or JPEG files for each class, also below train, validation and test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.formats.archives import check_file
from bnbench.data.formats.images import ENDINGS, read_pixels
from bnbench.data.own.digests import digest_folder
from bnbench.data.own.labels import number_classes
from bnbench.data.own.paths import list_folder
from bnbench.data.own.reader import OwnReader
from bnbench.data.types import ParsedArrays
from bnbench.errors import DataError, SettingsError

# The folders of official parts, by their possible names, in the order of the rows.
PARTS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
ORDER = ("train", "validation", "test")
# The maximum size of all pixels together, and of one file, in bytes.
MAX_BYTES, MAX_FILE = 8_000_000_000, 200_000_000


@dataclass(frozen=True)
class ImageFile:
    """An image, and the name of its class."""

    path: Path
    label: str


def read_images(path: Path, settings: Data) -> ParsedArrays:
    """Return the images of a folder: x (rows, height, width, channels) uint8.

    The rows are in the order of the parts, the classes and the names of the files.

    Raises:
        SettingsError: the images have several sizes or color modes, and `data` does not say which one to use.
        DataError: the folder has another structure, or an image cannot be read.
    """
    parts = list_parts(path)
    files = [file for part in ORDER for file in parts.get(part, ())]
    classes, y = number_classes(
        [file.label for file in files], str(path), lambda row: str(files[row].path), settings.classes
    )
    trained = {file.label for file in parts["train"]}
    unseen = [name for name in classes if name not in trained]
    if unseen:
        raise DataError(f"{path / 'train'}: no folder {unseen[0]!r}, which is a class of the other parts")
    x = _read_pixels(files, settings)
    return ParsedArrays(x, y, classes, len(parts.get("test", ())), len(parts.get("validation", ())))


def list_parts(path: Path) -> Mapping[str, Sequence[ImageFile]]:
    """Return the files of each part; without official parts, all of them are called train.

    Raises:
        DataError: the folder has another structure.
    """
    folders = [entry for entry in list_folder(path) if entry.is_dir()]
    loose = next((entry for entry in list_folder(path) if entry.suffix.lower() in ENDINGS and not entry.is_dir()), None)
    if loose:
        raise DataError(f"{loose}: an image outside of a folder: move it into the folder of its class")
    names = [folder.name.lower() for folder in folders]
    if "train" not in names or len(names) < 2 or not set(names) <= set(PARTS):
        return {"train": _list_classes(path, folders)}
    parts: dict[str, Sequence[ImageFile]] = {}
    for folder, name in zip(folders, names, strict=True):
        if PARTS[name] in parts:
            raise DataError(f"{folder}: a second {PARTS[name]} part: remove one of the two folders")
        parts[PARTS[name]] = _list_classes(folder, [entry for entry in list_folder(folder) if entry.is_dir()])
    return parts


def _list_classes(path: Path, folders: Sequence[Path]) -> list[ImageFile]:
    if not folders:
        raise DataError(f"{path}: no folders, wanted a folder of images for each class")
    return [ImageFile(file, folder.name) for folder in folders for file in _list_images(folder)]


def _list_images(folder: Path) -> list[Path]:
    """Return the images of a class; anything else in its folder is an error."""
    entries = list_folder(folder)
    if not entries:
        raise DataError(f"{folder}: an empty folder: a class needs images")
    for entry in entries:
        if entry.is_dir():
            raise DataError(f"{entry}: a folder inside the folder of a class: {_advice_on_nesting(folder)}")
        if entry.suffix.lower() not in ENDINGS:
            raise DataError(f"{entry}: neither PNG nor JPEG: convert it, or remove it from the folder")
    return entries


def _advice_on_nesting(folder: Path) -> str:
    if folder.name.lower() in PARTS:
        return f"{folder.name} is an official part only next to train, validation and test, without any other folder"
    return "move its images one level up"


def _read_pixels(files: Sequence[ImageFile], settings: Data) -> NDArray[np.uint8]:
    size = (settings.size[0], settings.size[1]) if settings.size else None
    first = _read_one(files[0].path, size, settings.channels)
    if len(files) * prod(first.shape) > MAX_BYTES:
        raise DataError(
            f"{files[0].path.parent}: {len(files):,} images of {first.shape} have more than {MAX_BYTES:,} bytes: set "
            "data.size to something smaller"
        )
    x = np.empty((len(files), *first.shape), np.uint8)
    for row, file in enumerate(files):
        pixels = _read_one(file.path, size, settings.channels)
        if pixels.shape != first.shape:
            raise _other_image(file.path, pixels.shape, files[0].path, first.shape)
        x[row] = pixels
    return x


def _read_one(path: Path, size: tuple[int, int] | None, channels: int | None) -> NDArray[np.uint8]:
    check_file(path)
    if path.stat().st_size > MAX_FILE:
        raise DataError(f"{path}: more than {MAX_FILE:,} bytes")
    return read_pixels(path, size, channels).values


def _other_image(path: Path, shape: tuple[int, ...], first: Path, wanted: tuple[int, ...]) -> SettingsError:
    """Return the error about an image of another size, or of another number of channels, than the first one."""
    if shape[:2] != wanted[:2]:
        found = f"{path} is {shape[0]} x {shape[1]}, but {first} is {wanted[0]} x {wanted[1]} (height x width)"
        return SettingsError([(("size",), f"missing: {found}: set the size that all images are resized to")])
    kinds = {1: "gray", 3: "in color"}
    found = f"{path} is {kinds[shape[2]]}, but {first} is {kinds[wanted[2]]}"
    return SettingsError([(("channels",), f"missing: {found}: set 1 for gray or 3 for color")])


READER = OwnReader("images", "folder of images", lambda path, settings: digest_folder(path), read_images)
