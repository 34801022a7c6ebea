"""SparkPost's reports: many events a post, not signed; a name and a password in the webhook's URL prove them.

Facts by developers.sparkpost.com as of 2026-06; classes of bounces as django-anymail reads them (2026).
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
from newsletter.providers.reports import LONGEST_ID, click, instant, recipient, table, text, why

VARIABLE = "SPARKPOST_WEBHOOK_LOGIN"
_KINDS = {
    "injection": EventKind.ACCEPTED,
    "delivery": EventKind.DELIVERED,
    "delay": EventKind.DEFERRED,
    "policy_rejection": EventKind.FAILED,
    "generation_rejection": EventKind.FAILED,
    "generation_failure": EventKind.FAILED,
    "spam_complaint": EventKind.COMPLAINED,
    "list_unsubscribe": EventKind.UNSUBSCRIBED,
    "link_unsubscribe": EventKind.UNSUBSCRIBED,
    "open": EventKind.OPENED,
    "initial_open": EventKind.OPENED,
    "amp_open": EventKind.OPENED,
    "amp_initial_open": EventKind.OPENED,
    "click": EventKind.CLICKED,
    "amp_click": EventKind.CLICKED,
}
#: By `bounce_class`; what is not here, such as 1 (undetermined), is read from the words.
_BOUNCES = {
    "10": Bounce.HARD,  # invalid recipient
    "30": Bounce.HARD,  # no recipient could be read from the answer
    **dict.fromkeys(("20", "21", "22", "24", "40", "70", "100"), Bounce.SOFT),
    # Too large is a fault of the mail.
    **dict.fromkeys(("23", "25", "50", "51", "52", "53", "54"), Bounce.BLOCK),
}
#: Automatic answers, and what answers a challenge.
_NO_BOUNCES = frozenset({"60", "80"})
_UNSUBSCRIBED = "90"


@dataclass(frozen=True)
class SparkPostListener:
    """The reports that come with one name and password."""

    login: Login

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it."""
        self.login.check(post)
        try:
            said = orjson.loads(post.body)
        except orjson.JSONDecodeError:
            said = None
        if not isinstance(said, list):
            return [_unknown(post.body, now)]
        # An empty one only asks whether somebody is there.
        return [read_event(one, now) for one in said if table(one).get("msys") != {}]


def open_listener(environment: Mapping[str, str]) -> SparkPostListener:
    """Open what understands the reports that come with SPARKPOST_WEBHOOK_LOGIN, which is `name:password`.

    Raises ProviderError where it is missing or is none.
    """
    return SparkPostListener(read_login(environment, VARIABLE, "SparkPost"))


def read_event(one: object, now: datetime) -> Event:
    """Translate one event of a verified post; one that says nothing we know is of kind `other`."""
    wrapped = table(table(one).get("msys"))
    said = next((table(inside) for inside in wrapped.values()), {})
    at = _at(said.get("timestamp")) or now
    kind, bounce, words = _meaning(said)
    if kind is EventKind.OTHER:
        raw = orjson.dumps(one)
        return Event("sparkpost", _id(said) or _digest(raw), kind, at, "", raw=raw, reason=words)
    return Event(
        "sparkpost",
        _id(said) or _digest(orjson.dumps(one)),
        kind,
        at,
        reference=text(table(said.get("rcpt_meta")).get("reference")),
        # The id of the answer to a call is the transmission's.
        message_id=message_id(said.get("transmission_id")) or None,
        recipient=recipient(said.get("raw_rcpt_to") or said.get("rcpt_to")),
        bounce=bounce,
        reason=words,
        click=_click(said) if kind is EventKind.CLICKED else None,
    )


def _meaning(said: Mapping[str, Any]) -> tuple[EventKind, Bounce | None, str]:
    name = text(said.get("type"))
    words = why(said.get("error_code"), said.get("raw_reason") or said.get("reason"))
    if name in ("bounce", "out_of_band"):
        return _bounced(said, words)
    kind = _KINDS.get(name, EventKind.OTHER)
    if kind is EventKind.FAILED:
        return kind, Bounce.BLOCK, words
    return kind, None, why(name) if kind is EventKind.OTHER else words


def _bounced(said: Mapping[str, Any], words: str) -> tuple[EventKind, Bounce | None, str]:
    number = said.get("bounce_class")
    class_ = str(number) if type(number) is int else text(number)
    if class_ in _NO_BOUNCES:
        return EventKind.OTHER, None, words
    if class_ == _UNSUBSCRIBED:
        return EventKind.UNSUBSCRIBED, None, words
    read = classify(words)
    bounce = _BOUNCES.get(class_) or read
    if bounce is Bounce.HARD and read is Bounce.BLOCK:
        # A policy is called an invalid recipient, too, and says nothing about the address.
        bounce = Bounce.BLOCK
    return EventKind.BOUNCED, bounce, words


def _click(said: Mapping[str, Any]) -> Click:
    return click(said.get("target_link_url"), said.get("ip_address"), said.get("user_agent"))


def _at(written: object) -> datetime | None:
    # Seconds as text in reports, ISO 8601 in a search.
    seconds = written if isinstance(written, str) and written.isascii() and written.isdigit() else None
    return instant(int(seconds[:12]) if seconds else written)


def _id(said: Mapping[str, Any]) -> str:
    id_ = text(said.get("event_id"))
    return id_ if len(id_) <= LONGEST_ID else ""


def _unknown(body: bytes, now: datetime) -> Event:
    return Event("sparkpost", _digest(body), EventKind.OTHER, now, "", raw=body, reason="it is no array")


def _digest(what: bytes) -> str:
    return hashlib.sha256(what).hexdigest()
