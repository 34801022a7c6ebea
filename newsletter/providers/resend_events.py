"""Resend's reports: one event a post, signed as Svix and Standard Webhooks do.

Facts by resend.com/docs, its OpenAPI description and docs.svix.com as of 2026-08.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.clicks import Click
from newsletter.domain.event import Event, EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.answers import message_id
from newsletter.providers.reports import LONGEST_ID, click, instant, recipient, table, text, why
from newsletter.providers.settings import read_secret, spelled

VARIABLE = "RESEND_WEBHOOK_SECRET"
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_VERSION = "v1,"
_KINDS = {
    "email.scheduled": EventKind.ACCEPTED,
    "email.sent": EventKind.ACCEPTED,
    "email.delivered": EventKind.DELIVERED,
    "email.delivery_delayed": EventKind.DEFERRED,
    "email.bounced": EventKind.BOUNCED,
    "email.suppressed": EventKind.BOUNCED,
    "email.failed": EventKind.FAILED,
    "email.complained": EventKind.COMPLAINED,
    "email.opened": EventKind.OPENED,
    "email.clicked": EventKind.CLICKED,
}
#: By `bounce.subType`, whatever the type: it is about the mail.
_CONTENT = frozenset({"ContentRejected", "AttachmentRejected", "MessageTooLarge"})


@dataclass(frozen=True)
class ResendListener:
    """The reports of the account behind one signing secret."""

    key: bytes

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it."""
        event_id = verify(self.key, post, now)
        return [read_event(event_id, post.body, now)]


def open_listener(environment: Mapping[str, str]) -> ResendListener:
    """Open what understands the reports signed with RESEND_WEBHOOK_SECRET.

    Raises ProviderError where the secret is missing or is none.
    """
    written = read_secret(environment, VARIABLE).reveal()
    try:
        key = b64decode(written.removeprefix(_PREFIX), validate=True)
    except Base64Error:
        key = b""
    if not key:
        raise ProviderError(
            f"{spelled(environment, VARIABLE)} holds something that is no signing secret",
            mend="copy it from the webhook's page at Resend; it begins with whsec_",
        )
    return ResendListener(key)


def verify(key: bytes, post: Post, now: datetime) -> str:
    """Return the id of a post that was signed with the key, and lately; raises Forged for any other."""
    event_id, timestamp, signatures = (_header(post, name) for name in ("id", "timestamp", "signature"))
    if not event_id or len(event_id) > LONGEST_ID or not timestamp or not signatures:
        raise Forged("it has no complete signature")
    signed = f"{event_id}.{timestamp}.".encode() + post.body
    ours = b64encode(hmac.digest(key, signed, "sha256"))
    given = [one.removeprefix(_VERSION) for one in signatures.split(" ") if one.startswith(_VERSION)]
    # While a secret is exchanged there is a signature by each.
    if not any(hmac.compare_digest(ours, one.encode()) for one in given):
        raise Forged("its signature is not by our secret")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forged("its timestamp is no number")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise Forged("its signature is too old, or from the future")
    return event_id


def read_event(event_id: str, body: bytes, now: datetime) -> Event:
    """Translate a verified body; one that says nothing we know is of kind `other`."""
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        said = {}
    name, data = text(said.get("type")), table(said.get("data"))
    kind = _KINDS.get(name)
    at = instant(said.get("created_at")) or now
    if kind is None:
        return Event("resend", event_id, EventKind.OTHER, at, "", raw=body, reason=why(name))
    clicked = table(data.get("click"))
    bounce, words = _cause(name, data)
    to = data.get("to")
    return Event(
        "resend",
        event_id,
        kind,
        instant(clicked.get("timestamp")) or at,
        reference=text(table(data.get("tags")).get("reference")),
        message_id=message_id(data.get("email_id")) or None,
        # With several it cannot be told whom it is about; we send to one.
        recipient=recipient(to[0]) if isinstance(to, list) and len(to) == 1 else "",
        bounce=bounce,
        reason=words,
        click=_click(clicked) if kind is EventKind.CLICKED else None,
    )


def _click(said: Mapping[str, Any]) -> Click:
    return click(said.get("link"), said.get("ipAddress"), said.get("userAgent"))


def _cause(name: str, data: Mapping[str, Any]) -> tuple[Bounce | None, str]:
    if name == "email.suppressed":
        said = table(data.get("suppressed"))
        is_complaint = text(said.get("reason")) == "previous_complaint"
        words = why("on the provider's suppression list", said.get("reason"))
        return (Bounce.UNWANTED if is_complaint else Bounce.HARD), words
    if name == "email.failed":
        return Bounce.BLOCK, why(table(data.get("failed")).get("reason"))
    if name != "email.bounced":
        return None, ""
    said = table(data.get("bounce"))
    diagnosis = said.get("diagnosticCode")
    lines = diagnosis if isinstance(diagnosis, list) else [diagnosis]
    heard = " ".join(text(line) for line in lines)
    return _bounce(said, heard), why(said.get("type"), said.get("subType"), heard or said.get("message"))


def _bounce(said: Mapping[str, Any], diagnosis: str) -> Bounce:
    if text(said.get("subType")) in _CONTENT:
        return Bounce.BLOCK
    if text(said.get("type")) != "Permanent":
        return Bounce.SOFT
    # A policy is called permanent, too, and says nothing about the address.
    is_block = bool(diagnosis) and classify(diagnosis) is Bounce.BLOCK
    return Bounce.BLOCK if is_block else Bounce.HARD


def _header(post: Post, name: str) -> str:
    return post.headers.get(f"svix-{name}") or post.headers.get(f"webhook-{name}") or ""
