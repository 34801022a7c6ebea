"""A mail's bytes read by the letter of RFC 2047; what the standard library reads changes by version."""

import re
from base64 import b64decode

from newsletter.domain.message import Recipient

_WORD = re.compile(rb"=\?utf-8\?([qb])\?([^?\s]*)\?=")
_BETWEEN = re.compile(rb"(?<=\?=)[ \t]+(?==\?utf-8\?)")


def headers_of(data: bytes) -> list[bytes]:
    """List the headers as they stand, folds included."""
    head = data.partition(b"\r\n\r\n")[0]
    return re.split(rb"\r\n(?![ \t])", head)


def subject_of(data: bytes) -> str:
    """Read the one subject of a mail; fails where a rule of RFC 2047 is broken."""
    [header] = [one for one in headers_of(data) if one.lower().startswith(b"subject:")]
    assert all(len(line) <= 76 for line in header.split(b"\r\n")) or b"=?" not in header
    assert b"?==?" not in header
    value = _BETWEEN.sub(b"", header.partition(b":")[2].replace(b"\r\n", b"").strip())
    assert all(len(word.group()) <= 75 for word in _WORD.finditer(value))
    # Each word is decoded alone: one that splits a character fails here.
    return _WORD.sub(lambda word: _decoded(word[1], word[2]).encode(), value).decode()


def one_click_lines(data: bytes) -> list[bytes]:
    """List the headers of the way out, byte for byte."""
    return sorted(one for one in headers_of(data) if one.lower().startswith(b"list-unsubscribe"))


def one_click_lines_for(recipient: Recipient) -> list[bytes]:
    """Return what RFC 8058 asks for: an address in angle brackets, and four words."""
    return [
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        f"List-Unsubscribe: <{recipient.unsubscribe_url}>".encode(),
    ]


def _decoded(kind: bytes, text: bytes) -> str:
    if kind == b"b":
        return b64decode(text, validate=True).decode()
    quoted = re.sub(rb"=([0-9A-F]{2})", lambda code: bytes([int(code[1], 16)]), text.replace(b"_", b" "))
    return quoted.decode()
