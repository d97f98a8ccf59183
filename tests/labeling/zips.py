"""ZIPs written byte by byte, so that they can say of themselves what no program would write."""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

UTF8 = 0x800
LOCKED = 0x1
LINK = 0o120777
FILE = 0o100644


@dataclass(frozen=True)
class Entry:
    """One entry. What is None is what it should be."""

    name: str | bytes
    content: bytes = b""
    flags: int | None = None
    method: int = 8
    packed: bytes | None = None
    """The bytes as they stand in the ZIP."""
    said_size: int | None = None
    said_packed: int | None = None
    mode: int = FILE
    extra: bytes = b""
    comment: bytes = b""
    offset: int | None = None
    """Where the list of contents says that it begins."""


def deflated(content: bytes) -> bytes:
    """As method 8 packs it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def zipped(*entries: Entry) -> bytes:
    """The ZIP of these entries."""
    body, listed = bytearray(), bytearray()
    for entry in entries:
        name = entry.name.encode() if isinstance(entry.name, str) else entry.name
        flags = entry.flags
        if flags is None:
            flags = UTF8 if isinstance(entry.name, str) and not entry.name.isascii() else 0
        packed = entry.packed
        if packed is None:
            packed = deflated(entry.content) if entry.method == 8 else entry.content
        crc = zlib.crc32(entry.content)
        size = len(entry.content) if entry.said_size is None else entry.said_size
        packed_size = len(packed) if entry.said_packed is None else entry.said_packed
        both = (flags, entry.method, 0, 0, crc, packed_size, size, len(name), len(entry.extra))
        offset = len(body) if entry.offset is None else entry.offset
        body += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *both) + name + entry.extra + packed
        ends = (len(entry.comment), 0, 0, entry.mode << 16, offset)
        listed += struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 3 << 8 | 20, 20, *both, *ends)
        listed += name + entry.extra + entry.comment
    count = min(len(entries), 0xFFFF)
    end = b""
    if len(entries) > 0xFFFF:  # ZIP64's own end, and the way to it
        at = len(body) + len(listed)
        numbers = (len(entries), len(entries), len(listed), len(body))
        end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *numbers)
        end += struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(listed), len(body), 0)
    return bytes(body + listed) + end


def unicode_name(raw: bytes, name: str) -> bytes:
    """Info-ZIP's extra field that gives a name in UTF-8."""
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


def write(path: Path, *entries: Entry) -> Path:
    """The ZIP in a file."""
    path.write_bytes(zipped(*entries))
    return path
