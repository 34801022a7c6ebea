"""Postmark: a batch is a JSON array of complete messages, and each is answered for itself.

There is no idempotency: what became of a call without an answer is read from the server's own log. Facts by
postmarkapp.com/developer as of 2026-02.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson

from newsletter import __version__
from newsletter.domain.diagnosis import Examination
from newsletter.domain.message import Message, Recipient
from newsletter.domain.pieces import Field, Pieces
from newsletter.domain.provider import (
    Capabilities,
    Inquiry,
    Mailing,
    Provider,
    Recovery,
    Sightings,
)
from newsletter.errors import ProviderError
from newsletter.providers.account import Account
from newsletter.providers.encoding import json_html, json_line, json_text
from newsletter.providers.headers import ascii_addresses, check_header, phrase_of, split_mailbox
from newsletter.providers.posting import Post
from newsletter.providers.postmark_account import PostmarkServer
from newsletter.providers.postmark_answers import read_answer
from newsletter.providers.postmark_log import MessageLog
from newsletter.providers.settings import ProviderSettings, Secret, read_secret
from newsletter.providers.stencil import Column, Part, Slot, Stencil, pour, whole
from newsletter.providers.wire import Patience

BASE_URL = "https://api.postmarkapp.com"
#: A broadcast stream that every new server has.
STREAM = "broadcast"
#: Where a mail goes that no stream is named for. A notice answers what somebody has just done.
NOTICES = "outbound"
#: In bytes: of a call, and of each body of a message.
LARGEST_CALL, LARGEST_BODY = 50_000_000, 5_000_000
_LONGEST_TAG = 1000
_STREAM_ID = re.compile(r"[A-Za-z0-9_-]{1,30}")
#: `To` holds several addresses with commas between them: nothing else may be read as more than one.
_ONE_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u00a1-\U0010ffff-]+@[\w.-]+")


class Postmark(Account):
    """The server behind one token, and its stream for what is sent to many."""

    can = Capabilities(
        name="postmark",
        batch_size=500,
        call_timeout=Patience.call,
        recovery=Recovery.QUERY,
        # The delay of the log is not documented; minutes are a multiple of what is seen.
        settles_after=timedelta(minutes=10),
        look_interval=timedelta(minutes=2),
        # Seven days is the shortest retention that can be set, less what a slow search may cost.
        remembers_for=timedelta(days=7) - timedelta(hours=6),
        is_atomic=False,
        byte_limit=LARGEST_CALL,
        cost="our one-click header stays only where Postmark lets you handle unsubscribing yourself",
    )

    def __init__(
        self, base_url: str, token: Secret, patience: Patience | None = None, *, stream: str = STREAM
    ) -> None:
        super().__init__(base_url, token, patience)
        self._stream = stream

    def compile(self, message: Message) -> Callable[[Mailing], Post]:
        """Encode a message once as one element of the JSON array.

        Raises ProviderError for a body that is too large, and as `Form` does.
        """
        url = f"{self._base_url}/email/batch"
        form = Form(message, NOTICES if message.notice else self._stream)

        def fill(mailing: Mailing) -> Post:
            body = form.body(mailing)
            why_not = unfit(mailing.recipients, body)
            return Post(url, self._secret, self._wire, headers_for, read_answer, mailing, body, why_not)

        return fill

    def search(self, inquiry: Inquiry) -> Sightings:
        """Look in the server's log for mails accepted under a key."""
        headers, streams = headers_for(self._secret.reveal()), dict.fromkeys((self._stream, NOTICES))
        return MessageLog(self._wire, self._base_url, headers, tuple(streams)).find(inquiry)

    def examine(self, domains: Sequence[str]) -> Examination:
        """Ask for the server and its stream; of domains a server's token is told nothing."""
        token = self._secret.reveal()
        server = PostmarkServer(self._wire, self._base_url, headers_for(token), token, self._stream)
        return server.examine(domains)


