"""A batch at SendGrid as one call: one content with tags in it, and what each recipient has in their place.

The service finds and replaces, and escapes nothing. So a value has a variant for each kind of place, and tags
are of letters that stand neither in the mail nor in a value. Facts by SendGrid's OpenAPI description as of
2026-01.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.encoding import Encode, header_value, json_html, json_line, json_text, one_line
from newsletter.providers.headers import ascii_address, ascii_addresses, check_header, split_mailbox
from newsletter.providers.stencil import Column, Part, Slot, Stencil, pour, whole

#: The name of ours among the custom arguments, which events tell between fields of their own.
REFERENCE = "newsletter_reference"
#: In bytes: of a call, and of what one recipient has in the place of tags.
LARGEST_CALL, LARGEST_VALUES = 30_000_000, 10_000
_MOST_CATEGORIES, _LONGEST_CATEGORY = 10, 255
_HALF = 8
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[\w-]+(?:\.[\w-]+)+")
#: Each of them changes the mail: links, a pixel, a footer with a List-Unsubscribe that is not ours.
_NO_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


class Form:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, an unknown field, or a sender with no address.
    """

    def __init__(self, message: Message, attempt: int = 0) -> None:
        self._message, self._attempt = message, attempt
        self._tags = _Tags(message, attempt)
        said = _content(message, self._tags)
        self._head = orjson.dumps(said)[:-1] + b',"personalizations":['
        self._personalizations = Stencil(_personalization(message, self._tags))

    def tag(self, number: int) -> str:
        """Return the tag of a place; the first is 1."""
        return self._tags.tag(number)

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the call in parts, to be joined; each recipient has one of their own."""
        if not self._tags.are_clear_of(mailing.recipients):
            return Form(self._message, self._attempt + 1).body(mailing)
        parts = [self._head]
        for values in self._personalizations.fill(mailing.recipients):
            parts.append((b"," if len(parts) > 1 else b"") + b"".join(values))
        return [*parts, b"]}"]


def unfit(recipients: Sequence[Recipient], body: Sequence[bytes]) -> str | None:
    """Say why these recipients cannot share a call, None if they can.

    One address that the service does not take, or one that comes twice, has the whole call refused.
    """
    addresses = [recipient.address for recipient in recipients]
    if not all(map(_PLAIN_ADDRESS.fullmatch, addresses)):
        return "an address has a form that SendGrid does not take"
    if len({spot.casefold() for spot in ascii_addresses(addresses)}) < len(addresses):
        return "two recipients of the batch have the same address"
    # Together with everything else that one recipient has, which is little.
    if max(map(len, body[1:-1]), default=0) > LARGEST_VALUES:
        return "the values of a recipient are larger than the 10,000 bytes that SendGrid takes"
    if sum(map(len, body)) > LARGEST_CALL:
        return "the batch is larger than the 30 MB that SendGrid takes"
    return None


class _Tags:
    """The tags of a message: one for each value in each kind of place."""

    def __init__(self, message: Message, attempt: int) -> None:
        self.parts: list[tuple[str, Part]] = []
        self._known: dict[tuple[Encode, Field], str] = {}
        self._digest = _digest(message, attempt)

    def tag(self, number: int) -> str:
        """Return the tag of a number."""
        return f"-nl{self._digest}-{number}-"

    def are_clear_of(self, recipients: Sequence[Recipient]) -> bool:
        """Tell whether nobody wrote what could be taken for a tag, or for half of one beside our own text."""
        # Only these hold what a person wrote; the others are links and names that we make.
        written = "\n".join([f"{one.name}\n{one.address}" for one in recipients])
        return self._digest[:_HALF] not in written and self._digest[_HALF:] not in written

    def add(self, part: Part) -> str:
        """Give every recipient a value, and return its tag."""
        tag = self.tag(len(self.parts) + 1)
        self.parts.append((tag, part))
        return tag

    def pour(self, pieces: Pieces, encode: Encode) -> str:
        """Write pieces with tags for their fields."""
        return _sound("".join(self._of(one, encode) if isinstance(one, Field) else one for one in pieces))

    def _of(self, field: Field, encode: Encode) -> str:
        if (encode, field) not in self._known:
            self._known[encode, field] = self.add(Slot(field, encode))
        return self._known[encode, field]


def _content(message: Message, tags: _Tags) -> dict[str, Any]:
    # An empty value is refused, and the text has to come first.
    texts = {
        "text/plain": tags.pour(message.text, json_text),
        "text/html": tags.pour(message.html, json_html),
    }
    categories = [f"{name}-{value}"[:_LONGEST_CATEGORY] for name, value in message.tags]
    return {
        "from": _mailbox(message.sender),
        **({"reply_to": _mailbox(message.reply_to)} if message.reply_to else {}),
        "subject": _subject(message.subject, tags),
        "content": [{"type": kind, "value": value} for kind, value in texts.items() if value],
        **({"categories": list(dict.fromkeys(categories))[:_MOST_CATEGORIES]} if categories else {}),
        "tracking_settings": _NO_TRACKING,
    }


def _subject(pieces: Pieces, tags: _Tags) -> str:
    if not any(isinstance(piece, Field) for piece in pieces):
        return _sound(one_line("".join(_literals(pieces))))
    # One tag for all of it: spaces and breaks are joined across its fields.
    return tags.add(whole(pieces, json_line))


def _personalization(message: Message, tags: _Tags) -> list[Part]:
    # An address alone: some names would be read as several addresses (sendgrid/sendgrid-python#291).
    spots = Column(lambda people: list(map(json_text, ascii_addresses([one.address for one in people]))))
    parts: list[Part] = [b'{"to":[{"email":"', spots, b'"}],"headers":{']
    for index, (name, pieces) in enumerate(message.headers):
        check_header(name, pieces)
        # Whether a tag is replaced in a header is not documented: so the values stand there.
        parts += [b"," if index else b"", orjson.dumps(name), b':"', *pour(pieces, json_text, _header), b'"']
    parts.append(b'},"substitutions":{')
    for index, (tag, part) in enumerate(tags.parts):
        parts += [b"," if index else b"", orjson.dumps(tag), b':"', part, b'"']
    # Events and the log tell it again: so they find their delivery, whose id all recipients share.
    reference = Slot(Field("reference"), json_line)
    return [*parts, f'}},"custom_args":{{"{REFERENCE}":"'.encode(), reference, b'"}}']


def _header(value: str) -> bytes:
    return json_text(header_value(value).decode())


def _mailbox(written: str) -> dict[str, str]:
    name, address = split_mailbox(written)
    spot = ascii_address(address)
    if not _PLAIN_ADDRESS.fullmatch(spot):
        raise ProviderError(
            f"{one_line(written)!r} has no address that SendGrid could send from",
            mend='write from = "Name <name@your.domain>"',
        )
    return {"email": spot, **({"name": _sound(name)} if name else {})}


def _digest(message: Message, attempt: int) -> str:
    texts = "\n".join(_literals((*message.subject, *message.html, *message.text)))
    # Nothing holds the digest of itself; a fallback stands in the place of a value.
    fallbacks = [one.fallback for one in (*message.html, *message.text) if isinstance(one, Field)]
    seed = "\n".join([str(attempt), texts, *fallbacks])
    return hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[: 2 * _HALF]


def _literals(pieces: Pieces) -> Iterator[str]:
    return (piece for piece in pieces if isinstance(piece, str))


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
