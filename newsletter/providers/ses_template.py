"""A batch at Amazon SES as one call: a template in it with `{{key}}`, and the values of each recipient.

The service escapes nothing, and what a brace means beside another is not documented for a template that is
sent along. So a value has a variant for each kind of place, and two braces of ours never stand together.
Facts by docs.aws.amazon.com/ses and the model of its API (sesv2) as of 2026.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import chain
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
    column_of,
    html_value,
    part_of,
    text_value,
)
from newsletter.providers.encoding import header_value, json_line, json_text, one_line
from newsletter.providers.headers import (
    ascii_address,
    ascii_addresses,
    check_header,
    mailbox_line,
    split_mailbox,
)
from newsletter.providers.stencil import Column, Part, Slot, Stencil

_MOST_HEADERS = 15
_LONGEST_NAME = 126
#: A header's name and its value together.
_LONGEST_HEADER = 996
#: All three parts of the template, in bytes.
_TEMPLATE_ROOM = 500_000
#: The service has no SMTPUTF8: of an address only the domain may be international, as ASCII.
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
#: What is left out where an address is written, so that another one might stand there.
_SPOILT = re.compile(r'[\s<>,;:()"\\]')
_DOUBLE = re.compile(r"\{(?=\{)")


class Template:
    """A message encoded once; `body` adds what one mailing brings.

    Raises ProviderError for a header that has no legal form, an unknown field, too many headers, or a mail
    that is too large.
    """

    def __init__(self, message: Message, configuration_set: str | None = None) -> None:
        variables = Variables(Marks("{{", "}}", '\\"'))
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
    is_plain = all(map(_PLAIN_ADDRESS.fullmatch, _spots(recipients)))
    if is_plain and not any(_SPOILT.search(one.address) for one in recipients):
        return None
    return "an address has a form that Amazon SES cannot send to"


def _header_value(value: str) -> bytes:
    return json_text(header_value(value).decode().replace("{{", "%7B%7B"))


def _json_twice(value: str) -> bytes:
    # The values of a recipient are JSON in a string of the JSON.
    return json_text(json_text(value).decode())


HTML = Place("html", apart_in_html, lambda value: _json_twice(html_value(value)))
TEXT = Place("text", apart_in_text, lambda value: _json_twice(text_value(value)))


def _entry(variables: Variables, tags: Iterable[tuple[str, str]], own: Sequence[Part]) -> list[Part]:
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
                part_of(piece, _header_value) if isinstance(piece, Field) else json_text(_unopened(piece))
                for piece in pieces
            ]
            own.append(b'"}')
        else:
            shared.append({"Name": name, "Value": _unopened(written)})
    return shared, own


def _unopened(text: str) -> str:
    return _DOUBLE.sub("{ ", text)


def _subject(pieces: Pieces, variables: Variables) -> str:
    if not any(isinstance(piece, Field) for piece in pieces):
        literal = one_line("".join(piece for piece in pieces if isinstance(piece, str)))
        return TEXT.literal(literal)
    # One variable for all of it: spaces and breaks are joined across its fields.
    return variables.add("subject", column_of(pieces, lambda value: TEXT.value(one_line(value))))


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
