"""A message taken apart into header lines and parts, each with its bytes as they are and its line."""

import re
from binascii import Error as NoBase64
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from newsletter.checks.rules import Rule

#: A rule that was broken, the line, and what was found.
Broken = Iterator[tuple[Rule, int, str]]

_PARAMETER = re.compile(r';\s*([a-z-]+)\s*=\s*(?:"([^"]*)"|([^\s;]+))', re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """A header as it stands: `raw` with its folds, `line` counted from 1."""

    name: str
    raw: bytes
    line: int

    @property
    def value(self) -> str:
        """Unfold the value without decoding anything."""
        return re.sub(r"\r?\n(?=[ \t])", "", self.raw.decode("latin-1")).partition(":")[2].strip()


@dataclass(frozen=True)
class Part:
    """Headers, a body, and the parts within where it is a multipart."""

    headers: tuple[Header, ...]
    body: bytes
    line: int
    parts: "tuple[Part, ...]" = field(default=())

    def all(self, name: str) -> list[Header]:
        """List the headers of a name, in any case."""
        return [header for header in self.headers if header.name.lower() == name.lower()]

    def value(self, name: str) -> str:
        """Return the value of the first header of a name, or nothing."""
        found = self.all(name)
        return found[0].value if found else ""

    @property
    def kind(self) -> str:
        """Return the content type without its parameters."""
        return (self.value("Content-Type").partition(";")[0].strip() or "text/plain").lower()

    def parameter(self, name: str) -> str:
        """Return a parameter of the content type, or nothing."""
        found = _PARAMETER.finditer(self.value("Content-Type"))
        return next((each[2] or each[3] or "" for each in found if each[1].lower() == name), "")

    @property
    def encoding(self) -> str:
        return self.value("Content-Transfer-Encoding").lower() or "7bit"

    def text(self) -> str:
        """Decode the body; what cannot be decoded is replaced."""
        try:
            data = _decoded(self.encoding, self.body)
        except NoBase64:
            data = b""
        return data.decode("utf-8", "replace")

    def walk(self) -> "Iterator[Part]":
        """Yield this part and every one within it."""
        yield self
        for part in self.parts:
            yield from part.walk()


def _decoded(encoding: str, body: bytes) -> bytes:
    match encoding:
        case "quoted-printable":
            return a2b_qp(body)
        case "base64":
            return a2b_base64(body)
        case _:
            return body


def parse(raw: bytes, line: int = 1) -> Part:
    """Take a message or a part of one apart; anything can be parsed."""
    head, blank, body = _split_head(raw)
    headers = tuple(_headers(head, line))
    body_line = line + (head + blank).count(b"\n")
    whole = Part(headers, body, body_line)
    boundary = whole.parameter("boundary")
    if not whole.kind.startswith("multipart/") or not boundary:
        return whole
    return Part(headers, body, body_line, tuple(_parts(body, boundary.encode("latin-1"), body_line)))


def _split_head(raw: bytes) -> tuple[bytes, bytes, bytes]:
    end = re.search(rb"\r?\n(\r?\n)", raw)
    if end is None:
        return raw, b"", b""
    return raw[: end.start(1)], end.group(1), raw[end.end() :]


def _headers(head: bytes, line: int) -> Iterator[Header]:
    for match in re.finditer(rb"[^\n]*\n(?:[ \t][^\n]*\n)*|[^\n]+\Z", head):
        name = match.group().partition(b":")[0].decode("latin-1").strip()
        yield Header(name, match.group(), line + head.count(b"\n", 0, match.start()))


def _parts(body: bytes, boundary: bytes, line: int) -> Iterator[Part]:
    marks = list(re.finditer(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?:\r?\n|\Z)", body))
    for mark, following in pairwise(marks):
        if mark.group(1) is None:
            yield parse(body[mark.end() : following.start()], line + body.count(b"\n", 0, mark.end()))
