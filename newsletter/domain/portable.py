"""A person with all that is known of them, as it goes from one letter into another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from newsletter.domain.subscriber import Consent

#: The version of the files that hold these.
VERSION = 1


@dataclass(frozen=True)
class Told:
    """What a person agreed to or withdrew: when, how, from which issue, and what they were told."""

    kind: str
    at: datetime
    how: str
    text: str
    issue: str | None = None
    version: str = ""
    ip: str = ""


@dataclass(frozen=True)
class Had:
    """An issue that a person has received, or may have."""

    issue: str
    at: datetime | None = None
    delivered_at: datetime | None = None
    bounced_at: datetime | None = None
    complained_at: datetime | None = None
    bounce: str | None = None


@dataclass(frozen=True)
class Subscribed:
    """A subscription with its evidence and what came of it."""

    series: str
    state: Consent
    confirmed_at: datetime | None
    paused_until: datetime | None
    events: tuple[Told, ...] = ()
    received: tuple[Had, ...] = ()

    def is_without_evidence(self) -> bool:
        """Tell whether somebody is to get mail, and nothing says that they agreed."""
        is_agreed = self.confirmed_at is not None and any(event.kind == "confirmed" for event in self.events)
        return self.state is Consent.ACTIVE and not is_agreed

    def left(self) -> Told | None:
        """Return how the person left last; None for somebody who is here."""
        if self.state is not Consent.UNSUBSCRIBED:
            return None
        return next((one for one in reversed(self.events) if one.kind == "unsubscribed"), None)


@dataclass(frozen=True)
class Suppressed:
    """Why an address must not be mailed, and since when."""

    reason: str
    since: datetime


@dataclass(frozen=True)
class Portable:
    """A person."""

    address: str
    name: str = ""
    zone: str = ""
    locale: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    suppressed: Suppressed | None = None
    subscriptions: tuple[Subscribed, ...] = ()


@dataclass(frozen=True)
class Nameless:
    """A suppressed address of which nothing but its hash is known."""

    hash: str
    suppressed: Suppressed


@dataclass(frozen=True)
class Opening:
    """How a file begins: the salt of its hashes, and the issues of each series in order."""

    salt: bytes
    series: Mapping[str, Sequence[str]]
