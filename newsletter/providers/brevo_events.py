"""Brevo's reports: one event a post, or several, not signed; a name and a password in the URL prove them.

No event has an id: it gets one of what it says, which a repeat says again. Facts by developers.brevo.com and
django-anymail as of 2026.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.event import Event, EventKind, Post
from newsletter.providers.answers import message_id
from newsletter.providers.logins import Login, read_login
from newsletter.providers.reports import click, instant, recipient, table, text, why

VARIABLE = "BREVO_WEBHOOK_LOGIN"
_KINDS = {
    "request": EventKind.ACCEPTED,
    "sent": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "soft_bounce": EventKind.BOUNCED,
    "hard_bounce": EventKind.BOUNCED,
    "invalid_email": EventKind.BOUNCED,
    "blocked": EventKind.BOUNCED,
    "error": EventKind.FAILED,
    "spam": EventKind.COMPLAINED,
    "complaint": EventKind.COMPLAINED,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "unsubscribed": EventKind.UNSUBSCRIBED,
    "opened": EventKind.OPENED,
    "unique_opened": EventKind.OPENED,
    "proxy_open": EventKind.OPENED,
    "unique_proxy_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
#: Nothing is sent there any more: it is on the account's own blocklist, or no address at all.
_GONE = frozenset({"hard_bounce", "invalid_email", "blocked"})


@dataclass(frozen=True)
class BrevoListener:
    """The reports that come with one name and password."""

    login: Login

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it."""
        self.login.check(post)
        try:
            said = orjson.loads(post.body)
        except orjson.JSONDecodeError:
            said = None
        if isinstance(said, list):
            return [read_event(table(one), orjson.dumps(one), now) for one in said]
        return [read_event(table(said), post.body, now)]


def open_listener(environment: Mapping[str, str]) -> BrevoListener:
    """Open what understands the reports that come with BREVO_WEBHOOK_LOGIN, which is `name:password`.

    Raises ProviderError where it is missing or is none.
    """
    return BrevoListener(read_login(environment, VARIABLE, "Brevo"))


def read_event(said: Mapping[str, Any], raw: bytes, now: datetime) -> Event:
    """Translate one verified event; one that says nothing we know is of kind `other`."""
    name, stamp = text(said.get("event")), said.get("ts_epoch")
    kind = _KINDS.get(name)
    # The other times are of a zone that nobody names (django-anymail, 2026).
    at = instant(stamp / 1000 if type(stamp) is int else None) or now
    if kind is None:
        return Event("brevo", _digest(raw), EventKind.OTHER, at, "", raw=raw, reason=why(name))
    words = text(said.get("reason"))
    told = [said.get(one) for one in ("message-id", "event", "ts_epoch", "email", "link")]
    return Event(
        "brevo",
        _digest(orjson.dumps(told)),
        kind,
        at,
        reference=text(said.get("X-Mailin-custom")),
        message_id=message_id(said.get("message-id")) or None,
        recipient=recipient(said.get("email")),
        bounce=_bounce(name, words),
        reason=why(name, words) if words else "",
        click=click(said.get("link"), said.get("ip"), said.get("user_agent"))
        if kind is EventKind.CLICKED
        else None,
    )


def _bounce(name: str, words: str) -> Bounce | None:
    if name == "error":
        return Bounce.BLOCK
    if name == "blocked" and ("complaint" in words.lower() or "spam" in words.lower()):
        return Bounce.UNWANTED
    if name not in _GONE and name != "soft_bounce":
        return None
    if words and name != "blocked" and classify(words) is Bounce.BLOCK:
        # A policy is called a bounce, too, and says nothing about the address.
        return Bounce.BLOCK
    return Bounce.HARD if name in _GONE else Bounce.SOFT


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()