def open_postmark(settings: ProviderSettings) -> Provider:
    """Open the server of POSTMARK_SERVER_TOKEN.

    Raises ProviderError where the token is missing, or the address or the stream cannot be used.
    """
    stream = settings.stream or STREAM
    if not _STREAM_ID.fullmatch(stream):
        raise ProviderError(
            f"no message stream of Postmark is called {stream!r}",
            mend='write its id, as in stream = "broadcast"; Postmark shows it on the stream\'s settings page',
        )
    token = read_secret(settings.environment, "POSTMARK_SERVER_TOKEN")
    return Postmark(settings.base_url or BASE_URL, token, stream=stream)


class Form:
    """A message compiled to an element of the JSON array; what names the call goes behind each.

    Raises ProviderError for a body that is too large, a header that has no legal form, or an unknown field.
    """

    def __init__(self, message: Message, stream: str) -> None:
        _check_size("HTML", message.html)
        _check_size("text", message.text)
        self._stencil = Stencil(_parts(message, stream))

    def body(self, mailing: Mailing) -> list[bytes]:
        """Fill the array for everybody, in parts to be joined."""
        end = b'","mailing":' + orjson.dumps(mailing.key) + b"}}"
        parts: list[bytes] = []
        for element in self._stencil.fill(mailing.recipients):
            parts += (b"," if parts else b"[", *element, end)
        return [*parts, b"]"] if parts else [b"[]"]


def unfit(recipients: Sequence[Recipient], body: Sequence[bytes]) -> str | None:
    """Say why these recipients cannot share a call, None if they can."""
    if not all(_ONE_ADDRESS.fullmatch(recipient.address) for recipient in recipients):
        return "an address has a form that could be read as several"
    if sum(map(len, body)) > LARGEST_CALL:
        return "the batch is larger than the 50 MB that Postmark takes"
    return None


def headers_for(token: str) -> dict[str, str]:
    """Return the headers of every call; without Accept it is refused."""
    return {
        "Accept": "application/json",
        "User-Agent": f"newsletter/{__version__}",
        "X-Postmark-Server-Token": token,
    }


def _parts(message: Message, stream: str) -> list[Part]:
    # No Message-ID: the service is not known to keep it.
    same = {
        "From": _mailbox(message.sender),
        **({"ReplyTo": _mailbox(message.reply_to)} if message.reply_to else {}),
        "MessageStream": stream,
        "TrackOpens": False,
        "TrackLinks": "None",
        **({"Tag": tag} if (tag := "/".join(value for _, value in message.tags)[:_LONGEST_TAG]) else {}),
    }
    parts: list[Part] = [orjson.dumps(same)[:-1], b',"To":"', Column(_addresses)]
    parts += [b'","Subject":"', whole(message.subject, json_line)]
    parts += [b'","HtmlBody":"', *pour(message.html, json_text, json_html)]
    parts += [b'","TextBody":"', *pour(message.text, json_text, json_text), b'"']
    for index, (name, pieces) in enumerate(message.headers):
        check_header(name, pieces)
        parts += [b"," if index else b',"Headers":[', b'{"Name":', orjson.dumps(name), b',"Value":"']
        parts += [*pour(pieces, json_text, json_line), b'"}']
    # The log and the events tell it again: so they find their delivery although the answer was lost.
    reference = Slot(Field("reference"), json_line)
    return [*parts, b"]" if message.headers else b"", b',"Metadata":{"reference":"', reference]


def _addresses(recipients: Sequence[Recipient]) -> list[bytes]:
    # An address alone: a name that the service cannot parse would refuse it.
    return [json_line(address) for address in ascii_addresses([one.address for one in recipients])]


def _mailbox(written: str) -> str:
    name, address = split_mailbox(written)
    return f"{phrase_of(name)} <{address}>" if name else address


def _check_size(kind: str, pieces: Pieces) -> None:
    size = sum(len(piece.encode("utf-8", "replace")) for piece in pieces if not isinstance(piece, Field))
    if size > LARGEST_BODY:
        raise ProviderError(
            f"the {kind} of the mail has {size:,} bytes; Postmark takes 5 MB",
            mend="make the issue shorter",
        )
