"""Postmark's reports: one event a post, not signed; a name and a password in the webhook's URL prove them.

Only bounces and complaints have an id; any other event gets one of what it says, which a repeat says again.
Facts by postmarkapp.com/developer/webhooks as of 2026-02.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from newsletter.domain.bouncing import Bounce, classify
from newsletter.domain.clicks import Click
from newsletter.domain.event import Event, EventKind, Post
from newsletter.providers.answers import message_id
from newsletter.providers.logins import Login, read_login
from newsletter.providers.reports import click, instant, recipient, table, text, why

VARIABLE = "POSTMARK_WEBHOOK_LOGIN"
_KINDS = {
    "Delivery": EventKind.DELIVERED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Open": EventKind.OPENED,
    "Click": EventKind.CLICKED,
}
#: By `Type` of a bounce; the numbers beside it contradict each other between sources.
_BOUNCES = {
    "HardBounce": Bounce.HARD,
    "BadEmailAddress": Bounce.HARD,
    "SoftBounce": Bounce.SOFT,
    "DnsError": Bounce.SOFT,
    "Blocked": Bounce.BLOCK,
    "DMARCPolicy": Bounce.BLOCK,
    "VirusNotification": Bounce.BLOCK,
}
_OTHER_BOUNCES = {
    "Transient": EventKind.DEFERRED,
    "SpamNotification": EventKind.COMPLAINED,
    "SpamComplaint": EventKind.COMPLAINED,
    "Unsubscribe": EventKind.UNSUBSCRIBED,
    "AutoResponder": EventKind.OTHER,
    "AddressChange": EventKind.OTHER,
    "ChallengeVerification": EventKind.OTHER,
    "Subscribe": EventKind.OTHER,
}
_TIMES = ("DeliveredAt", "BouncedAt", "ChangedAt", "ReceivedAt")

#: What an event means, what it says of the address, and in which words.
Meaning = tuple[EventKind, Bounce | None, str]


@dataclass(frozen=True)
class PostmarkListener:
    """The reports that come with one name and password."""

    login: Login

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it."""
        self.login.check(post)
        return [read_event(post.body, now)]


def open_listener(environment: Mapping[str, str]) -> PostmarkListener:
    """Open what understands the reports that come with POSTMARK_WEBHOOK_LOGIN, which is `name:password`.

    Raises ProviderError where it is missing or is none.
    """
    return PostmarkListener(read_login(environment, VARIABLE, "Postmark"))


def read_event(body: bytes, now: datetime) -> Event:
    """Translate a verified body; one that says nothing we know is of kind `other`."""
    try:
        said = table(orjson.loads(body))
    except orjson.JSONDecodeError:
        said = {}
    at = next((found for name in _TIMES if (found := instant(said.get(name)))), now)
    kind, bounce, words = _meaning(said)
    if kind is EventKind.OTHER:
        return Event("postmark", _digest(body), kind, at, "", raw=body, reason=words)
    metadata = {name.lower(): value for name, value in table(said.get("Metadata")).items()}
    return Event(
        "postmark",
        _event_id(said),
        kind,
        at,
        reference=text(metadata.get("reference")),
        message_id=message_id(said.get("MessageID")) or None,
        recipient=recipient(said.get("Email") or said.get("Recipient")),
        bounce=bounce,
        reason=words,
        click=_click(said) if kind is EventKind.CLICKED else None,
    )


def _click(said: Mapping[str, Any]) -> Click:
    return click(said.get("OriginalLink"), table(said.get("Geo")).get("IP"), said.get("UserAgent"))


def _meaning(said: Mapping[str, Any]) -> Meaning:
    name = text(said.get("RecordType"))
    if name == "Bounce":
        return _bounced(said)
    if name == "SubscriptionChange":
        return _changed(said)
    kind = _KINDS.get(name, EventKind.OTHER)
    return kind, None, why(name) if kind is EventKind.OTHER else ""


def _bounced(said: Mapping[str, Any]) -> Meaning:
    name, details = text(said.get("Type")), text(said.get("Details"))
    words = why(name, details or said.get("Description"))
    if name in _OTHER_BOUNCES:
        return _OTHER_BOUNCES[name], None, words
    bounce, is_inactive = _BOUNCES.get(name), said.get("Inactive") is True
    if bounce is Bounce.HARD and details and classify(details) is Bounce.BLOCK:
        # A policy is called hard, too, and says nothing about the address.
        return EventKind.BOUNCED, Bounce.BLOCK, words
    if is_inactive and bounce in (None, Bounce.SOFT):
        # Nothing is sent there any more, whatever it was called.
        return EventKind.BOUNCED, Bounce.HARD, words
    return (EventKind.BOUNCED if bounce else EventKind.OTHER), bounce, words


def _changed(said: Mapping[str, Any]) -> Meaning:
    cause = text(said.get("SuppressionReason"))
    words = why(cause, said.get("Origin"))
    if said.get("SuppressSending") is not True:
        return EventKind.OTHER, None, why("SubscriptionChange", "reactivated")
    match cause:
        case "HardBounce":
            return EventKind.BOUNCED, Bounce.HARD, words
        case "SpamComplaint":
            return EventKind.COMPLAINED, None, words
    return EventKind.UNSUBSCRIBED, None, words


def _event_id(said: Mapping[str, Any]) -> str:
    name, number = text(said.get("RecordType")), said.get("ID")
    if type(number) is int and number > 0:
        return f"{name}-{number}"
    told = [said.get(one) for one in ("MessageID", "Email", "Recipient", *_TIMES, "OriginalLink")]
    return _digest(orjson.dumps([name, *told]))


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()
