"""Reads a table of text block by block, as rows of cells with their line numbers. No file has to fit in memory."""

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from bnbench.data.formats.archives import check_file
from bnbench.data.formats.delimited import UTF16_MARKS
from bnbench.errors import DataError

# Bytes of a block.
BLOCK = 2_000_000
# A block is longer if a line is, but never longer than this.
MAX_BLOCK = 16 * BLOCK
# Spreadsheets write it at the start of UTF-8.
BYTE_ORDER_MARK = codecs.BOM_UTF8
# What files with the ending of a table are in fact, by their first bytes.
NO_TABLES = {
    b"PK\x03\x04": "a spreadsheet or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"PAR1": "Parquet: give it the ending .parquet",
    b"\x1f\x8b": "compressed: give it the ending .gz",
    b"<!doctype": "a web page",
    b"<html": "a web page",
    b"[{": "JSON",
    b'{"': "JSON",
}
# Sentences of Python's csv that say too little.
_CSV_ERRORS = {"unexpected end of data": 'a quotation mark (") is not closed: the last cell has no end'}
SAVE_AS_UTF8 = "save the table as UTF-8 (spreadsheets call it CSV UTF-8)"


@dataclass(frozen=True)
class TextBlock:
    """Whole lines of a file, in UTF-8."""

    content: bytes
    # The number of the first line, counted from 1.
    line: int
    # The share of the file that has been read with this block.
    share: float


def read_blocks(path: Path) -> Iterator[TextBlock]:
    """Yield the lines of a file in UTF-8 or UTF-16, also a .gz, about BLOCK bytes at a time.

    Raises:
        DataError: the file cannot be read, or a line has more than MAX_BLOCK bytes.
    """
    line, kept = 1, b""
    try:
        check_file(path)
        with path.open("rb") as raw, _unpacked(raw, path) as packed:
            file, size = _as_utf8(packed), path.stat().st_size
            while more := file.read(BLOCK):
                if line == 1 and not kept:
                    more = more.removeprefix(BYTE_ORDER_MARK)
                    _check_first_bytes(more, path)
                kept += more
                end = _end_of_lines(kept)
                if end:
                    content, kept = kept[:end], kept[end:]
                    yield TextBlock(content, line, raw.tell() / max(size, 1))
                    line += len(content.splitlines())
                elif len(kept) > MAX_BLOCK:
                    raise DataError(f"{path}: line {line}: more than {MAX_BLOCK:,} bytes in one line: not a table")
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if kept:
        yield TextBlock(kept, line, 1.0)


def split_cells(
    block: TextBlock, path: Path, separator: str = ",", strict: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty. A row over several lines has the last number.

    Args:
        block: the lines.
        path: the file, for messages.
        separator: the character between cells.
        strict: whether text after a closing quotation mark, and a quotation mark that is not closed, are errors.

    Raises:
        DataError: a line is not UTF-8, or its quotation marks make no sense.
    """
    reader = csv.reader(_decode_lines(block, path), delimiter=separator, skipinitialspace=True, strict=strict)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield block.line + reader.line_num - 1, cells
    except csv.Error as error:
        place = f"{path}: line {block.line + reader.line_num - 1}"
        raise DataError(f"{place}: cannot be read: {_CSV_ERRORS.get(str(error), error)}") from error


def _check_first_bytes(content: bytes, path: Path) -> None:
    """Raise if a file is of another kind than the ending of its name says."""
    for first, kind in NO_TABLES.items():
        if content[: len(first)].lower() == first.lower():
            raise DataError(f"{path}: no table of text: the file is {kind}")


def _unpacked(raw: IO[bytes], path: Path) -> IO[bytes]:
    return gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw  # type: ignore[return-value]


def _as_utf8(file: IO[bytes]) -> IO[bytes]:
    """Return a file whose text is UTF-8: UTF-16 is recognized by its mark."""
    mark = file.read(2)
    file.seek(0)
    return cast(IO[bytes], codecs.EncodedFile(file, "utf-8", "utf-16")) if mark in UTF16_MARKS else file


def _end_of_lines(content: bytes) -> int:
    """Return where the last whole line ends, 0 if no line is whole. A line break inside quotes ends no line."""
    data = np.frombuffer(content, np.uint8)
    breaks, quotes = np.flatnonzero(data == ord("\n")), np.flatnonzero(data == ord('"'))
    whole = breaks[np.searchsorted(quotes, breaks) % 2 == 0]
    if not whole.size and len(content) > MAX_BLOCK:
        # A quotation mark that is not closed, or lines that end in another way.
        whole = breaks if breaks.size else np.flatnonzero(data[:-1] == ord("\r"))
    return int(whole[-1]) + 1 if whole.size else 0


def _decode_lines(block: TextBlock, path: Path) -> Iterator[str]:
    for line, content in enumerate(block.content.splitlines(keepends=True), block.line):
        try:
            text = content.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            byte = f"byte 0x{content[error.start]:02x} at position {error.start + 1}"
            raise DataError(f"{path}: line {line}: {byte} is not UTF-8: {SAVE_AS_UTF8}") from None
        if "\0" in text:
            raise DataError(f"{path}: line {line}: a zero byte, so it is not UTF-8: {SAVE_AS_UTF8}")
        yield text
