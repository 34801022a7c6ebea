"""Mailgun's reports: one event a post; the signature is of a token, and does not cover the event.

So a token counts once: an event under a token that was seen changes nothing, whatever it says. Facts by
documentation.mailgun.com as of 2026-07.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.clicks import Click
from newsletter.domain.event import Event, EventKind, Forged, Post
from newsletter.providers.answers import message_id
from newsletter.providers.reports import LONGEST_ID, click, instant, recipient, table, text, why
from newsletter.providers.settings import read_secret

VARIABLE = "MAILGUN_WEBHOOK_SIGNING_KEY"
#: A report is repeated for about eight hours; whether it is signed anew is not documented. Tokens have to be
#: remembered for longer than this.
TOLERANCE = timedelta(hours=12)
_AHEAD = timedelta(minutes=5)
_DIGITS = re.compile(r"[0-9]{1,12}")
_KINDS = {
    "accepted": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "rejected": EventKind.FAILED,
    "complained": EventKind.COMPLAINED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "clicked": EventKind.CLICKED,
}


@dataclass(frozen=True)
class MailgunListener:
    """The reports of the account behind one webhook signing key."""

    key: bytes

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read what it reports."""
        try:
            said = table(orjson.loads(post.body))
        except orjson.JSONDecodeError:
            raise Forged("it is no JSON, so it has no signature") from None
        token = verify(self.key, table(said.get("signature")), now)
        return [read_event(token, table(said.get("event-data")), post.body, now)]


def open_listener(environment: Mapping[str, str]) -> MailgunListener:
    """Open what understands the reports signed with MAILGUN_WEBHOOK_SIGNING_KEY.

    Raises ProviderError where the key is missing.
    """
    return MailgunListener(read_secret(environment, VARIABLE).reveal().encode())


def verify(key: bytes, signature: Mapping[str, Any], now: datetime) -> str:
    """Return the token that was signed with the key, and lately; raises Forged for any other."""
    timestamp, token, given = (_said(signature.get(name)) for name in ("timestamp", "token", "signature"))
    if not _DIGITS.fullmatch(timestamp) or not token or len(token) > LONGEST_ID or not given:
        raise Forged("it has no complete signature")
    ours = hmac.digest(key, f"{timestamp}{token}".encode("utf-8", "replace"), "sha256").hex()
    if not hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace")):
        raise Forged("its signature is not by our key")
    age = now.timestamp() - int(timestamp)
    if not -_AHEAD.total_seconds() <= age <= TOLERANCE.total_seconds():
        raise Forged("its signature is too old, or from the future")
    return token


def read_event(token: str, data: Mapping[str, Any], body: bytes, now: datetime) -> Event:
    """Translate what was reported; what says nothing we know is of kind `other`."""
    name = text(data.get("event"))
    at = instant(data.get("timestamp")) or now
    kind, bounce, words = _meaning(name, data)
    if kind is EventKind.OTHER:
        return Event("mailgun", token, kind, at, "", raw=body, reason=words)
    headers = table(table(data.get("message")).get("headers"))
    return Event(
        "mailgun",
        token,
        kind,
        at,
        reference=text(table(data.get("user-variables")).get("reference")),
        message_id=message_id(headers.get("message-id")) or None,
        recipient=recipient(data.get("recipient") or headers.get("to")),
        bounce=bounce,
        reason=words,
        click=_click(data) if kind is EventKind.CLICKED else None,
    )


def _click(data: Mapping[str, Any]) -> Click:
    client = table(data.get("client-info"))
    return click(
        data.get("url"), data.get("ip"), client.get("user-agent"), is_bot=bool(text(client.get("bot")))
    )


def _said(value: object) -> str:
    # Documented as text, and a number in some of the examples.
    return str(value) if type(value) is int else text(value)


def _meaning(name: str, data: Mapping[str, Any]) -> tuple[EventKind, Bounce | None, str]:
    if name == "rejected":
        return EventKind.FAILED, Bounce.BLOCK, why(table(data.get("reject")).get("reason"))
    if name != "failed":
        kind = _KINDS.get(name, EventKind.OTHER)
        return kind, None, why(name) if kind is EventKind.OTHER else ""
    status = table(data.get("delivery-status"))
    words = why(status.get("code"), status.get("enhanced-code"), status.get("message") or data.get("reason"))
    if text(data.get("severity")) != "permanent":
        # It is tried again.
        return EventKind.DEFERRED, None, words
    match text(data.get("reason")):
        case "suppress-unsubscribe":
            return EventKind.UNSUBSCRIBED, None, words
        case "suppress-complaint":
            return EventKind.BOUNCED, Bounce.UNWANTED, words
        case "suppress-bounce":
            return EventKind.BOUNCED, Bounce.HARD, words
    return EventKind.BOUNCED, _bounce(status), words


def _bounce(status: Mapping[str, Any]) -> Bounce:
    code = status.get("code")
    said = " ".join(text(status.get(name)) for name in ("message", "description"))
    # Codes of its own, such as 602 and 499, are no replies of a mail server.
    reply = code if isinstance(code, int) and (400 <= code < 499 or 500 <= code < 560) else None
    return classify(said, reply, text(status.get("enhanced-code")))
