"""A batch at MailerSend: an array of complete messages, each to one person.

What looks like a variable of the service (`{{ name }}`, `{$name}`, `{% if %}`) is substituted in any body, so
a brace of ours never stands before a sign that opens one. Facts by developers.mailersend.com as of 2026.
"""

import html
import re
from collections.abc import Callable, Sequence

import orjson

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.braces import apart_in_html, apart_in_text, part_of
from newsletter.providers.encoding import Encode, header_value, json_line, json_text, one_line
from newsletter.providers.headers import ascii_address, ascii_addresses, check_header, split_mailbox
from newsletter.providers.stencil import Column, Part, Slot, Stencil, whole

_MOST_TAGS = 5
_OPENS = re.compile(r"\{(?=[{$%#])")
#: A value is read beside whatever stands around it, and so is our text before one.
_OPENS_OR_ENDS = re.compile(r"\{(?=[{$%#]|\Z)")
_STYLE = re.compile(r"(<style\b.*?</style>)", re.DOTALL | re.IGNORECASE)
#: The service has no SMTPUTF8: of an address only the domain may be international, which is sent as ASCII.
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[\w-]+(?:\.[\w-]+)+")
_UNSUBSCRIBE = "list-unsubscribe"


class Form:
    """A message compiled to an element of the JSON array.

    Raises ProviderError for a sender that is none, a header that has no legal form, or an unknown field.
    """

    def __init__(self, message: Message) -> None:
        self._stencil = Stencil(_parts(message))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Fill the array for everybody, in parts to be joined."""
        parts: list[bytes] = []
        for element in self._stencil.fill(mailing.recipients):
            parts += (b"," if parts else b"[", *element)
        return [*parts, b"]"]


def unfit(recipients: Sequence[Recipient]) -> str | None:
    """Say why these recipients cannot share a call, None if they can."""
    if all(_PLAIN_ADDRESS.fullmatch(one.address) for one in recipients):
        return None
    return "an address has a form that MailerSend cannot send to"


def _parts(message: Message) -> list[Part]:
    same = {
        "from": _person(message.sender),
        **({"reply_to": _person(message.reply_to)} if message.reply_to else {}),
        "settings": {"track_clicks": False, "track_opens": False, "track_content": False},
    }
    parts: list[Part] = [orjson.dumps(same)[:-1], b',"to":[{"email":"', Column(_addresses), b'"}]']
    parts += [b',"subject":"', whole(message.subject, lambda text: json_text(_text(one_line(text))))]
    parts += [b'","html":"', *_pour(message.html, _html, lambda value: json_text(_html(html.escape(value))))]
    parts += [b'","text":"', *_pour(message.text, _text, lambda value: json_text(_text(value))), b'"']
    parts += _headers(message)
    # There is no metadata: events find their delivery by a tag.
    tags = [value for _, value in message.tags[: _MOST_TAGS - 1]]
    told = orjson.dumps(tags)[:-1] + (b',"' if tags else b'"')
    return [*parts, b',"tags":', told, Slot(Field("reference"), json_line), b'"]}']


def _headers(message: Message) -> list[Part]:
    """Write the way out in the field that is for it, which the service would else fill by itself."""
    own: list[Part] = []
    others: list[Part] = []
    for name, pieces in message.headers:
        check_header(name, pieces)
        if name.lower() == _UNSUBSCRIBE:
            own += [b',"list_unsubscribe":"', *_line(pieces), b'"']
        else:
            others += [b"," if others else b"", b'{"name":', orjson.dumps(name), b',"value":"']
            others += [*_line(pieces), b'"}']
    return [*own, *([b',"headers":[', *others, b"]"] if others else [])]


def _line(pieces: Pieces) -> list[Part]:
    return [
        part_of(one, lambda value: json_text(header_value(value).decode()))
        if isinstance(one, Field)
        else json_text(one)
        for one in pieces
    ]


def _pour(pieces: Pieces, literal: Callable[..., str], value: Encode) -> list[Part]:
    # Where a field follows, its value could begin with what makes a variable of our brace.
    followed = [isinstance(one, Field) for one in pieces[1:]]
    return [
        part_of(one, value) if isinstance(one, Field) else json_text(literal(one, is_before=is_before))
        for one, is_before in zip(pieces, [*followed, False], strict=True)
    ]


def _html(text: str, *, is_before: bool = True) -> str:
    pattern = _OPENS_OR_ENDS if is_before else _OPENS
    *done, last = _STYLE.split(text)
    # A style knows no character references, and a space is nothing in it.
    safe = [
        _OPENS.sub("{ ", one) if number % 2 else _OPENS.sub(apart_in_html, one)
        for number, one in enumerate(done)
    ]
    return "".join(safe) + pattern.sub(apart_in_html, last)


def _text(text: str, *, is_before: bool = True) -> str:
    return (_OPENS_OR_ENDS if is_before else _OPENS).sub(apart_in_text, text)


def _person(written: str) -> dict[str, str]:
    name, address = split_mailbox(written)
    spot = ascii_address(address)
    if not _PLAIN_ADDRESS.fullmatch(spot):
        raise ProviderError(
            f"{one_line(written)!r} has no address that MailerSend could send from or reply to",
            mend='write from = "Name <name@your.domain>"',
        )
    return {"email": spot, **({"name": _text(name)} if name else {})}


def _addresses(people: Sequence[Recipient]) -> list[bytes]:
    return [json_line(spot) for spot in ascii_addresses([one.address for one in people])]
