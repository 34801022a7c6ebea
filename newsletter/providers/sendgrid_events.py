"""SendGrid's reports: many events a post, signed with a key whose public half its settings page shows.

Facts by SendGrid's Event Webhook reference and its OpenAPI description as of 2026-01.
"""

import hashlib
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.event import Event, EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.answers import message_id
from newsletter.providers.ecdsa import PublicKey
from newsletter.providers.reports import LONGEST_ID, click, instant, recipient, table, text, why
from newsletter.providers.sendgrid_form import REFERENCE
from newsletter.providers.settings import read_secret, spelled

VARIABLE = "SENDGRID_WEBHOOK_PUBLIC_KEY"
#: A report is repeated for a day; whether it is signed anew is not documented. A second one changes nothing.
TOLERANCE = timedelta(hours=25)
_AHEAD = timedelta(minutes=5)
_HEADER = "x-twilio-email-event-webhook-"
_LONGEST_TIMESTAMP = 12
_KINDS = {
    "processed": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.BOUNCED,
    "dropped": EventKind.FAILED,
    "spamreport": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
#: By `reason` of a mail that was dropped; any other is about the mail or the account.
_DROPPED: Mapping[str, tuple[EventKind, Bounce | None]] = {
    "bounced address": (EventKind.BOUNCED, Bounce.HARD),
    "invalid": (EventKind.BOUNCED, Bounce.HARD),
    "spam reporting address": (EventKind.BOUNCED, Bounce.UNWANTED),
    "unsubscribed address": (EventKind.UNSUBSCRIBED, None),
}


@dataclass(frozen=True)
class SendGridListener:
    """The reports signed with one key."""

    key: PublicKey

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post as it came, and only then read it."""
        verify(self.key, post, now)
        try:
            said = orjson.loads(post.body)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, list):
            return [Event("sendgrid", _digest(post.body), EventKind.OTHER, now, "", raw=post.body)]
        return [read_event(one, now) for one in said]


def open_listener(environment: Mapping[str, str]) -> SendGridListener:
    """Open what understands the reports signed with the key of SENDGRID_WEBHOOK_PUBLIC_KEY.

    Raises ProviderError where it is missing or is none.
    """
    written = read_secret(environment, VARIABLE).reveal()
    try:
        return SendGridListener(PublicKey.parse(b64decode(written, validate=True)))
    except (Base64Error, ValueError) as error:
        raise ProviderError(
            f"{spelled(environment, VARIABLE)} holds something that is no public key",
            mend="copy the verification key from Mail Settings, Event Webhook; it begins with MFkw",
        ) from error


def verify(key: PublicKey, post: Post, now: datetime) -> None:
    """Raise Forged for a post that was not signed with the key, or not lately."""
    timestamp, written = (post.headers.get(f"{_HEADER}{name}", "") for name in ("timestamp", "signature"))
    if not timestamp or not written:
        raise Forged("it has no complete signature")
    try:
        signature = b64decode(written, validate=True)
    except (Base64Error, ValueError):
        signature = b""
    if not key.verifies(signature, timestamp.encode("utf-8", "replace") + post.body):
        raise Forged("its signature is not by our key")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP):
        raise Forged("its timestamp is no number")
    age = now.timestamp() - int(timestamp)
    if not -_AHEAD.total_seconds() <= age <= TOLERANCE.total_seconds():
        raise Forged("its signature is too old, or from the future")


def read_event(one: object, now: datetime) -> Event:
    """Translate one event of a verified post; one that says nothing we know is of kind `other`."""
    said = table(one)
    name, raw = text(said.get("event")), orjson.dumps(one)
    at = instant(said.get("timestamp")) or now
    kind, bounce, words = _meaning(name, said)
    event_id = text(said.get("sg_event_id"))
    if not event_id or len(event_id) > LONGEST_ID:
        event_id = _digest(raw)
    if kind is EventKind.OTHER:
        return Event("sendgrid", event_id, kind, at, "", raw=raw, reason=words)
    return Event(
        "sendgrid",
        event_id,
        kind,
        at,
        reference=text(said.get(REFERENCE)),
        # Before the dot is what the answer to the call has told.
        message_id=message_id(said.get("sg_message_id")).partition(".")[0] or None,
        recipient=recipient(said.get("email")),
        bounce=bounce,
        reason=words,
        click=click(said.get("url"), said.get("ip"), said.get("useragent")) if name == "click" else None,
    )


def _meaning(name: str, said: Mapping[str, Any]) -> tuple[EventKind, Bounce | None, str]:
    kind = _KINDS.get(name, EventKind.OTHER)
    match name:
        case "bounce":
            return kind, _bounce(said), why(said.get("type"), said.get("status"), said.get("reason"))
        case "dropped":
            words = why(name, said.get("reason"))
            return *_DROPPED.get(text(said.get("reason")).lower(), (kind, Bounce.BLOCK)), words
        case "deferred":
            return kind, None, why(said.get("response"))
    return kind, None, why(name) if kind is EventKind.OTHER else ""


def _bounce(said: Mapping[str, Any]) -> Bounce:
    status = text(said.get("status"))
    words = f"{status} {text(said.get('reason'))}".strip()
    found = classify(words, enhanced=status if "." in status else "") if words else None
    if text(said.get("type")) == "blocked":
        # It is not on the list of bounces: the next mail is tried.
        return Bounce.BLOCK if found in (Bounce.BLOCK, None) else Bounce.SOFT
    # A policy is called so, too, and says nothing about the address; to any other nothing is sent any more.
    return Bounce.BLOCK if found is Bounce.BLOCK else Bounce.HARD


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()
