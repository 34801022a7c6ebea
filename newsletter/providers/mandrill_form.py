"""A mail at Mandrill as one call: complete, to one person.

Headers are of the whole call and have no variables: only a call for one person carries that person's way out.
Merging is switched off; what an account's default would make of it is not documented, so what looks like a
variable, `*|NAME|*`, is taken apart as well. Facts by mailchimp.com/developer/transactional as of 2026-04.
"""

import html
import re
from collections.abc import Sequence

import orjson

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.braces import part_of
from newsletter.providers.encoding import Encode, json_line, json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    phrase_of,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil, whole

#: Of the whole mail, in bytes; the documentation of the service's SMTP says so.
LARGEST_MAIL = 25_000_000
_LONGEST_TAG = 50
_WORD_JOINER = "\u2060"
_VARIABLE = re.compile(r"\*(?=\|)")
#: A value is read beside whatever stands around it.
_EDGY = re.compile(r"\A\||\*(?=\||\Z)")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+@[\w-]+(?:\.[\w-]+)+")
#: What a service may do with a mail of which only what was written should arrive.
_AS_IT_IS = {
    "track_opens": False,
    "track_clicks": False,
    "auto_text": False,
    "auto_html": False,
    "inline_css": False,
    "preserve_recipients": False,
    "view_content_link": False,
    "merge": False,
    "merge_language": "mailchimp",
}


class Form:
    """A message encoded once; `body` adds what one mailing brings, and begins behind the key.

    Raises ProviderError for a header that has no legal form, an unknown field, or a mail that is too large.
    """

    def __init__(self, message: Message) -> None:
        self._stencil = Stencil(_parts(message))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the call in parts, to be joined; everybody in it is one of its `to`."""
        (parts,) = self._stencil.fill(mailing.recipients)
        return [*parts, b',"mailing":', orjson.dumps(mailing.key), b"}}}"]


def unfit(mailing: Mailing) -> str | None:
    """Say why this mailing cannot be a call, None if it can."""
    if len(mailing.recipients) != 1:
        return "a call is for one recipient"
    if not _PLAIN_ADDRESS.fullmatch(mailing.recipients[0].address):
        return "the address has a form that cannot be sent to"
    return None


def _parts(message: Message) -> list[Part]:
    name, address = split_mailbox(message.sender)
    if not _PLAIN_ADDRESS.fullmatch(ascii_address(address)):
        raise ProviderError(
            f"{one_line(message.sender)!r} has no address that Mandrill could send from",
            mend='write from = "Name <name@your.domain>"',
        )
    same = {
        **_AS_IT_IS,
        "from_email": ascii_address(address),
        **({"from_name": name} if name else {}),
        # An account has a hundred tags in all, so only the series is one.
        "tags": [value[:_LONGEST_TAG].lstrip("_") for _, value in message.tags[:1]],
    }
    parts: list[Part] = [b',"async":false,"message":', orjson.dumps(same)[:-1]]
    parts += [b',"to":[{"type":"to","email":"', Column(_addresses), b'"}]']
    parts += [b',"subject":"', whole(message.subject, lambda text: json_text(text_apart(one_line(text))))]
    parts += [b'","html":"', *_pour(message.html, _html_literal, _html_value)]
    parts += [b'","text":"', *_pour(message.text, _text_literal, _text_value)]
    parts += [b'","headers":{', *_headers(message), b"}"]
    _check_size(parts)
    # The log and the events tell it again: so they find their delivery although the answer was lost.
    return [*parts, b',"metadata":{"reference":"', Slot(Field("reference"), json_line), b'"']


def _headers(message: Message) -> list[Part]:
    parts: list[Part] = []
    name, address = split_mailbox(message.reply_to)
    if message.reply_to:
        written = f"{phrase_of(name)} <{ascii_address(address)}>" if name else ascii_address(address)
        parts += [b'"Reply-To":', orjson.dumps(written)]
    for header, pieces in message.headers:
        check_header(header, pieces)
        parts += [b"," if parts else b"", orjson.dumps(header), b':"']
        parts += [part_of(one, json_line) if isinstance(one, Field) else json_text(one) for one in pieces]
        parts.append(b'"')
    return parts


def html_apart(text: str, pattern: re.Pattern[str] = _VARIABLE) -> str:
    """Write a sign of what looks like a variable as a character reference, which reads the same."""
    return pattern.sub(lambda match: f"&#{ord(match.group())};", text)


def text_apart(text: str, pattern: re.Pattern[str] = _VARIABLE) -> str:
    """Put a word joiner, which nobody sees, between the signs of what looks like a variable."""

    def joined(match: re.Match[str]) -> str:
        sign = match.group()
        return f"{_WORD_JOINER}{sign}" if sign == "|" else f"{sign}{_WORD_JOINER}"

    return pattern.sub(joined, text)


def _html_literal(text: str) -> bytes:
    return json_text(html_apart(text))


def _text_literal(text: str) -> bytes:
    return json_text(text_apart(text))


def _html_value(value: str) -> bytes:
    return json_text(html_apart(html.escape(value), _EDGY))


def _text_value(value: str) -> bytes:
    return json_text(text_apart(value, _EDGY))


def _pour(pieces: Pieces, literal: Encode, value: Encode) -> list[Part]:
    # Every sign of a value that could make a variable with its neighbour is taken apart in the value.
    return [part_of(one, value) if isinstance(one, Field) else literal(one) for one in pieces]


def _addresses(people: Sequence[Recipient]) -> list[bytes]:
    return [json_line(spot) for spot in ascii_addresses([one.address for one in people])]


def _check_size(parts: list[Part]) -> None:
    size = sum(len(part) for part in parts if isinstance(part, bytes))
    if size > LARGEST_MAIL:
        raise ProviderError(
            f"the mail has {size:,} bytes; Mandrill takes 25 MB", mend="make the issue shorter"
        )
