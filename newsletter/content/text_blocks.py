"""Read a large text file in blocks of whole lines, once its encoding and its lines are known to be usable."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from newsletter.errors import LetterError, Place

#: No line of a list of people is longer, in bytes.
LONGEST_LINE = 1_000_000
_BLOCK = 1 << 20
_UTF8, _WINDOWS = "utf-8", "windows-1252"
_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_OTHER_FILES = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old Excel",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a compressed file",
}
# The bytes that mean nothing in Windows-1252.
_NO_WINDOWS = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_SAVE = "export it as CSV, in UTF-8"


@dataclass(frozen=True)
class TextFile:
    """A file that can be read: its encoding, how many lines it has, and what a person should know of it."""

    path: Path
    encoding: str
    separator: str
    lines: int
    notes: tuple[str, ...] = ()

    def blocks(self) -> Iterator[list[str]]:
        """Yield its lines, many at a time."""
        for block in _aligned(self.path, self.separator.encode()):
            try:
                text = block.decode(self.encoding)
            except UnicodeDecodeError as error:
                raise LetterError(
                    "the file changed while it was read", place=Place(str(self.path))
                ) from error
            yield text.removesuffix(self.separator).split(self.separator)


def survey(path: Path, *, most_bytes: int = LONGEST_LINE) -> TextFile:
    """Look at every line of a file; raises LetterError at the first that cannot be read."""
    start = _start(path)
    for magic, what in _OTHER_FILES.items():
        if start.startswith(magic):
            raise LetterError(f"the file is {what}", place=Place(str(path)), mend=_SAVE)
    separator = b"\r" if b"\r" in start and b"\n" not in start else b"\n"
    looking = _Looking(path, separator, most_bytes)
    for block in _aligned(path, separator, most_bytes):
        looking.look(block)
    if looking.is_empty:
        raise LetterError(
            "the file is empty", place=Place(str(path)), mend="its first line names the columns"
        )
    encoding, notes = looking.encoding()
    return TextFile(path, encoding, separator.decode(), looking.lines, notes)


class _Looking:
    def __init__(self, path: Path, separator: bytes, most_bytes: int) -> None:
        self._path, self._separator, self._most = path, separator, most_bytes
        self.lines = 0
        self.is_empty = True
        self._first_utf8 = self._first_other = 0

    def look(self, block: bytes) -> None:
        lines = block.removesuffix(self._separator).split(self._separator)
        if b"\0" in block:
            at = next(n for n, line in enumerate(lines, 1) if b"\0" in line)
            raise self._error(
                at, "a NUL character is in the line: the file is not text, or UTF-16 without a mark"
            )
        if len(max(lines, key=len)) > self._most:
            at = next(n for n, line in enumerate(lines, 1) if len(line) > self._most)
            raise too_long(self._path, self.lines + at, self._most)
        if not block.isascii():
            self._look_at_letters(block, lines)
        self.is_empty = self.is_empty and not block.strip()
        self.lines += len(lines)

    def encoding(self) -> tuple[str, tuple[str, ...]]:
        if not self._first_other:
            return _UTF8, ()
        if self._first_utf8:
            raise LetterError(
                f"the line is not UTF-8, although line {self._first_utf8:,} is: two encodings are mixed",
                place=Place(str(self._path), self._first_other),
                mend="save the file as UTF-8",
            )
        return _WINDOWS, (
            f"{self._path} is not UTF-8 (line {self._first_other:,}): it is read as Windows-1252",
        )

    def _look_at_letters(self, block: bytes, lines: list[bytes]) -> None:
        if self._first_utf8 and _decodes(block):
            return
        for n, line in enumerate(lines, 1):
            if line.isascii():
                continue
            if _decodes(line):
                self._first_utf8 = self._first_utf8 or self.lines + n
            elif _NO_WINDOWS.search(line):
                raise self._error(n, "the line is neither UTF-8 nor Windows-1252")
            else:
                self._first_other = self._first_other or self.lines + n

    def _error(self, line: int, what: str) -> LetterError:
        return LetterError(what, place=Place(str(self._path), self.lines + line), mend=_SAVE)


def too_long(path: Path, line: int, most_bytes: int) -> LetterError:
    """Say that a line is longer than any line of such a file."""
    return LetterError(
        f"the line is longer than {most_bytes:,} bytes",
        place=Place(str(path), line),
        mend="check where its line ends, or a quote that is never closed",
    )


def _aligned(path: Path, separator: bytes, most_bytes: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield blocks that end with a line, in UTF-8 or as they are."""
    rest, lines = b"", 0
    with _open(path) as file:
        for piece in _pieces(file, path):
            rest += piece
            end = rest.rfind(separator) + 1
            if end:
                block, rest = rest[:end], rest[end:]
                lines += block.count(separator)
                yield block
            if len(rest) > most_bytes:
                if b"\0" in rest:
                    yield rest
                raise too_long(path, lines + 1, most_bytes)
    if rest:
        yield rest


def _pieces(file: BinaryIO, path: Path) -> Iterator[bytes]:
    start = file.read(4)
    wide = next((name for mark, name in _WIDE.items() if start.startswith(mark)), None)
    file.seek(0)
    raw = iter(lambda: file.read(_BLOCK), b"")
    if wide is None:
        first = next(raw, b"")
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from raw
        return
    try:
        for text in codecs.iterdecode(raw, wide):
            yield text.encode()
    except UnicodeError as error:
        what = f"the file begins as {wide.upper()} and cannot be read as it"
        raise LetterError(what, place=Place(str(path)), mend=_SAVE) from error


def _start(path: Path) -> bytes:
    with _open(path) as file:
        return next(_pieces(file, path), b"")


def _open(path: Path) -> BinaryIO:
    place = Place(str(path))
    if path.exists() and not path.is_file():
        what = "is a directory" if path.is_dir() else "is no file that can be read twice"
        raise LetterError(f"it {what}", place=place, mend="name a file")
    try:
        return path.open("rb")
    except OSError as error:
        raise LetterError(f"the file cannot be read: {error.strerror}", place=place) from error


def _decodes(data: bytes) -> bool:
    try:
        data.decode(_UTF8)
    except UnicodeDecodeError:
        return False
    return True
