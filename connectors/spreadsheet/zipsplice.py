"""Replaces one member of a zip file; every other byte of it that says something stays as it was."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

END, CENTRAL, LOCAL = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
END_SIZE, CENTRAL_SIZE, LOCAL_SIZE = 22, 46, 30
LONGEST_COMMENT = 65_535
HAS_DESCRIPTOR = 0x08
STORED, DEFLATED = 0, 8
ZIP64 = 0xFFFFFFFF


class SpliceError(Exception):
    """The file cannot be rebuilt byte for byte; it is not written at all."""


@dataclass(frozen=True)
class _Entry:
    """A member in the directory at the end of the file."""

    at: int
    """Where its entry begins."""
    size: int
    name: bytes
    flags: int
    method: int
    offset: int
    """Where the member itself begins."""


def replace_member(package: bytes, name: str, content: bytes) -> bytes:
    """Give the package with another content of one member; the others keep their bytes, order and dates."""
    end_at = package.rfind(END, max(0, len(package) - END_SIZE - LONGEST_COMMENT))
    if end_at < 0:
        raise SpliceError("it is no zip file")
    count, size, start = struct.unpack_from("<HII", package, end_at + 10)
    entries = _directory(package, start, count)
    chosen = next((entry for entry in entries if entry.name == name.encode()), None)
    if chosen is None or start == ZIP64 or any(entry.offset == ZIP64 for entry in entries) or start + size > end_at:
        raise SpliceError("it is built in an unusual way")
    after = min([entry.offset for entry in entries if entry.offset > chosen.offset], default=start)
    member, sizes = _member(package, chosen, content)
    shift = len(member) - (after - chosen.offset)
    body = package[: chosen.offset] + member + package[after:start]
    directory = bytearray(package[start : start + size])
    for entry in entries:
        at = entry.at - start
        if entry.offset > chosen.offset:
            struct.pack_into("<I", directory, at + 42, entry.offset + shift)
        if entry is chosen:
            struct.pack_into("<H", directory, at + 8, entry.flags & ~HAS_DESCRIPTOR)
            struct.pack_into("<HHHIII", directory, at + 10, DEFLATED, *_time(package, at + start), *sizes)
    tail = bytearray(package[start + size :])
    struct.pack_into("<I", tail, end_at - start - size + 16, start + shift)
    return body + bytes(directory) + bytes(tail)


def _time(package: bytes, at: int) -> tuple[int, int]:
    time, day = struct.unpack_from("<HH", package, at + 12)
    return time, day


def _directory(package: bytes, start: int, count: int) -> list[_Entry]:
    entries, at = [], start
    for _ in range(count):
        if package[at : at + 4] != CENTRAL:
            raise SpliceError("its directory is damaged")
        flags, method = struct.unpack_from("<HH", package, at + 8)
        named, extra, comment = struct.unpack_from("<HHH", package, at + 28)
        (offset,) = struct.unpack_from("<I", package, at + 42)
        size = CENTRAL_SIZE + named + extra + comment
        name = package[at + CENTRAL_SIZE : at + CENTRAL_SIZE + named]
        entries.append(_Entry(at, size, name, flags, method, offset))
        at += size
    return entries


def _member(package: bytes, entry: _Entry, content: bytes) -> tuple[bytes, tuple[int, int, int]]:
    """Write the member anew, with its own name and extra fields."""
    at = entry.offset
    if package[at : at + 4] != LOCAL or entry.method not in {STORED, DEFLATED}:
        raise SpliceError("its parts are packed in an unusual way")
    named, extra = struct.unpack_from("<HH", package, at + 26)
    header = bytearray(package[at : at + LOCAL_SIZE + named + extra])
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    sizes = (zlib.crc32(content), len(packed), len(content))
    struct.pack_into("<HH", header, 6, entry.flags & ~HAS_DESCRIPTOR, DEFLATED)
    struct.pack_into("<III", header, 14, *sizes)
    return bytes(header) + packed, sizes
