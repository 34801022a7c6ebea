"""A slot coming due: what becomes of it, and when it is too late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

#: The occasion of the real send. Rehearsals are counted down from it, tests up, by numbers of their own.
REAL = 0
#: In bytes: three times what a delivery, its provider's id and its share of a batch take.
ROOM_FOR_ONE = 500


class SlotState(StrEnum):
    """What became of a slot."""

    QUEUED = "queued"
    RELEASED = "released"


class ReleaseState(StrEnum):
    """How far a release has come; one that waits is not due yet, where a slot has several."""

    WAITING = "waiting"
    PREPARING = "preparing"
    SENDING = "sending"
    SETTLED = "settled"
    HELD = "held"
    CANCELLED = "cancelled"


#: Nothing more happens to a release in one of these by itself.
FINAL = frozenset({ReleaseState.SETTLED, ReleaseState.CANCELLED})


@dataclass(frozen=True)
class Release:
    """A release as the ledger has it; `occasion` below zero is a rehearsal.

    `zones` are those of the people it is for, None for everybody. In a sequence it has no issue of its own:
    its deliveries are of several.
    """

    id: int
    slot_id: int
    series: str
    issue: str
    issue_id: int | None
    series_id: int
    revision: str
    due_at: datetime
    state: ReleaseState
    occasion: int
    reason: str = ""
    prepared_to: int = 0
    candidates: int = 0
    planned: int = 0
    waiting: int = 0
    zones: tuple[str, ...] | None = None

    @property
    def is_rehearsal(self) -> bool:
        return self.occasion < REAL

    @property
    def target(self) -> str:
        return f"{self.series}/{self.issue}" if self.issue else self.series

    @property
    def label(self) -> str:
        """Name the occasion for a person, as in a folder of the outbox."""
        return f"{self.due_at:%Y-%m-%d}-{self.target.replace('/', '-')}"


_TELLING = (
    ReleaseState.HELD,
    ReleaseState.SENDING,
    ReleaseState.PREPARING,
    ReleaseState.WAITING,
    ReleaseState.CANCELLED,
    ReleaseState.SETTLED,
)


def telling(releases: Sequence[Release]) -> Release | None:
    """Choose the release that says most about its slot: what a person is needed for, then what goes on."""
    return min(releases, key=lambda one: (_TELLING.index(one.state), one.due_at), default=None)


def late_by(due_at: datetime, now: datetime, hold_if_late_by: timedelta) -> timedelta | None:
    """Tell by how much a slot is too late to be sent without a person; None if it is not."""
    late = now - due_at
    return late if late > hold_if_late_by else None


def too_many(
    people: int, before: int | None, limit: int | None, *, growth: float = 1.2, at_least: int = 100
) -> str:
    """Say why an audience needs a person's word before it is mailed; nothing where it does not.

    `before` is how many the last issue went to, `limit` is `max_recipients` of the series.
    """
    if limit is not None and people > limit:
        return f"{people:,} recipients are more than max_recipients = {limit:,}"
    if before is not None and people > before * growth and people - before >= at_least:
        return f"the audience grew from {before:,} to {people:,}"
    return ""


def no_room(people: int, free: int | None) -> str:
    """Say why the disk has no room for the deliveries of so many people; nothing where it has.

    `free` is in bytes, None where that is not ours to know.
    """
    needed = people * ROOM_FOR_ONE
    if free is None or free >= needed:
        return ""
    has, needs = free // 1_000_000, -(-needed // 1_000_000)
    return f"{has:,} MB are free beside the database, and {needs:,} MB are needed"


def spell(span: timedelta) -> str:
    """Say how long a time is, as a person would."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes // (24 * 60)} days"
