"""A batch at Mailgun as one form: one body with `%recipient.key%` in it, and the values of each as JSON.

The service escapes nothing and substitutes wherever it can, so a value has a variant for each kind of place,
and text that only looks like a variable is taken apart. Facts by documentation.mailgun.com as of 2026-07.
"""

import hashlib
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.braces import LONGEST_SIMPLE
from newsletter.providers.encoding import Encode, are_plain, header_value, json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    phrase_of,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil, reader_of_each

#: How many `o:tag` a message may have by the older documentation; the newer one says 10.
_MOST_TAGS = 3
_LONGEST_TAG = 128
#: All of `o:`, `h:` and `v:` together, in bytes.
_OPTIONS_ROOM = 16 * 1024
#: What begins a variable of the service and could end as one, or as one with a field that follows. No URL
#: holds it: a % is followed by hex there.
_LOOKALIKE = re.compile(
    r"(?:%|\A)(?:recipient|unsubscribe|tag_unsubscribe|mailing_list_unsubscribe)(?=[._][\w.-]*(?:%|\Z)|%)",
    re.IGNORECASE,
)
#: Without one of these nothing looks like a variable.
_SUSPECT = re.compile(r"%|recipient|unsubscribe", re.IGNORECASE)
_BAD_FORM = "an address has a form that cannot be sent in a batch"
_WORD_JOINER = "\u2060"
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+@[\w.-]+")
#: Only these hold what a person wrote; the others are links and names that we make.
_WRITTEN_BY_PEOPLE = frozenset({"name", "address"})
#: Words that read the same in HTML, in text and in JSON, and that no variable is made of.
_SIMPLE = re.compile(r"[^\W_]+(?:[ -][^\W_]+)*")


@dataclass(frozen=True)
class Place:
    """A kind of place: how our text is written there, and how a value is written into the JSON for it."""

    name: str
    literal: Callable[[str], str]
    value: Encode


class Form:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, an unknown field, or too many headers.
    """

    def __init__(self, message: Message) -> None:
        variables = _Variables()
        fields = _fields(message, variables)
        _check_room(fields)
        self._boundary = _boundary(fields)
        self._head = b"".join(self._part(name, value) for name, value in fields)
        self._values = Stencil([*variables.parts, b"},"])

    @property
    def content_type(self) -> str:
        return f"multipart/form-data; boundary={self._boundary}"

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the form in parts, to be joined; no part holds more than one value of one recipient."""
        addresses = ",".join(_spots(mailing.recipients))
        values = list(chain.from_iterable(self._values.fill(mailing.recipients)))
        # Every entry ends in a comma; the last one's is not wanted.
        entries = [*values[:-1], values[-1][:-1]] if values else []
        return [
            self._head,
            self._part("o:tag", _bytes(one_line(mailing.key))),
            self._part("to", _bytes(addresses)),
            self._opening("recipient-variables"),
            b"{",
            *entries,
            f"}}\r\n--{self._boundary}--\r\n".encode(),
        ]

    def _part(self, name: str, value: bytes) -> bytes:
        return self._opening(name) + value + b"\r\n"

    def _opening(self, name: str) -> bytes:
        return f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()


def unfit(recipients: Sequence[Recipient]) -> str | None:
    """Say why these recipients cannot share a call, None if they can.

    An address that the service reads otherwise than we do has no values, and then everybody is shown to
    everybody; two equal ones have the values of one.
    """
    addresses = [recipient.address for recipient in recipients]
    if not all(map(_PLAIN_ADDRESS.fullmatch, addresses)):
        return _BAD_FORM
    # Behind an @ no variable ends but with a %.
    if "%" in "".join(addresses) and any(map(_LOOKALIKE.search, addresses)):
        return _BAD_FORM
    if len({spot.casefold() for spot in _spots(recipients)}) < len(addresses):
        return "two recipients of the batch have the same address"
    return None


def disarmed_html(text: str) -> str:
    """Write a letter of what looks like a variable as a character reference, which reads the same."""
    return _LOOKALIKE.sub(lambda match: f"{match.group()[:-1]}&#{ord(match.group()[-1])};", text)


def disarmed_text(text: str) -> str:
    """Put a word joiner, which nobody sees, into what looks like a variable."""
    return _LOOKALIKE.sub(rf"\g<0>{_WORD_JOINER}", text)


def disarmed_header(text: str) -> str:
    """Percent-encode the first sign of what looks like a variable, so that a header stays ASCII."""
    return _LOOKALIKE.sub(
        lambda match: match.group().replace("%", "%25") if match.group()[0] == "%" else match.group(), text
    )


def _html_value(value: str) -> bytes:
    return json_text(disarmed_html(html.escape(value)))


def _text_value(value: str) -> bytes:
    return json_text(disarmed_text(value))


def _header_value(value: str) -> bytes:
    return json_text(header_value(disarmed_header(value)).decode())


HTML = Place("html", disarmed_html, _html_value)
TEXT = Place("text", disarmed_text, _text_value)
HEADER = Place("header", disarmed_header, _header_value)


