"""Mailjet's reports: one event a post, or several, not signed; a name and a password in the URL prove them.

No event has an id: it gets one of what it says, which a repeat says again. Facts by dev.mailjet.com and
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
from newsletter.providers.logins import Login, read_login
from newsletter.providers.reports import click, instant, recipient, table, text, why

VARIABLE = "MAILJET_WEBHOOK_LOGIN"
_KINDS = {
    # Taken by the server of the recipient: there is no other word for delivered.
    "sent": EventKind.DELIVERED,
    "bounce": EventKind.BOUNCED,
    "blocked": EventKind.FAILED,
    "spam": EventKind.COMPLAINED,
    "unsub": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "click": EventKind.CLICKED,
}
#: By `error`: what it says of the address, whatever the flags beside it.
_ERRORS = {
    "user unknown": Bounce.HARD,
    "invalid domain": Bounce.HARD,
    "no mail host": Bounce.HARD,
    "mailbox inactive": Bounce.HARD,
    "preblocked": Bounce.HARD,
    "quota exceeded": Bounce.SOFT,
    "spam reporter": Bounce.UNWANTED,
    "sender blocked": Bounce.BLOCK,
    "content blocked": Bounce.BLOCK,
    "policy issue": Bounce.BLOCK,
    "relay/access denied": Bounce.BLOCK,
    "system issue": Bounce.SOFT,
    "protocol issue": Bounce.SOFT,
    "connection issue": Bounce.SOFT,
}
#: What is still tried again.
_GREYLISTED = "greylisted"
#: Somebody has it by an earlier call: it proves that, and nothing of the address.
_DUPLICATE = "duplicate in campaign"

#: What an event means, and what it says of the address.
Meaning = tuple[EventKind, Bounce | None]


@dataclass(frozen=True)
class MailjetListener:
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


def open_listener(environment: Mapping[str, str]) -> MailjetListener:
    """Open what understands the reports that come with MAILJET_WEBHOOK_LOGIN, which is `name:password`.

    Raises ProviderError where it is missing or is none.
    """
    return MailjetListener(read_login(environment, VARIABLE, "Mailjet"))


def read_event(said: Mapping[str, Any], raw: bytes, now: datetime) -> Event:
    """Translate one verified event; one that says nothing we know is of kind `other`."""
    name, at = text(said.get("event")), instant(said.get("time")) or now
    if name not in _KINDS:
        return Event("mailjet", _digest(raw), EventKind.OTHER, at, "", raw=raw, reason=why(name))
    kind, bounce = _meaning(name, said)
    number = said.get("MessageID")
    told = [said.get(one) for one in ("event", "time", "MessageID", "email", "url", "error")]
    return Event(
        "mailjet",
        _digest(orjson.dumps(told, default=str)),
        kind,
        at,
        reference=text(said.get("CustomID")),
        # A number of 64 bits, which only an integer holds.
        message_id=str(number) if type(number) is int and number > 0 else None,
        recipient=recipient(said.get("email")),
        bounce=bounce,
        reason=why(said.get("error_related_to"), said.get("error"), said.get("comment")),
        click=click(said.get("url"), said.get("ip"), said.get("agent"))
        if kind is EventKind.CLICKED
        else None,
    )


def _meaning(name: str, said: Mapping[str, Any]) -> Meaning:
    error, comment = text(said.get("error")).lower(), text(said.get("comment"))
    if name == "blocked":
        if error == _DUPLICATE:
            return EventKind.ACCEPTED, None
        bounce = _ERRORS.get(error, Bounce.BLOCK)
        return (EventKind.FAILED if bounce is Bounce.BLOCK else EventKind.BOUNCED), bounce
    if name != "bounce":
        return _KINDS[name], None
    if error == _GREYLISTED:
        return EventKind.DEFERRED, None
    is_hard = said.get("hard_bounce") is True
    bounce = _ERRORS.get(error) or (Bounce.HARD if is_hard else Bounce.SOFT)
    if bounce is Bounce.HARD and (not is_hard or (comment and classify(comment) is Bounce.BLOCK)):
        # Not final by its own word, or a policy, which says nothing about the address.
        bounce = Bounce.BLOCK if is_hard else Bounce.SOFT
    return EventKind.BOUNCED, bounce


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()
