"""What a provider reports later of a mail: evidence, in any order and any number of times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Protocol

from newsletter.domain.bouncing import Bounce, Suppressed
from newsletter.domain.clicks import Click


class EventKind(StrEnum):
    """What happened to a mail; every kind proves that the provider had accepted it."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    FAILED = "failed"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    #: Something that we know no meaning of; it is kept, and names no delivery.
    OTHER = "other"


@dataclass(frozen=True)
class Event:
    """One event; `id` is the provider's own, `reference` what the mail carried as its name.

    `recipient` is the address that it was sent to, `reason` what was said of it, without addresses.
    """

    provider: str
    id: str
    kind: EventKind
    at: datetime
    reference: str
    message_id: str | None = None
    raw: bytes = b""
    recipient: str = ""
    bounce: Bounce | None = None
    reason: str = ""
    click: Click | None = None

    @property
    def suppresses(self) -> Suppressed | None:
        """Tell whether the address is not mailed any more, by this event alone."""
        if self.kind is EventKind.COMPLAINED or self.bounce is Bounce.UNWANTED:
            return Suppressed.COMPLAINT
        return Suppressed.HARD_BOUNCE if self.bounce is Bounce.HARD else None


@dataclass(frozen=True)
class Reference:
    """A delivery as its mail names it to the provider: `key-position`."""

    deployment: str
    batch_id: int
    generation: int
    pos: int

    @classmethod
    def parse(cls, text: str) -> "Reference | None":
        """Read what `batch_key` and a position made; None for anything else."""
        parts = text.split("-")
        numbers = parts[3:]
        if len(parts) != 6 or parts[0] != "nl" or not all(one.isascii() and one.isdigit() for one in numbers):
            return None
        # No column is wider, and ours are far shorter.
        return cls(parts[1], *(int(one[:9]) for one in numbers))


@dataclass(frozen=True)
class Post:
    """A request as it came; header names are lower case."""

    headers: Mapping[str, str]
    body: bytes


class Forged(Exception):
    """A post that does not prove who sent it; says why, without anything that it held."""


class Listener(Protocol):
    """What understands one provider's reports."""

    def listen(self, post: Post, now: datetime) -> Sequence[Event]:
        """Verify a post, and only then read it; what cannot be read is an event of kind `other`.

        Raises Forged.
        """
        ...


class Heard(Enum):
    """What came of a post."""

    TAKEN = auto()
    FORGED = auto()
    #: No secret is set for this provider, so that nothing can be verified.
    NOT_SET_UP = auto()
    NO_SUCH_PROVIDER = auto()
    #: It could not be kept, and changed nothing.
    NOT_KEPT = auto()


class Hearing(Protocol):
    """What takes the reports of providers."""

    def hear(self, posts: Sequence[tuple[str, Post]]) -> Sequence[Heard]:
        """Verify and apply reports, each of a provider; they are durable when this returns."""
        ...
