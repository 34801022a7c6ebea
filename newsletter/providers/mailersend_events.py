"""MailerSend's reports: one event a post, signed as a whole; there is no time in the signature.

So an event counts once, by its id. Facts by developers.mailersend.com and django-anymail as of 2026.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.clicks import Click
from newsletter.domain.event import Event, EventKind, Forged, Post, Reference
from newsletter.providers.answers import message_id
from newsletter.providers.reports import LONGEST_ID, click, instant, recipient, table, text, why
from newsletter.providers.settings import read_secret

VARIABLE = "MAILERSEND_WEBHOOK_SECRET"
_KINDS = {
    "activity.sent": EventKind.ACCEPTED,
    "activity.delivered": EventKind.DELIVERED,
    "activity.deferred": EventKind.DEFERRED,
    "activity.soft_bounced": EventKind.BOUNCED,
    "activity.hard_bounced": EventKind.BOUNCED,
    "activity.opened": EventKind.OPENED,
    "activity.opened_unique": EventKind.OPENED,
    "activity.clicked": EventKind.CLICKED,
    "activity.clicked_unique": EventKind.CLICKED,
    "activity.unsubscribed": EventKind.UNSUBSCRIBED,
    "activity.spam_complaint": EventKind.COMPLAINED,
}


@dataclass(frozen=True)
class MailerSendListener:
    """The reports of the webhook behind one signing secret."""

    secret: bytes = field(repr=False)

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it."""
        ours = hmac.digest(self.secret, post.body, "sha256").hex()
        given = post.headers.get("signature", "")
        if not hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace")):
            raise Forged("its signature is not by our secret")
        return [read_event(post.body, now)]


def open_listener(environment: Mapping[str, str]) -> MailerSendListener:
    """Open what understands the reports signed with MAILERSEND_WEBHOOK_SECRET.

    Raises ProviderError where the secret is missing.
    """
    return MailerSendListener(read_secret(environment, VARIABLE, what="secret").reveal().encode())


def read_event(body: bytes, now: datetime) -> Event:
    """Translate a verified body; one that says nothing we know is of kind `other`."""
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        said = {}
    data, name = table(said.get("data")), text(said.get("type"))
    email, morph = table(data.get("email")), table(data.get("morph"))
    kind = _KINDS.get(name, EventKind.OTHER)
    at = instant(data.get("created_at")) or instant(said.get("created_at")) or now
    id_ = text(data.get("id"))
    if not id_ or len(id_) > LONGEST_ID:
        id_ = hashlib.sha256(body).hexdigest()
    if kind is EventKind.OTHER:
        return Event("mailersend", id_, kind, at, "", raw=body, reason=why(name))
    words = why(morph.get("reason"), morph.get("readable_reason"))
    return Event(
        "mailersend",
        id_,
        kind,
        at,
        reference=_reference(email.get("tags")),
        message_id=message_id(table(email.get("message")).get("id")) or None,
        recipient=recipient(table(email.get("recipient")).get("email")),
        bounce=_bounce(name, morph) if kind is EventKind.BOUNCED else None,
        reason=words,
        click=_click(morph) if kind is EventKind.CLICKED else None,
    )


def _reference(tags: object) -> str:
    """Find the tag that is the name of a delivery."""
    named = tags if isinstance(tags, list) else []
    return next((one for one in map(text, named) if Reference.parse(one)), "")


def _bounce(name: str, morph: Mapping[str, Any]) -> Bounce:
    read = classify(" ".join(text(morph.get(one)) for one in ("reason", "readable_reason")))
    if read is Bounce.BLOCK:
        # A policy is called hard, too, and says nothing about the address.
        return Bounce.BLOCK
    return Bounce.HARD if name == "activity.hard_bounced" else Bounce.SOFT


def _click(morph: Mapping[str, Any]) -> Click:
    return click(morph.get("url"), morph.get("ip"), morph.get("user_agent"))
