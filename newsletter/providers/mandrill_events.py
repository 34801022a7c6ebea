"""Mandrill's reports: many events in one form; the signature covers the webhook's address and the fields.

The address is the one that was registered, whatever a proxy makes of it. Facts by
mailchimp.com/developer/transactional and django-anymail as of 2026.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.clicks import Click
from newsletter.domain.event import Event, EventKind, Forged, Post
from newsletter.errors import ProviderError
from newsletter.providers.answers import message_id
from newsletter.providers.reports import click, instant, recipient, table, text, why
from newsletter.providers.settings import read_secret, spelled

VARIABLE, ADDRESS = "MANDRILL_WEBHOOK_KEY", "MANDRILL_WEBHOOK_URL"
_FIELD = "mandrill_events"
_KINDS = {
    # Sent by the service, which is not delivered.
    "send": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferral": EventKind.DEFERRED,
    "spam": EventKind.COMPLAINED,
    "unsub": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
#: Why a mail was rejected before it was sent.
_REJECTED: Mapping[str, tuple[EventKind, Bounce | None]] = {
    "hard-bounce": (EventKind.BOUNCED, Bounce.HARD),
    "soft-bounce": (EventKind.BOUNCED, Bounce.SOFT),
    "invalid": (EventKind.BOUNCED, Bounce.HARD),
    "spam": (EventKind.BOUNCED, Bounce.UNWANTED),
    "unsub": (EventKind.UNSUBSCRIBED, None),
}


@dataclass(frozen=True)
class MandrillListener:
    """The reports that are signed with one key for one address."""

    key: bytes = field(repr=False)
    url: str

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it; an empty one, by which an address is tried, says nothing."""
        try:
            fields = parse_qsl(post.body.decode(), keep_blank_values=True)
        except (UnicodeDecodeError, ValueError):
            raise Forged("it is no form, so it has no signature") from None
        said = _json(dict(fields).get(_FIELD, ""))
        if said == [] and len(fields) == 1:
            return []
        ours = signature(self.key, self.url, fields)
        given = post.headers.get("x-mandrill-signature", "")
        if not hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace")):
            raise Forged("its signature is not by our key, or for another address")
        if not isinstance(said, list):
            digest = hashlib.sha256(post.body).hexdigest()
            return [Event("mandrill", digest, EventKind.OTHER, now, "", raw=post.body)]
        return [read_event(one, now) for one in said]


def open_listener(environment: Mapping[str, str]) -> MandrillListener:
    """Open what understands the reports signed with MANDRILL_WEBHOOK_KEY for MANDRILL_WEBHOOK_URL.

    Raises ProviderError where one of them is missing.
    """
    key = read_secret(environment, VARIABLE).reveal().encode()
    url = environment.get(ADDRESS, "").strip()
    if not url:
        raise ProviderError(
            f"{spelled(environment, ADDRESS)} is not set",
            mend="put the webhook's address into the environment, exactly as it is written at Mandrill",
        )
    return MandrillListener(key, url)


def signature(key: bytes, url: str, fields: Sequence[tuple[str, str]]) -> str:
    """Sign the address and the fields, sorted by name, as Mandrill does."""
    signed = url + "".join(name + value for name, value in sorted(fields))
    return b64encode(hmac.digest(key, signed.encode("utf-8", "replace"), "sha1")).decode()


def read_event(one: object, now: datetime) -> Event:
    """Translate one event of a verified post; one that says nothing we know is of kind `other`."""
    said = table(one)
    message = table(said.get("msg"))
    kind, bounce, words = _meaning(text(said.get("event")), message)
    at = instant(said.get("ts")) or now
    # An event has no id of its own.
    told = [said.get("event"), said.get("_id"), said.get("ts"), said.get("url"), message.get("_id")]
    id_ = hashlib.sha256(orjson.dumps(one if kind is EventKind.OTHER else told)).hexdigest()
    if kind is EventKind.OTHER:
        return Event("mandrill", id_, kind, at, "", raw=orjson.dumps(one), reason=words)
    return Event(
        "mandrill",
        id_,
        kind,
        at,
        reference=text(table(message.get("metadata")).get("reference")),
        message_id=message_id(message.get("_id") or said.get("_id")) or None,
        recipient=recipient(message.get("email")),
        bounce=bounce,
        reason=words,
        click=_click(said) if kind is EventKind.CLICKED else None,
    )


def _meaning(name: str, message: Mapping[str, Any]) -> tuple[EventKind, Bounce | None, str]:
    words = why(message.get("bounce_description"), message.get("diag"))
    if name in ("hard_bounce", "soft_bounce"):
        is_block = classify(text(message.get("diag"))) is Bounce.BLOCK
        bounce = Bounce.HARD if name == "hard_bounce" else Bounce.SOFT
        # A policy is called hard, too, and says nothing about the address.
        return EventKind.BOUNCED, Bounce.BLOCK if is_block else bounce, words
    if name == "reject":
        cause = text(table(message.get("reject")).get("reason")) or text(message.get("reject_reason"))
        kind, rejected = _REJECTED.get(cause, (EventKind.FAILED, Bounce.BLOCK))
        return kind, rejected, why("rejected", cause)
    found = _KINDS.get(name, EventKind.OTHER)
    return found, None, why(name) if found is EventKind.OTHER else words


def _click(said: Mapping[str, Any]) -> Click:
    return click(said.get("url"), said.get("ip"), said.get("user_agent"))


def _json(body: str) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
