"""Mails for services that fill `{{key}}`: no brace of ours, and none of a recipient's, is part of a variable.

What a brace means beside another is not documented anywhere. So two of ours never stand together, and a value
has a variant for each kind of place.
"""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from newsletter.domain.message import Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.providers.encoding import Encode, are_plain, header_value
from newsletter.providers.stencil import Column, Part, Slot, reader_of_each

_WORD_JOINER = "\u2060"
_DOUBLE = re.compile(r"\{(?=\{)")
#: A value is read beside whatever stands around it.
_EDGY = re.compile(r"\A\{|\{(?=\{|\Z)")
#: Before a variable a brace makes it another kind, and a backslash none; behind it a brace closes it late.
_BEFORE_FIELD = re.compile(r"[{\\]\Z")
_BEHIND_FIELD = re.compile(r"\A\}")
#: Only these hold what a person wrote; the others are links and names that we make.
_WRITTEN_BY_PEOPLE = frozenset({"name", "address"})
#: Of which any service here makes a variable, with its neighbours.
_SIGN = re.compile(r"[{}|*%\[\]$]")
#: A longer value may be cut, or left out.
LONGEST_SIMPLE = 200
#: Words that read the same in HTML, in text and in JSON.
_SIMPLE = re.compile(r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Place:
    """A kind of place: how single signs are taken apart there, and how a value is written for it."""

    name: str
    apart: Callable[[re.Match[str]], str]
    value: Encode

    def literal(self, text: str, *, is_before: bool = False, is_behind: bool = False) -> str:
        """Write our own text so that it opens and closes no variable, whatever field stands beside it."""
        text = _DOUBLE.sub(self.apart, text)
        text = _BEFORE_FIELD.sub(self.apart, text) if is_before else text
        return _BEHIND_FIELD.sub(self.apart, text) if is_behind else text


@dataclass(frozen=True)
class Marks:
    """How a service writes a variable, and how its JSON of a recipient's values quotes strings."""

    opening: str
    closing: str
    quote: str


class Variables:
    """The variables that a message uses: each value has one key for each kind of place.

    Every recipient has a value under every key; `parts` writes them as the inside of a JSON object.
    """

    def __init__(self, marks: Marks) -> None:
        self.parts: list[Part] = []
        self.keys: list[str] = []
        self._marks = marks
        self._known: dict[tuple[str, Field], str] = {}

    def pour(self, pieces: Pieces, place: Place) -> str:
        """Write pieces with variables for their fields."""
        last = len(pieces) - 1
        return "".join(
            self._variable(piece, place)
            if isinstance(piece, Field)
            else place.literal(
                piece,
                is_before=index < last and isinstance(pieces[index + 1], Field),
                is_behind=index > 0 and isinstance(pieces[index - 1], Field),
            )
            for index, piece in enumerate(pieces)
        )

    def add(self, key: str, part: Part) -> str:
        """Give every recipient a value under a key, and return the variable."""
        marks = self._marks
        comma = "," if self.keys else ""
        self.parts += [f"{comma}{marks.quote}{key}{marks.quote}:{marks.quote}".encode(), part]
        self.parts.append(marks.quote.encode())
        self.keys.append(key)
        return f"{marks.opening}{key}{marks.closing}"

    def _variable(self, field: Field, place: Place) -> str:
        if (place.name, field) not in self._known:
            # Another fallback is another value.
            number = sum(1 for kind, one in self._known if (kind, one.name) == (place.name, field.name))
            key = f"{place.name}_{field.name}" + (f"_{number + 1}" if number else "")
            self._known[place.name, field] = self.add(key, part_of(field, place.value))
        return self._known[place.name, field]


def part_of(field: Field, encode: Encode) -> Part:
    """Make the part that writes a field's value, whatever a person wrote into it."""
    if field.name not in _WRITTEN_BY_PEOPLE:
        return Slot(field, encode)
    # A stencil takes a brace for plain and would not encode a column of such values.
    return column_of((field,), encode)


def column_of(pieces: Pieces, encode: Encode) -> Column:
    """Make the part that writes all of some pieces as one value."""
    read_each = reader_of_each(pieces)

    def encode_each(people: Sequence[Recipient]) -> list[bytes]:
        values = read_each(people)
        if are_plain(values) and not _SIGN.search("".join(values)):
            # As addresses are, nearly all of them.
            return list(map(str.encode, values))
        if max(map(len, values), default=0) > LONGEST_SIMPLE:
            return list(map(encode, values))
        is_simple = _SIMPLE.fullmatch
        return [value.encode() if is_simple(value) else encode(value) for value in values]

    return Column(encode_each)


def html_value(value: str) -> str:
    """Write a value for HTML."""
    return _EDGY.sub(apart_in_html, html.escape(value))


def text_value(value: str) -> str:
    """Write a value for text."""
    return _EDGY.sub(apart_in_text, value)


def url_value(value: str) -> str:
    """Write a value for a header that must stay ASCII."""
    return _EDGY.sub(apart_in_url, header_value(value).decode())


def apart_in_html(match: re.Match[str]) -> str:
    """Write a sign as a character reference, which reads the same."""
    return f"&#{ord(match.group())};"


def apart_in_text(match: re.Match[str]) -> str:
    """Put a word joiner, which nobody sees, beside a sign."""
    sign = match.group()
    return f"{_WORD_JOINER}{sign}" if sign == "}" else f"{sign}{_WORD_JOINER}"


def apart_in_url(match: re.Match[str]) -> str:
    """Percent-encode a sign."""
    return f"%{ord(match.group()):02X}"
