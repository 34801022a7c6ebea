"""A batch at Brevo as one call: what all have, and a whole version of the mail for each recipient.

The service reads `{{ }}`, `{% %}` and `{# #}` in whatever it is given, and whether it escapes values is not
documented. So versions are sent filled, and no brace of ours, nor of a recipient, opens anything.
"""

import html
import re
from uuid import UUID, uuid5

import orjson

from newsletter.domain.message import Message
from newsletter.domain.pieces import Field, Pieces, plain
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.braces import column_of, part_of
from newsletter.providers.encoding import Encode, header_value, json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    mailbox_line,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil

#: What keys are made of: Brevo takes UUIDs only.
_NAMESPACE = UUID("5a0f7a3e-1f5c-4c53-9d0e-8a7f5a3b6d11")
_WORD_JOINER = "\u2060"
#: What opens something, or could with the field that follows.
_OPENING = re.compile(r"\{(?=[{%#]|\Z)")
#: A character reference means nothing in a style sheet, and a space changes nothing there.
_STYLE = re.compile(r"(<style\b.*?</style>)", re.IGNORECASE | re.DOTALL)
#: With one of these a name that is not ASCII is dropped (django-anymail, 2026).
_SPECIALS = re.compile(r'[()<>\[\]:;@\\,."]')


class Form:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, or an unknown field.
    """

    def __init__(self, message: Message) -> None:
        self._tags = [value for _, value in message.tags]
        self._head = orjson.dumps(_shared(message))[:-1]
        self._versions = Stencil(_version(message))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the call in parts, to be joined."""
        named = {
            "tags": [*self._tags, mailing.key],
            "headers": {"idempotencyKey": str(uuid5(_NAMESPACE, mailing.key))},
        }
        parts = [self._head, b",", orjson.dumps(named)[1:-1], b',"messageVersions":[']
        start = len(parts)
        for version in self._versions.fill(mailing.recipients):
            parts += (b"" if len(parts) == start else b",", *version)
        return [*parts, b"]}"]


def disarmed_html(text: str) -> str:
    """Write a brace that opens something so that it reads the same and opens nothing."""
    parts = _STYLE.split(text)
    parts[::2] = [_OPENING.sub("&#123;", part) for part in parts[::2]]
    parts[1::2] = [_OPENING.sub("{ ", part) for part in parts[1::2]]
    return "".join(parts)


def disarmed_text(text: str) -> str:
    """Put a word joiner, which nobody sees, behind a brace that opens something."""
    return _OPENING.sub("{" + _WORD_JOINER, text)


def _html_value(value: str) -> bytes:
    return json_text(html.escape(value).replace("{", "&#123;"))


def _text_value(value: str) -> bytes:
    return json_text(value.replace("{", "{" + _WORD_JOINER))


def _subject_value(value: str) -> bytes:
    return json_text(disarmed_text(one_line(value)))


def _header_value(value: str) -> bytes:
    # What is not ASCII would leave as it is, in no known character set (django-anymail, 2026).
    return json_text(header_value(value).decode().replace("{", "%7B"))


def _shared(message: Message) -> dict[str, object]:
    subject = disarmed_text(one_line(plain(message.subject)))
    # Without a body for all, those of the versions are not taken.
    said: dict[str, object] = {"sender": _mailbox(message.sender), "subject": _sound(subject)}
    said["htmlContent"] = _sound(f"<p>{disarmed_html(html.escape(subject))}</p>")
    if message.reply_to:
        # A name would leave as it is, in no known character set.
        said["replyTo"] = {"email": _mailbox(message.reply_to)["email"]}
    return said


def _version(message: Message) -> list[Part]:
    addresses = Column(lambda people: list(map(json_text, ascii_addresses([one.address for one in people]))))
    parts: list[Part] = [b'{"to":[{"email":"', addresses, b'"}],"subject":"']
    parts += [column_of(message.subject, _subject_value), b'","htmlContent":"']
    parts += [*_pour(message.html, lambda text: json_text(disarmed_html(text)), _html_value)]
    parts += [b'","textContent":"']
    parts += [*_pour(message.text, lambda text: json_text(disarmed_text(text)), _text_value)]
    parts += [b'","headers":{']
    for name, pieces in message.headers:
        check_header(name, pieces)
        parts += [orjson.dumps(name), b':"']
        parts += [*_pour(pieces, lambda text: json_text(_OPENING.sub("{ ", text)), _header_value), b'",']
    # Events tell it again: so they find their delivery although the answer with its ids was lost.
    return [*parts, b'"X-Mailin-custom":"', Slot(Field("reference"), json_text), b'"}}']


def _pour(pieces: Pieces, literal: Encode, value: Encode) -> list[Part]:
    return [part_of(piece, value) if isinstance(piece, Field) else literal(piece) for piece in pieces]


def _mailbox(written: str) -> dict[str, str]:
    name, address = split_mailbox(written)
    spot = ascii_address(address)
    if not re.fullmatch(r'[^@\s"]+@[^@\s]+', spot):
        raise ProviderError(
            f"{one_line(written)!r} has no address that Brevo could send from or reply to",
            mend='write from = "Name <name@your.domain>"',
        )
    if not name.isascii() and _SPECIALS.search(name):
        line = mailbox_line("From", name, spot).decode().replace("\r\n", "")
        name = line.removeprefix("From:").rpartition("<")[0].strip()
    return {"email": _sound(spot), **({"name": _sound(name)} if name else {})}


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
