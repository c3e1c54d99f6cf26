"""Archives that attack their reader: bombs, names that lead to parent folders, links, wrong sizes."""

import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache

# A program that unpickles this calls os.system.
PICKLE = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
# A bomb unpacks to this many zeros, more than a reader may hold in memory.
ZEROS = 150_000_000
SOME_ZEROS = 10_000_000
# Bytes, or a number of zeros.
Pieces = tuple[bytes | int, ...]


def _chunks(pieces: Pieces) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from (bytes(min(2**20, piece - start)) for start in range(0, piece, 2**20))


def packed(pieces: Pieces, ending: str) -> bytes:
    """Return some content packed as .gz or .xz, without all of it in memory.

    Zeros at the end are copies of one small stream, because packing all of them takes half a second.
    """
    *first, last = pieces
    if first and isinstance(last, int):
        return _packed(tuple(first), ending) + _packed_zeros(ending) * (last // SOME_ZEROS)
    return _packed(pieces, ending)


def _packed(pieces: Pieces, ending: str) -> bytes:
    packer = lzma.LZMACompressor(preset=0) if ending == ".xz" else zlib.compressobj(1, wbits=31)
    return b"".join([*map(packer.compress, _chunks(pieces)), packer.flush()])


@cache
def _packed_zeros(ending: str) -> bytes:
    return _packed((SOME_ZEROS,), ending)


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """Return one block of a tar. Sizes that octal digits cannot express, and negative ones, are as GNU writes them."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[124:136] = (
        b"\x80" + size.to_bytes(11, "big") if size >= 0 else b"\xff" + size.to_bytes(11, "big", signed=True)
    )
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


END = bytes(1024)


def tars(names: tuple[str, ...]) -> dict[str, Pieces]:
    """Return unpacked tars that attack a reader that wants files with these names."""
    first = names[0]
    size = ZEROS
    return {
        "a member of 2**31 bytes": (_header(first, 2**31) + END,),
        "a member of 2**62 bytes": (_header(first, 2**62) + END,),
        "a member of less than nothing": (_header(first, -512) + END,),
        "a member that leads back to itself": (_header("a", -1024) + END,),
        "a long name of 150 MB": (
            _header("././@LongLink", size, tarfile.GNUTYPE_LONGNAME),
            size,
        ),
        "a long link of 150 MB": (
            _header("././@LongLink", size, tarfile.GNUTYPE_LONGLINK),
            size,
        ),
        "extended headers of 150 MB": (
            _header("pax", size, tarfile.XHDTYPE),
            size,
        ),
        "global headers of 150 MB": (
            _header("pax", size, tarfile.XGLTYPE),
            size,
        ),
        "extended headers of less than nothing": (
            _header("pax", -512, tarfile.XHDTYPE),
            size,
        ),
        "an extended header that is odd": (
            _header("pax", 512, tarfile.XHDTYPE) + (b"9" * 30 + b" x=y\n").ljust(512) + END,
        ),
        "150 MB in a file that is not wanted": (
            _header("bomb", size),
            size,
        ),
        "2,000 long names": ((_header("././@LongLink", 512, tarfile.GNUTYPE_LONGNAME) + b"a".ljust(512)) * 2000 + END,),
        "20,000 members": (_header("a", 0) * 20_000 + END,),
        "150 MB behind the end": (
            END,
            size,
        ),
        "a sparse file of 2**40 bytes": (_header(first, 2**40, tarfile.GNUTYPE_SPARSE) + END,),
        "a name that climbs": (_header(f"../{first}", 0) + END,),
        "a name that climbs further": (_header(f"x/../../../../../../pwned/{first}", 0) + END,),
        "a name from the root": (_header(f"/pwned/{first}", 0) + END,),
        "a name with a NUL": (_header(f"x\0/{first}", 0) + END,),
        "a link to a file": (_header(first, 0, tarfile.SYMTYPE, "/etc/hostname") + END,),
        "a hard link": (_header(first, 0, tarfile.LNKTYPE, "/etc/hostname") + END,),
        "a link to itself": (_header(first, 0, tarfile.LNKTYPE, first) + END,),
        "a device": (_header(first, 0, tarfile.CHRTYPE) + END,),
        "a pipe": (_header(first, 0, tarfile.FIFOTYPE) + END,),
        "a folder": (_header(first, 0, tarfile.DIRTYPE) + END,),
        "a file twice": (b"".join(_header(name, 0) * 2 for name in names) + END,),
        "noise behind a header": (_header(first, 512) + random.Random(1).randbytes(5000),),
    }


@cache
def zip_of(*members: tuple[str, bytes | int]) -> bytes:
    """Return a zip of these members. It is made once, because some zips are used for every data set."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            # Set the name afterwards, because ZipInfo would correct it.
            info.filename, info.compress_type = name, zipfile.ZIP_DEFLATED
            with archive.open(info, "w") as member:
                for chunk in _chunks((content,)):
                    member.write(chunk)
    return stream.getvalue()


def _says(content: bytes, size: int) -> bytes:
    """Return a zip of one member with a wrong size in both its headers."""
    changed = bytearray(content)
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(mark) + place
        changed[at : at + 4] = struct.pack("<I", size)
    return bytes(changed)


def _linked(name: str, target: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, target)
    return stream.getvalue()


def zips(names: tuple[str, ...]) -> dict[str, bytes]:
    """Return zips that attack a reader that wants files with these names."""
    first = names[0]
    bomb = zip_of((first, ZEROS))
    nested = b"x"
    for _ in range(20):
        nested = zip_of(("a.zip", nested))
    encrypted = bytearray(zip_of((first, b"x" * 100)))
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        encrypted[encrypted.index(mark) + place] |= 1
    method = bytearray(zip_of((first, b"x" * 100)))
    method[method.index(b"PK\x01\x02") + 10] = 99
    return {
        "a bomb": bomb,
        "a bomb that says it is small": _says(bomb, 100),
        "a member that says it is 4 GB": _says(zip_of((first, b"x")), 2**32 - 2),
        "a bomb that is not wanted": zip_of(("bomb", ZEROS), (first, b"x")),
        "a bomb in a zip": zip_of(("inner.zip", bomb)),
        "zips in zips": nested,
        "20,000 members": zip_of(*((f"{i}", b"") for i in range(20_000))),
        "a name that climbs": zip_of((f"../{first}", b"x")),
        "a name that climbs as in Windows": zip_of((f"..\\{first}", b"x")),
        "a name that climbs in a zip": zip_of(("inner.zip", zip_of((f"../../{first}", b"x")))),
        "a name from the root": zip_of((f"/pwned/{first}", b"x")),
        "a link": _linked(first, b"/etc/hostname"),
        "files twice": zip_of(*((f"{folder}/{name}", b"x") for name in names for folder in "ab")),
        "a wrong checksum": zip_of((first, b"x" * 100)).replace(struct.pack("<I", zlib.crc32(b"x" * 100)), bytes(4)),
        "a password": bytes(encrypted),
        "an unknown method": bytes(method),
    }
