"""Broken files that a user may give to `predict`, and broken cards of saved models."""

import json
import struct
import zlib

from bnbench.store.model_card import ModelCard
from support.broken_archives import PICKLE, ZEROS, zip_of
from support.small_data import png

TABLE = ModelCard("final", "made up", (3,), (0.0, 1.0), ("a", "b"), "softmax")
IMAGE = ModelCard("final", "mnist", (28, 28, 1), (0.0, 255.0), ("a", "b"), "softmax")


def npy(header: str, body: bytes = bytes(100)) -> bytes:
    """Return an array file with any header."""
    text = header.encode("latin-1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text)) + text + body


def array_of(shape: str, kind: str = "<f8") -> bytes:
    """Return an array file of 12 numbers whose header claims this shape."""
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}\n")


def _picture(size: tuple[int, int]) -> bytes:
    """Return a PNG whose header claims this size."""
    content = bytearray(png(0))
    content[16:24] = struct.pack(">2I", *size)
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


INPUTS: dict[str, bytes] = {
    "x.csv": b"",
    "blank.csv": b"\n \n,\n",
    "quote.csv": b'1,2,"3\n4,5,6',
    "columns.csv": b"1,2,3\n1,2\n",
    "more.csv": b"1,2,3\n1,2,3,4\n",
    "words.csv": b"a,b,c\nx,y,z\n",
    "nul.csv": b"1,2,3\n1,\0,3\n",
    "inf.csv": b"1,2,inf\n",
    "nan.csv": b"1,nan,2\n",
    "huge.csv": b"1,2,1e999\n",
    "underscores.csv": b"1,2,1_0\n",
    "hex.csv": b"1,2,0x10\n",
    "formula.csv": b"1,2,=1+1\n",
    "utf16.csv": "1,2,3\n".encode("utf-16-le"),
    "latin.csv": b"\xe4,\xf6,\xfc\n1,2,3\n",
    "field.csv": b"1,2," + b"9" * 200_000 + b"\n",
    "quotes.csv": b'"' * 100_001,
    "wide.csv": b"1," * 100_000 + b"1\n",
    "nothing.npy": b"",
    "magic.npy": b"\x93NUMPY",
    "version.npy": b"\x93NUMPY\x09\x00" + bytes(100),
    "rows.npy": array_of("(2147483648, 3)"),
    "rows2.npy": array_of("(9223372036854775807, 3)"),
    "overflow.npy": array_of("(4294967296, 4294967296, 3)"),
    "negative.npy": array_of("(-1, 3)"),
    "syntax.npy": array_of("(1, 3)", "<,5"),
    "float.npy": array_of("(1.5, 3)"),
    "objects.npy": array_of("(1, 3)", "|O"),
    "text.npy": array_of("(1, 3)", "<U5"),
    "complex.npy": array_of("(1, 3)", "<c16"),
    "none.npy": array_of("(1, 3)", "|V0"),
    "call.npy": npy("__import__('os').system('touch pwned')\n"),
    "deep.npy": npy("-" * 9000 + "1\n"),
    "brackets.npy": npy("(" * 9000 + "\n"),
    "long.npy": npy(" " * 60_000 + "\n"),
    "keys.npy": npy("{'descr': '<f8'}\n"),
    "header.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "pickle.npy": PICKLE,
    "bomb.npy": zip_of(("x.npy", ZEROS)),
    "nothing.png": b"",
    "cut.png": png(0)[:40],
    "sum.png": b"\x89PNX" + png(0)[4:],
    "bomb.png": _picture((60_000, 60_000)),
    "large.png": _picture((13_000, 13_000)),
    "wide.png": _picture((2**31 - 1, 1)),
    "none.png": _picture((0, 0)),
    "gif.png": b"GIF89a" + bytes(50),
    "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "eps.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n",
    "text.png": png(0)[:33] + struct.pack(">I", 2**31 - 1) + b"zTXt" + bytes(50),
    "nothing.jpg": b"\xff\xd8\xff",
    "large.jpg": b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda" + bytes(50),
}
PAGE: dict[str, object] = {
    "weights": "best", "data": "digits", "shape": [8, 8, 1], "value_range": [0, 16], "classes": ["a", "b"],
    "probabilities": "softmax",
}  # fmt: skip
PAGES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "deep": b"[" * 100_000,
    "not UTF-8": b'{"weights": "\xff"}',
    **{f"no {key}": json.dumps({k: v for k, v in PAGE.items() if k != key}).encode() for key in PAGE},
    **{f"{key} of a mapping": json.dumps(PAGE | {key: {"a": [1]}}).encode() for key in PAGE},
    **{f"{key} of a list of lists": json.dumps(PAGE | {key: [[1]]}).encode() for key in PAGE},
    **{f"{key} of a number": json.dumps(PAGE | {key: 5}).encode() for key in PAGE},
    "a shape of text": json.dumps(PAGE | {"shape": ["8"]}).encode(),
    "a shape of nothing": json.dumps(PAGE | {"shape": [0]}).encode(),
    "a shape below nothing": json.dumps(PAGE | {"shape": [-8]}).encode(),
    "a range of one": json.dumps(PAGE | {"value_range": [1]}).encode(),
    "an infinite range": json.dumps(PAGE | {"value_range": [0, float("inf")]}).encode(),
    "more than there is": json.dumps(PAGE | {"more": 1}).encode(),
    "unknown probabilities": json.dumps(PAGE | {"probabilities": "perhaps"}).encode(),
}
