"""A plan: who gets what, when, and what is in the way."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True)
class PlannedWave:
    """One instant of a slot: who gets it then, by zone; the zone of whoever has none is the cadence's."""

    due_at: datetime
    recipients: int
    zones: dict[str, int]


@dataclass(frozen=True)
class PlannedSlot:
    """One slot to come; `excluded` counts those who will not get it, by verdict.

    In a sequence `issues` counts who gets which. `each_zone` is its hour in every subscriber's own zone,
    where that is the rule. `provider` is the one that its series names, "" for the default.
    """

    target: str
    subject: str
    local_date: date
    due_at: datetime
    zone: str
    recipients: int
    excluded: dict[str, int]
    blockers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    length: timedelta | None = None
    waves: tuple[PlannedWave, ...] = ()
    each_zone: time | None = None
    issues: dict[str, int] = field(default_factory=dict)
    provider: str = ""

    @property
    def series(self) -> str:
        return self.target.partition("/")[0]


@dataclass(frozen=True)
class PlannedMove:
    """Another time that an edit of the series file gives a queued issue, at the next `queue`."""

    target: str
    was: datetime
    becomes: datetime
    zone: str


@dataclass(frozen=True)
class EmptySlot:
    """A date of a cadence that no approved issue has; nothing is sent then."""

    series: str
    local_date: date
    due_at: datetime
    zone: str


@dataclass(frozen=True)
class Plan:
    """The weeks to come, what an edit moves first, and the issues of the files that have no slot."""

    slots: tuple[PlannedSlot, ...]
    unqueued: tuple[str, ...] = ()
    moves: tuple[PlannedMove, ...] = ()
    empty: tuple[EmptySlot, ...] = ()

    @property
    def blockers(self) -> int:
        return sum(len(slot.blockers) for slot in self.slots)
