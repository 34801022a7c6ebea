"""Header lines of RFC 5322 as bytes: folded only where that is legal, encoded only where it must be.

Written by hand because the standard library folds a long List-Unsubscribe into encoded words, which Gmail
refuses, and joins encoded words without a space in some versions (python/cpython#144156).
"""

import re
from binascii import b2a_base64
from collections.abc import Sequence
from contextlib import suppress

from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.subscriber import MAX_NAME
from newsletter.errors import ProviderError
from newsletter.providers.encoding import header_value, one_line
from newsletter.providers.stencil import Part, pour

_FOLD = "\r\n "
#: RFC 2047 §2: an encoded word has 75 characters at most, a line that holds one 76.
_WORD_ROOM, _LINE_ROOM = 75, 76
_MARKS = len("=?utf-8?q??=")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
# RFC 2047 §5 (3): what may stand for itself in an encoded word before an address.
_Q_AS_IT_IS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_SPACE = 0x20
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\U0010ffff-]+")
#: An address that is written as it is.
_READY = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_SIMPLE_MAILBOX = re.compile(r"[A-Za-z-]+:(?: [A-Za-z0-9'-]+)+ <[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>")
_LITERAL_LIMIT = 900


def text_line(name: str, text: str) -> bytes:
    """Write a header of free text, such as a subject."""
    line = one_line(text)
    folded = _folded(f"{name}: {line}") if _is_plain(line) else None
    return (folded or f"{name}: {_encoded_words(line, len(name) + 2)}").encode() + b"\r\n"


def mailbox_line(name: str, person: str, address: str) -> bytes:
    """Write a header of one mailbox, such as From or To."""
    if len(line := f"{name}: {person} <{address}>") <= _LINE_ROOM and _SIMPLE_MAILBOX.fullmatch(line):
        return f"{line}\r\n".encode()
    spot = ascii_address(address)
    phrase = one_line(person)[:MAX_NAME].rstrip()
    if not phrase:
        return f"{name}: {spot}\r\n".encode()
    written = phrase_of(phrase) if _is_plain(phrase) else _encoded_words(phrase, len(name) + 2)
    last = len(written.rpartition("\r\n")[2]) + (0 if "\r\n" in written else len(name) + 2)
    gap = " " if last + len(spot) + 3 <= _LINE_ROOM else _FOLD
    return f"{name}: {written}{gap}<{spot}>\r\n".encode()


def raw_line(name: str, pieces: Pieces) -> list[Part]:
    """Write a header that must not hold encoded words; a list of URLs is folded between them.

    Raises ProviderError for a header that has no legal form.
    """
    check_header(name, pieces)
    return [f"{name}: ".encode(), *pour(pieces, _fold_between_urls, header_value), b"\r\n"]


def check_header(name: str, pieces: Pieces) -> None:
    """Raise ProviderError for a header that has no legal form without encoded words."""
    literal = "".join(piece for piece in pieces if not isinstance(piece, Field))
    if not re.fullmatch(r"[!-9;-~]+", name) or not re.fullmatch(r"[ -~]*", literal):
        raise ProviderError(f"the header {name!r} can hold printable ASCII only")
    if len(literal) > _LITERAL_LIMIT:
        raise ProviderError(f"the header {name!r} is too long")


def split_mailbox(written: str) -> tuple[str, str]:
    """Split `Name <address>` into its name and its address."""
    name, bracket, rest = written.rpartition("<")
    if not bracket:
        return "", written.strip()
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    return one_line(name), rest.partition(">")[0].strip()


def phrase_of(name: str) -> str:
    """Write a name so that it can stand before an address, in quotes where it must."""
    return name if _ATOMS.fullmatch(name) else _quoted(name)


def ascii_address(address: str) -> str:
    """Write one address for a header, whatever it holds; an international domain becomes ASCII.

    A local part that is not ASCII stays as it is, which is the form of RFC 6532.
    """
    local, _, domain = one_line(address).rpartition("@")
    domain = re.sub(r'[\s<>,;:()"\\]', "", domain)
    if not domain.isascii():
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode()
    if not _DOT_ATOM.fullmatch(local):
        local = _quoted(local.removeprefix('"').removesuffix('"'))
    return f"{local}@{domain}".encode("utf-8", "replace").decode()


def ascii_addresses(addresses: Sequence[str]) -> list[str]:
    """Write many addresses as `ascii_address` does, quickly where they can stay as they are."""
    return [one if _READY.fullmatch(one) else ascii_address(one) for one in addresses]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _is_plain(line: str) -> bool:
    # Text that looks like an encoded word would be read as one.
    return line.isascii() and "=?" not in line


def _folded(line: str) -> str | None:
    # None where a word is too long, or would leave the first line without any text.
    lines = [""]
    for word in line.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _LINE_ROOM - 1:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    if lines[0].endswith(":") or any(len(one) > _LINE_ROOM - 1 for one in lines):
        return None
    return _FOLD.join(lines)


def _fold_between_urls(text: str) -> bytes:
    return text.replace(">, <", ">,\r\n <").encode()


def _encoded_words(text: str, column: int) -> str:
    """Encode as words that never split a character; `column` is where the first one starts."""
    data = text.encode("utf-8", "replace")
    if len(whole := _word(data, is_q=_q_size(data) <= _b_size(len(data)))) <= min(
        _LINE_ROOM - column, _WORD_ROOM
    ):
        return whole
    chars = [char.encode("utf-8", "replace") for char in text]
    is_q = _q_size(data) <= _b_size(len(data))
    words: list[bytes] = []
    pending, size, room = b"", 0, _LINE_ROOM - column
    for char in chars:
        size += _q_size(char) if is_q else len(char)
        if pending and _MARKS + (size if is_q else _b_size(size)) > min(room, _WORD_ROOM):
            words.append(pending)
            pending, size, room = b"", _q_size(char) if is_q else len(char), _LINE_ROOM - 1
        pending += char
    return _FOLD.join(_word(word, is_q=is_q) for word in [*words, pending])


def _q_size(char: bytes) -> int:
    return sum(1 if byte in _Q_AS_IT_IS or byte == _SPACE else 3 for byte in char)


def _b_size(count: int) -> int:
    return -(-count // 3) * 4


def _word(data: bytes, *, is_q: bool) -> str:
    if not is_q:
        return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="
    coded = "".join(chr(b) if b in _Q_AS_IT_IS else "_" if b == _SPACE else f"={b:02X}" for b in data)
    return f"=?utf-8?q?{coded}?="
