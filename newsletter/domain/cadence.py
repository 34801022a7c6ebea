"""When issues go out: weekday, wall time and zone, never an offset.

Gap: shift forward. Fold: first occurrence only. A slot is one local date of the cadence, resolved to UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: No cadence is searched further than this for a free date.
HORIZON = timedelta(days=7 * 520)


@dataclass(frozen=True)
class Cadence:
    """A weekly rhythm; `weekday` counts from Monday 0."""

    weekday: int
    time: time
    zone: str
    starts: date
    skip: frozenset[date] = frozenset()
    subscriber_zone: bool = False

    @property
    def weekday_name(self) -> str:
        return WEEKDAYS[self.weekday].capitalize()

    def due_at(self, local_date: date) -> datetime:
        """Resolve the slot of a local date to its UTC instant."""
        return resolve(local_date, self.time, self.zone)

    def dates(self, after: datetime) -> Iterator[date]:
        """Yield the dates of the cadence whose instant is later than `after`, in order."""
        first = max(self.starts, after.date() - timedelta(days=2))
        day = first + timedelta(days=(self.weekday - first.weekday()) % 7)
        end = day + HORIZON
        while day < end:
            if day not in self.skip and self.due_at(day) > after:
                yield day
            day += timedelta(days=7)


def resolve(day: date, wall: time, zone: str) -> datetime:
    """Return the UTC instant of a wall time; one in a gap is shifted forward, one in a fold is the first.

    PEP 495: with `fold=0` a time in a gap carries the offset from before it, which is the shift.
    """
    return datetime.combine(day, wall, ZoneInfo(zone)).replace(fold=0).astimezone(UTC)


def clock_note(day: date, wall: time, zone: str) -> str:
    """Say what a clock change did to this slot: "gap:shifted", "fold:first", or nothing."""
    first = datetime.combine(day, wall, ZoneInfo(zone)).replace(fold=0)
    if first.utcoffset() == first.replace(fold=1).utcoffset():
        return ""
    back = first.astimezone(UTC).astimezone(first.tzinfo)
    return "fold:first" if back.replace(tzinfo=None) == first.replace(tzinfo=None) else "gap:shifted"


def next_start(weekday: int, wall: time, zone: str, now: datetime) -> date:
    """Return the first date of a weekly rhythm that is still to come."""
    return next(Cadence(weekday, wall, zone, now.date()).dates(now))
