"""How text is written where it lands: a JSON string, quoted-printable, a header.

Every function takes text and gives ASCII or UTF-8 bytes that need no further change. Nothing here raises for
what a person wrote: half a surrogate pair, which has no encoding, becomes a question mark.
"""

import html
import re
from collections.abc import Callable, Sequence

import orjson

#: One value, escaped and encoded for its place.
Encode = Callable[[str], bytes]

SOFT_BREAK = b"=\r\n"
#: RFC 2045 §6.7: 76 characters a line, the `=` of a soft break included.
_QP_ROOM = 75
_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# What a line of quoted-printable may not start with as it is: see `_mark`.
_DOUBTFUL = frozenset({"", ".", "F"})
_DOUBTFUL_LINES = ("\n\n", "\n.", "\nF")
# ASCII without spaces, controls and what JSON, HTML or quoted-printable escapes.
_HARMLESS = bytes(byte for byte in range(0x21, 0x7F) if byte not in b"\"&'<=>\\")
_LONGEST_HEADER_VALUE = 900
_QP_QUOTED = re.compile(rb"[^\t -<>-~]|[\t ]$")


def one_line(text: str) -> str:
    """Join what a header can not hold apart: every run of breaks, controls and spaces becomes one space."""
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _BREAKS.sub(" ", text).strip(" ")


def json_text(value: str) -> bytes:
    """Encode for the inside of a JSON string."""
    try:
        return orjson.dumps(value)[1:-1]
    except orjson.JSONEncodeError:
        return orjson.dumps(_utf8(value).decode())[1:-1]


def json_html(value: str) -> bytes:
    """Escape for HTML, then encode for the inside of a JSON string."""
    return json_text(html.escape(value))


def json_line(value: str) -> bytes:
    """Encode for a header that travels in a JSON string."""
    return json_text(one_line(value))


def header_value(value: str) -> bytes:
    """Encode for a header that must not hold encoded words; what is not ASCII is percent-encoded, as in URLs.

    A value that would break the 998 octets of a line (RFC 5322 §2.1.1) is left out: half a URL is worse.
    """
    line = one_line(value)
    encoded = line.encode() if line.isascii() else _NOT_ASCII.sub(_percent, line).encode()
    return encoded if len(encoded) <= _LONGEST_HEADER_VALUE else b""


def qp_text(value: str) -> bytes:
    """Encode a value that starts a line of quoted-printable and ends in a soft break; nothing for nothing."""
    if value.isascii() and value.isprintable() and "=" not in value and value[:1] not in _DOUBTFUL:
        return _qp_plain(value)
    return _wrap(_quote(_utf8(value))) + SOFT_BREAK if value else b""


def qp_html(value: str) -> bytes:
    """Escape for HTML, then encode as `qp_text` does."""
    return qp_text(html.escape(value))


def are_plain(values: Sequence[str]) -> bool:
    """Tell whether no encoding here escapes anything in any of these values, as in links and addresses."""
    lines = "\n" + "\n".join(values)
    if not lines.isascii() or lines.endswith("\n") or any(start in lines for start in _DOUBTFUL_LINES):
        return False
    if max(map(len, values)) > _LONGEST_HEADER_VALUE:
        return False
    # Deleting all that is harmless from all at once takes a tenth of looking at one after the other.
    return lines.encode().translate(None, _HARMLESS) == b"\n" * len(values)


def encode_all(encode: Encode, values: Sequence[str], *, plain: bool) -> list[bytes]:
    """Encode values one by one, the quick way where they are known to be plain."""
    if not plain:
        return list(map(encode, values))
    return list(map(_qp_plain if encode in (qp_text, qp_html) else str.encode, values))


def qp_literal(text: str) -> bytes:
    """Encode lines that start at the margin; an unfinished last line ends in a soft break."""
    *lines, last = _NEWLINE.split(text)
    done = b"".join(_wrap(_quote(_utf8(line))) + b"\r\n" for line in lines)
    return done + (_wrap(_quote(_utf8(last))) + SOFT_BREAK if last else b"")


def _qp_plain(value: str) -> bytes:
    if len(value) <= _QP_ROOM:
        return f"{value}=\r\n".encode()
    if len(value) <= 2 * _QP_ROOM and value[_QP_ROOM] not in _DOUBTFUL:
        return f"{value[:_QP_ROOM]}=\r\n{value[_QP_ROOM:]}=\r\n".encode()
    return _wrap(value.encode()) + SOFT_BREAK


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in _utf8(match.group()))


def _quote(line: bytes) -> bytes:
    return _QP_QUOTED.sub(lambda match: b"=%02X" % match.group()[0], line)


def _wrap(line: bytes) -> bytes:
    lines = []
    start, size = 0, len(line)
    while start < size:
        mark = _mark(line, start)
        start += bool(mark)
        end = start + _QP_ROOM - len(mark)
        if end < size and (escape := line.rfind(b"=", end - 2, end)) >= 0:
            end = escape
        lines.append(mark + line[start:end])
        start = end
    return SOFT_BREAK.join(lines)


def _mark(line: bytes, start: int) -> bytes:
    # A line that starts with a dot or with "From " is changed by some mail servers on the way.
    if line[start : start + 1] == b".":
        return b"=2E"
    return b"=46" if line[start : start + 5] == b"From " else b""
