"""A batch at SparkPost as one transmission: one content with `{{{key}}}` in it, and the values of each.

Three braces switch off that the service escapes a value for HTML, or encodes it inside of a link: both would
change a whole URL. So a value comes escaped for its place. Facts by developers.sparkpost.com as of 2026-06.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import Mailing
from newsletter.errors import ProviderError
from newsletter.providers.braces import (
    Marks,
    Place,
    Variables,
    apart_in_html,
    apart_in_text,
    apart_in_url,
    column_of,
    html_value,
    text_value,
    url_value,
)
from newsletter.providers.encoding import json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    phrase_of,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil

#: HTML and text together, in bytes.
_CONTENT_ROOM = 20_000_000
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+@[\w-]+(?:\.[\w-]+)+")
_LIST_ID = re.compile(r"<[^<>]+>")

HTML = Place("html", apart_in_html, lambda value: json_text(html_value(value)))
TEXT = Place("text", apart_in_text, lambda value: json_text(text_value(value)))
HEADER = Place("header", apart_in_url, lambda value: json_text(url_value(value)))


class Form:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, an unknown field, or a mail that is too large.
    """

    def __init__(self, message: Message) -> None:
        variables = Variables(Marks("{{{", "}}}", '"'))
        said = {"options": _options(message), "content": _content(message, variables)}
        list_id = _LIST_ID.search("".join(_literal(dict(message.headers).get("List-Id", ()))))
        if list_id:
            said["override"] = {"list_id": list_id.group()}
        self._head = orjson.dumps(said)[:-1] + b',"recipients":['
        self._recipients = Stencil(_recipient(variables))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Return the transmission in parts, to be joined."""
        parts = [self._head]
        for recipient in self._recipients.fill(mailing.recipients):
            parts += (b"" if len(parts) == 1 else b",", *recipient)
        return [*parts, b'],"campaign_id":', orjson.dumps(mailing.key), b"}"]


def unfit(recipients: Sequence[Recipient]) -> str | None:
    """Say why these recipients cannot share a call, None if they can.

    Whoever is refused inside of a call is counted and not named, so addresses of no known form are kept out.
    """
    if all(_PLAIN_ADDRESS.fullmatch(recipient.address) for recipient in recipients):
        return None
    return "an address has a form that cannot be sent in a batch"


def _options(message: Message) -> dict[str, bool]:
    # Only a transactional mail keeps a List-Unsubscribe of ours (SparkPost/python-sparkpost#159, 2018); any
    # other gets one of the service, silently.
    is_ours = any(name.lower() == "list-unsubscribe" for name, _ in message.headers)
    return {
        "open_tracking": False,
        "click_tracking": False,
        "inline_css": False,
        "transactional": is_ours or bool(message.notice),
    }


def _content(message: Message, variables: Variables) -> dict[str, Any]:
    name, address = split_mailbox(message.sender)
    sender = {"email": ascii_address(address), **({"name": TEXT.literal(name)} if name else {})}
    if not _PLAIN_ADDRESS.fullmatch(sender["email"]):
        raise ProviderError(
            f"{one_line(message.sender)!r} has no address that SparkPost could send from",
            mend='write from = "Name <name@your.domain>"',
        )
    html, text = _sound(variables.pour(message.html, HTML)), _sound(variables.pour(message.text, TEXT))
    size = len(html.encode()) + len(text.encode())
    if size > _CONTENT_ROOM:
        raise ProviderError(
            f"the mail has {size:,} bytes; SparkPost takes 20 MB", mend="make the issue shorter"
        )
    return {
        "from": sender,
        "subject": _subject(message.subject, variables),
        "html": html,
        "text": text,
        "headers": _headers(message, variables),
        **({"reply_to": _mailbox(message.reply_to)} if message.reply_to else {}),
    }


def _headers(message: Message, variables: Variables) -> dict[str, str]:
    headers = {}
    for name, pieces in message.headers:
        check_header(name, pieces)
        # The id of a list has a place of its own.
        if name.lower() != "list-id":
            headers[name] = variables.pour(pieces, HEADER)
    return headers


def _subject(pieces: Pieces, variables: Variables) -> str:
    if not any(isinstance(piece, Field) for piece in pieces):
        return _sound(TEXT.literal(one_line("".join(_literal(pieces)))))
    # One variable for all of it: spaces and breaks are joined across its fields.
    return variables.add("subject", column_of(pieces, lambda value: TEXT.value(one_line(value))))


def _recipient(variables: Variables) -> list[Part]:
    # Events tell the reference again: so they find their delivery, whose id all recipients share.
    return [
        b'{"address":{"email":"',
        Column(lambda people: list(map(json_text, ascii_addresses([one.address for one in people])))),
        b'"},"metadata":{"reference":"',
        Slot(Field("reference"), json_text),
        b'"},"substitution_data":{',
        *variables.parts,
        b"}}",
    ]


def _mailbox(written: str) -> str:
    name, address = split_mailbox(written)
    return _sound(TEXT.literal(f"{phrase_of(name)} <{ascii_address(address)}>" if name else address))


def _literal(pieces: Pieces) -> list[str]:
    return [piece for piece in pieces if isinstance(piece, str)]


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
