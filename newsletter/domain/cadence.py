"""When issues go out: weekday, wall time and zone, never an offset.

Gap: shift forward. Fold: first occurrence only. A slot is one local date of the cadence, resolved to UTC.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.errors import Place

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: No cadence is searched further than this for a free date.
HORIZON = timedelta(days=7 * 520)
#: The clocks of nearly all zones are changed before this time of day.
SMALL_HOURS_END = time(4)

# In the class below `time` is a field.
WallTime = time
_WEEK = timedelta(weeks=1)
# Far enough from the end of the calendar for the weeks and offsets that are added to it.
_LAST = date.max - 2 * _WEEK
_FIRST_INSTANT, _LAST_INSTANT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Cadence:
    """A weekly rhythm; `weekday` counts from Monday 0.

    `places` has the lines of a series file by key, and those of skipped dates by the date as it is written.
    """

    weekday: int
    time: time
    zone: str
    starts: date
    skip: frozenset[date] = frozenset()
    subscriber_zone: bool = False
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)

    @property
    def weekday_name(self) -> str:
        return WEEKDAYS[self.weekday].capitalize()

    @property
    def is_in_small_hours(self) -> bool:
        return self.time < SMALL_HOURS_END

    @property
    def each_zone(self) -> WallTime | None:
        """The wall time of every subscriber's own zone; None where all get it at one instant."""
        return self.time if self.subscriber_zone else None

    def due_at(self, local_date: date) -> datetime:
        """Resolve the slot of a local date to its UTC instant."""
        return resolve(local_date, self.time, self.zone)

    def is_date(self, day: date) -> bool:
        """Tell whether a date is one of the cadence, were it not skipped."""
        return day >= self.starts and day.weekday() == self.weekday

    def nearest(self, day: date) -> date:
        """Return the date of the cadence that is nearest to a day, be it skipped or not."""
        day = min(max(day, self.starts), _LAST)
        ahead = (self.weekday - day.weekday()) % 7
        near = day + timedelta(days=ahead if ahead <= 3 else ahead - 7)
        return near if near >= self.starts else near + _WEEK

    def dates(self, after: datetime) -> Iterator[date]:
        """Yield the dates of the cadence whose instant is later than `after`, in order."""
        # A slot that is shifted out of a day that does not exist comes up to two days later in UTC.
        first = max(self.starts, after.date() - timedelta(days=2))
        if first > _LAST:
            return
        day = first + timedelta(days=(self.weekday - first.weekday()) % 7)
        end = min(day, _LAST - HORIZON) + HORIZON
        while day < end:
            if day not in self.skip and self.due_at(day) > after:
                yield day
            day += _WEEK


def resolve(day: date, wall: time, zone: str) -> datetime:
    """Return the UTC instant of a wall time; one in a gap is shifted forward, one in a fold is the first.

    PEP 495: with `fold=0` a time in a gap carries the offset from before it, which is the shift.
    """
    local = datetime.combine(day, wall, ZoneInfo(zone)).replace(fold=0)
    try:
        return local.astimezone(UTC)
    except OverflowError:
        # The first and the last day of the calendar reach beyond it in UTC.
        return _FIRST_INSTANT if day.year == date.min.year else _LAST_INSTANT


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