class _Variables:
    """The variables that a message uses: each value has one key for each kind of place.

    Every recipient has every key: what happens to a variable without a value is not documented.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = [b'"', Column(lambda people: list(map(json_text, _spots(people)))), b'":{']
        self._keys: dict[tuple[str, Field], str] = {}

    def pour(self, pieces: Pieces, place: Place) -> bytes:
        """Write pieces with variables for their fields."""
        return _bytes(
            "".join(
                f"%recipient.{self._key(piece, place)}%" if isinstance(piece, Field) else place.literal(piece)
                for piece in pieces
            )
        )

    def add(self, key: str, part: Part) -> None:
        """Give every recipient a value under a key."""
        opening = f'"{key}":"'.encode()
        self.parts += [b"," if self._keys else b"", opening, part, b'"']
        self._keys[key, Field(key)] = key

    def _key(self, field: Field, place: Place) -> str:
        if (place.name, field) not in self._keys:
            # Another fallback is another value.
            number = sum(1 for kind, one in self._keys if (kind, one.name) == (place.name, field.name))
            key = f"{place.name}_{field.name}" + (f"_{number + 1}" if number else "")
            self.add(key, _value(field, place.value))
            self._keys[place.name, field] = key
        return self._keys[place.name, field]


def _fields(message: Message, variables: _Variables) -> list[tuple[str, bytes]]:
    fields = [("from", _mailbox(message.sender)), ("subject", _subject(message.subject, variables))]
    fields += [("html", variables.pour(message.html, HTML)), ("text", variables.pour(message.text, TEXT))]
    if message.reply_to:
        fields.append(("h:Reply-To", _mailbox(message.reply_to)))
    for name, pieces in message.headers:
        check_header(name, pieces)
        if '"' in name:
            raise ProviderError(f"the header {name!r} has a quote in its name")
        fields.append((f"h:{name}", variables.pour(pieces, HEADER)))
    # The key of the mailing is one more tag, the last.
    for name, value in message.tags[: _MOST_TAGS - 1]:
        fields.append(("o:tag", _bytes(f"{name}-{value}"[:_LONGEST_TAG])))
    fields += [("o:tracking", b"no"), ("o:suppress-headers", b"X-Mailgun-Variables")]
    # Events tell it again: so they find their delivery, whose id all recipients share.
    variables.add("reference", _value(Field("reference"), HEADER.value))
    return [*fields, ("v:reference", b"%recipient.reference%")]


def _subject(pieces: Pieces, variables: _Variables) -> bytes:
    read_each = reader_of_each(pieces)
    if not any(isinstance(piece, Field) for piece in pieces):
        literal = "".join(piece for piece in pieces if isinstance(piece, str))
        return _bytes(disarmed_text(one_line(literal)))
    # One variable for all of it: spaces and breaks are joined across its fields.
    variables.add("subject", Column(lambda people: _encoded(_subject_value, read_each(people))))
    return b"%recipient.subject%"


def _value(field: Field, encode: Encode) -> Part:
    if field.name not in _WRITTEN_BY_PEOPLE:
        return Slot(field, encode)
    # A stencil takes a % for plain and would not encode a column of such values.
    read_each = reader_of_each((field,))
    return Column(lambda people: _encoded(encode, read_each(people)))


def _encoded(encode: Encode, values: Sequence[str]) -> list[bytes]:
    if are_plain(values) and not _SUSPECT.search("".join(values)):
        # As addresses are, nearly all of them.
        return list(map(str.encode, values))
    is_simple = _SIMPLE.fullmatch
    is_long = max(map(len, values), default=0) > LONGEST_SIMPLE
    if is_long or (encode is _header_value and not "".join(values).isascii()):
        return list(map(encode, values))
    return [value.encode() if is_simple(value) else encode(value) for value in values]


def _subject_value(value: str) -> bytes:
    return json_text(disarmed_text(one_line(value)))


def _spots(recipients: Sequence[Recipient]) -> list[str]:
    return ascii_addresses([recipient.address for recipient in recipients])


def _mailbox(written: str) -> bytes:
    name, address = split_mailbox(written)
    spot = ascii_address(address)
    return _bytes(disarmed_text(f"{phrase_of(name)} <{spot}>" if name else spot))


def _check_room(fields: Sequence[tuple[str, bytes]]) -> None:
    options = [(name, value) for name, value in fields if name[:2] in ("o:", "h:", "v:")]
    used = _LONGEST_TAG + sum(len(name) + len(value) for name, value in options)
    if used > _OPTIONS_ROOM:
        raise ProviderError(f"the headers and tags take {used} bytes; Mailgun allows {_OPTIONS_ROOM}")


def _boundary(fields: Sequence[tuple[str, bytes]]) -> str:
    # Nothing holds the digest of itself, and no value has a line break of its own in JSON.
    digest = hashlib.sha256()
    for name, value in fields:
        digest.update(f"{name} {len(value)} ".encode() + value)
    return f"newsletter-{digest.hexdigest()[:32]}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
