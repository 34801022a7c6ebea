"""What a provider reports later of a mail: evidence, in any order and any number of times."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True)
class Event:
    """One event; `id` is the provider's own, `reference` what the mail carried as its name."""

    provider: str
    id: str
    kind: EventKind
    at: datetime
    reference: str
    message_id: str | None = None
    raw: bytes = b""


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
        return cls(parts[1], *(int(one[:18]) for one in numbers))
