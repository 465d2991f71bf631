"""Zip packages and XML that may be hostile: refused before they are parsed (R32)."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from xml.parsers import expat

from connectors.spreadsheet.parsing.model import RefusedError, too_large

MOST_MEMBERS = 10_000
MOST_BYTES = 384 * 1024 * 1024
MOST_RATIO = 100
"""Unpacked to packed; sheets of offices reach 30."""
SMALL = 4 * 1024 * 1024
"""Bytes up to which a member may be packed as tightly as it likes."""
CHUNK = 1 << 16
DAMAGED = "Save the file again in the program it was made with."


class Package:
    """A zip file whose members have been looked at."""

    def __init__(self, source: Path | bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)
            _inspect(self._zip, len(source) if isinstance(source, bytes) else source.stat().st_size)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError) as error:
            raise RefusedError(f"it is damaged: {error}", DAMAGED) from None
        self._names = {info.filename.lower().replace("\\", "/"): info.filename for info in self._zip.infolist()}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def named(self, name: str) -> str:
        """Give a member's name as the file spells it."""
        return self._names[name.lower()]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member; raises RefusedError if it is not there or damaged."""
        if name not in self:
            raise RefusedError(f"it is damaged: {name} is missing", DAMAGED)
        try:
            with self._zip.open(self._names[name.lower()]) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
            raise RefusedError(f"it is damaged: {error}", DAMAGED) from None

    def read(self, name: str) -> bytes:
        """Read a member whole."""
        return b"".join(self.chunks(name))


def _inspect(package: zipfile.ZipFile, size: int) -> None:
    members = package.infolist()
    if len(members) > MOST_MEMBERS:
        raise too_large(f"{len(members)} parts")
    names = [member.filename.lower() for member in members]
    if len(set(names)) < len(names):
        raise RefusedError("it holds two parts of one name, and programs differ in which they show", DAMAGED)
    if any(member.flag_bits & 1 for member in members):
        raise RefusedError("it is protected by a password", "Save a copy without a password.")
    if sum(member.compress_size for member in members) > size:
        raise RefusedError("its parts overlap", DAMAGED)
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise too_large(f"more than {MOST_BYTES >> 20} MiB unpacked")
    for member in members:
        if member.file_size > SMALL and member.file_size > MOST_RATIO * max(member.compress_size, 1):
            raise too_large(f"{member.filename} unpacks to {member.file_size >> 20} MiB")
    if broken := package.testzip():
        raise RefusedError(f"it is damaged: the checksum of {broken} is wrong", DAMAGED)


def parser(start: Callable[[str, dict[str, str]], None], end: Callable[[str], None]) -> expat.XMLParserType:
    """Make a parser that takes no document type, and with it no entities of a file's own."""
    made = expat.ParserCreate(namespace_separator="}")
    made.buffer_text = True
    made.StartElementHandler = cast("Any", start)
    made.EndElementHandler = end
    made.StartDoctypeDeclHandler = _refuse_doctype
    return made


def feed(reader: expat.XMLParserType, chunks: Iterator[bytes]) -> Iterator[None]:
    """Parse piece by piece; whoever listens may take what has come after each."""
    try:
        for chunk in chunks:
            reader.Parse(chunk, False)  # noqa: FBT003 - expat takes no name
            yield
        reader.Parse(b"", True)  # noqa: FBT003 - expat takes no name
        yield
    except (expat.ExpatError, ValueError) as error:
        raise RefusedError(f"it is damaged: {error}", DAMAGED) from None


def parse(
    content: bytes, start: Callable[[str, dict[str, str]], None], end: Callable[[str], None] = lambda _: None
) -> None:
    """Parse a small part whole."""
    for _ in feed(parser(start, end), iter([content])):
        pass


def _refuse_doctype(*_: object) -> None:
    raise RefusedError("its XML declares a document type, which no spreadsheet program writes", DAMAGED)
