"""A complete message of RFC 5322: multipart/alternative, text before HTML, both quoted-printable.

Compiled once; per recipient only values are encoded. The same inputs give the same bytes.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import partial

from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.providers.encoding import Encode, qp_html, qp_literal, qp_text
from newsletter.providers.headers import mailbox_line, raw_line, split_mailbox, text_line
from newsletter.providers.stencil import Part, Stencil, pour, whole

#: Gives the parts of each recipient's mail, to be joined.
Fill = Callable[[Sequence[Recipient]], Iterator[tuple[bytes, ...]]]


def compile_mime(message: Message) -> Callable[[datetime], Fill]:
    """Encode a message once; the result takes the Date of a mailing, then its recipients.

    Raises ProviderError for a header that has no legal form, or for an unknown field.
    """
    stencil = Stencil(_parts(message))

    def fill_at(date: datetime) -> Fill:
        line = f"Date: {format_datetime(date)}\r\n".encode()
        return lambda recipients: ((line, *parts) for parts in stencil.fill(recipients))

    return fill_at


def _parts(message: Message) -> list[Part]:
    boundary = _boundary(message.revision)
    opening = f"--{boundary}\r\n".encode()
    parts: list[Part] = [
        mailbox_line("From", *split_mailbox(message.sender)),
        mailbox_line("Reply-To", *split_mailbox(message.reply_to)) if message.reply_to else b"",
        lambda recipient: mailbox_line("To", recipient.name, recipient.address),
        whole(message.subject, partial(text_line, "Subject")),
        *raw_line("Message-ID", (Field("message_id"),)),
        b"MIME-Version: 1.0\r\n",
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'.encode(),
    ]
    for name, pieces in message.headers:
        parts += raw_line(name, pieces)
    parts += [b"\r\n", opening, _part_header("text/plain"), *_body(message.text, qp_text)]
    parts += [b"\r\n", opening, _part_header("text/html"), *_body(message.html, qp_html)]
    return [*parts, f"\r\n--{boundary}--\r\n".encode()]


def _body(pieces: Pieces, value: Encode) -> list[Part]:
    # A body ends in a line break, so that none ends in a soft one (RFC 2045 §6.7 (3)).
    last = pieces[-1] if pieces else ""
    is_ended = isinstance(last, str) and last.endswith(("\r", "\n"))
    return pour(pieces if is_ended else (*pieces, "\n"), qp_literal, value)


def _part_header(content_type: str) -> bytes:
    return (
        f"Content-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode()


def _boundary(revision: str) -> str:
    # "=_" is no legal quoted-printable, so no body can hold it (RFC 2045 §6.7).
    return f"=_{hashlib.sha256(revision.encode()).hexdigest()[:32]}"
