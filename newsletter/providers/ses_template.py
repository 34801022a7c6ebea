"""A batch at Amazon SES as one call: a template in it with `{{key}}`, and the values of each recipient.

The service escapes nothing, and what a brace means beside another is not documented for a template that is
sent along. So a value has a variant for each kind of place, and two braces of ours never stand together.
Facts by docs.aws.amazon.com/ses and the model of its API (sesv2) as of 2026.
"""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.encoding import Encode, header_value, json_line, json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    mailbox_line,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil, reader_of_each

_MOST_HEADERS = 15
_LONGEST_NAME = 126
#: A header's name and its value together.
_LONGEST_HEADER = 996
#: All three parts of the template, in bytes.
_TEMPLATE_ROOM = 500_000
_WORD_JOINER = "\u2060"
_DOUBLE = re.compile(r"\{(?=\{)")
#: A value is read beside whatever stands around it.
_EDGY = re.compile(r"\A\{|\{(?=\{|\Z)")
#: Before a variable a brace makes it another kind, and a backslash none; behind it a brace closes it late.
_BEFORE_FIELD = re.compile(r"[{\\]\Z")
_BEHIND_FIELD = re.compile(r"\A\}")
#: The service has no SMTPUTF8: of an address only the domain may be international, as ASCII.
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
#: Only these hold what a person wrote; the others are links and names that we make.
_WRITTEN_BY_PEOPLE = frozenset({"name", "address"})
#: Words that read the same in HTML, in text and in JSON.
_SIMPLE = re.compile(r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Place:
    """A kind of place: how single signs are taken apart there, and how a value is written for it."""

    name: str
    apart: Callable[[re.Match[str]], str]
    value: Encode

    def literal(self, text: str, *, is_before: bool, is_behind: bool) -> str:
        """Write our own text so that it opens and closes no variable, whatever field stands beside it."""
        text = _DOUBLE.sub(self.apart, text)
        text = _BEFORE_FIELD.sub(self.apart, text) if is_before else text
        return _BEHIND_FIELD.sub(self.apart, text) if is_behind else text


class Template:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, an unknown field, too many headers, or a mail
    that is too large.
    """

    def __init__(self, message: Message, configuration_set: str | None = None) -> None:
        variables = _Variables()
        content = {
            "Subject": _sound(_subject(message.subject, variables)),
            "Html": _sound(variables.pour(message.html, HTML)),
            "Text": _sound(variables.pour(message.text, TEXT)),
        }
        _check_size(content)
        shared, own = _headers(message)
        defaults = orjson.dumps(dict.fromkeys(variables.keys, "")).decode()
        template = {"TemplateContent": content, "TemplateData": defaults, "Headers": shared}
        said: dict[str, Any] = {"FromEmailAddress": _mailbox(message.sender)}
        if message.reply_to:
            said["ReplyToAddresses"] = [_mailbox(message.reply_to)]
        if configuration_set:
            said["ConfigurationSetName"] = configuration_set
        said["DefaultContent"] = {"Template": template}
        self._head = orjson.dumps(said)[:-1] + b',"BulkEmailEntries":['
        self._entries = Stencil(_entry(variables, message.tags, own))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the call in parts, to be joined."""
        entries = list(chain.from_iterable(self._entries.fill(mailing.recipients)))
        # Every entry ends in a comma; the last one's is not wanted.
        return [self._head, *entries[:-1], *(entry[:-1] for entry in entries[-1:]), b"]}"]


def unfit(recipients: Sequence[Recipient]) -> str | None:
    """Say why these recipients cannot be called for, None if they can.

    What an address of another form would do to the whole call is not documented.
    """
    if all(map(_PLAIN_ADDRESS.fullmatch, _spots(recipients))):
        return None
    return "an address has a form that Amazon SES cannot send to"


def _html_value(value: str) -> bytes:
    return _json_twice(_EDGY.sub(_as_reference, html.escape(value)))


def _text_value(value: str) -> bytes:
    return _json_twice(_EDGY.sub(_joined, value))


def _subject_value(value: str) -> bytes:
    return _text_value(one_line(value))


def _header_value(value: str) -> bytes:
    return json_text(header_value(value).decode().replace("{{", "%7B%7B"))


def _json_twice(value: str) -> bytes:
    # The values of a recipient are JSON in a string of the JSON.
    return json_text(json_text(value).decode())


def _as_reference(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};"


def _joined(match: re.Match[str]) -> str:
    # Nobody sees a word joiner.
    sign = match.group()
    return f"{_WORD_JOINER}{sign}" if sign == "}" else f"{sign}{_WORD_JOINER}"


HTML = Place("html", _as_reference, _html_value)
TEXT = Place("text", _joined, _text_value)


class _Variables:
    """The variables that a message uses: each value has one key for each kind of place.

    Every recipient has every key, and so have the defaults: a mail that misses one is taken and then dropped.
    """

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.keys: list[str] = []
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
        opening = f'{"," if self.keys else ""}\\"{key}\\":\\"'.encode()
        self.parts += [opening, part, b'\\"']
        self.keys.append(key)
        return f"{{{{{key}}}}}"

    def _variable(self, field: Field, place: Place) -> str:
        if (place.name, field) not in self._known:
            # Another fallback is another value.
            number = sum(1 for kind, one in self._known if (kind, one.name) == (place.name, field.name))
            key = f"{place.name}_{field.name}" + (f"_{number + 1}" if number else "")
            self._known[place.name, field] = self.add(key, _value(field, place.value))
        return self._known[place.name, field]


def _entry(variables: _Variables, tags: Iterable[tuple[str, str]], own: Sequence[Part]) -> list[Part]:
    """Write the parts of one recipient: an address alone, so that nobody is shown to anybody."""
    addresses = Column(lambda people: list(map(json_text, _spots(people))))
    parts: list[Part] = [b'{"Destination":{"ToAddresses":["', addresses, b'"]},"ReplacementEmailContent":']
    parts += [b'{"ReplacementTemplate":{"ReplacementTemplateData":"{', *variables.parts, b'}"}}']
    told = orjson.dumps([{"Name": name, "Value": value} for name, value in tags])[:-1]
    # Events tell it again: so they find their delivery although the answer with its ids was lost.
    parts += [b',"ReplacementTags":', told, b"," if len(told) > 1 else b"", b'{"Name":"reference","Value":"']
    return [*parts, Slot(Field("reference"), json_line), b'"}],"ReplacementHeaders":[', *own, b"]},"]


def _headers(message: Message) -> tuple[list[dict[str, str]], list[Part]]:
    """Divide the headers into those of all and the parts of those that differ by recipient."""
    if len(message.headers) > _MOST_HEADERS:
        raise ProviderError(f"there are {len(message.headers)} headers; Amazon SES takes {_MOST_HEADERS}")
    shared: list[dict[str, str]] = []
    own: list[Part] = []
    for name, pieces in message.headers:
        check_header(name, pieces)
        written = "".join(piece for piece in pieces if isinstance(piece, str))
        if len(name) > _LONGEST_NAME or len(name) + len(written) > _LONGEST_HEADER:
            raise ProviderError(f"the header {name[:_LONGEST_NAME]!r} is too long")
        if any(isinstance(piece, Field) for piece in pieces):
            own += [b"," if own else b"", b'{"Name":', orjson.dumps(name), b',"Value":"']
            own += [
                _value(piece, _header_value) if isinstance(piece, Field) else json_text(_unopened(piece))
                for piece in pieces
            ]
            own.append(b'"}')
        else:
            shared.append({"Name": name, "Value": _unopened(written)})
    return shared, own


def _unopened(text: str) -> str:
    return _DOUBLE.sub("{ ", text)


def _subject(pieces: Pieces, variables: _Variables) -> str:
    read_each = reader_of_each(pieces)
    if not any(isinstance(piece, Field) for piece in pieces):
        literal = one_line("".join(piece for piece in pieces if isinstance(piece, str)))
        return TEXT.literal(literal, is_before=False, is_behind=False)
    # One variable for all of it: spaces and breaks are joined across its fields.
    return variables.add("subject", Column(lambda people: _encoded(_subject_value, read_each(people))))


def _value(field: Field, encode: Encode) -> Part:
    if field.name not in _WRITTEN_BY_PEOPLE:
        return Slot(field, encode)
    # A stencil takes a brace for plain and would not encode a column of such values.
    read_each = reader_of_each((field,))
    return Column(lambda people: _encoded(encode, read_each(people)))


def _encoded(encode: Encode, values: Sequence[str]) -> list[bytes]:
    is_simple = _SIMPLE.fullmatch
    return [value.encode() if is_simple(value) else encode(value) for value in values]


def _spots(recipients: Sequence[Recipient]) -> list[str]:
    return ascii_addresses([recipient.address for recipient in recipients])


def _mailbox(written: str) -> str:
    name, address = split_mailbox(written)
    if not _PLAIN_ADDRESS.fullmatch(ascii_address(address)):
        raise ProviderError(
            f"{one_line(written)!r} has no address that Amazon SES could send from or reply to",
            mend='write from = "Name <name@your.domain>"',
        )
    # A name that is not ASCII has to be encoded words (RFC 2047), here on one line.
    line = mailbox_line("From", name, address).decode()
    return line.removeprefix("From:").replace("\r\n", "").strip()


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _check_size(content: dict[str, str]) -> None:
    size = sum(len(text.encode()) for text in content.values())
    if size > _TEMPLATE_ROOM:
        raise ProviderError(
            f"the mail is {size:,} bytes; Amazon SES takes {_TEMPLATE_ROOM:,} in a batch",
            mend="shorten the issue, or send it in two",
        )
