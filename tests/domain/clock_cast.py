"""The clock changes of every zone, found by what its clocks show from instant to instant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Change:
    """An instant at which the clocks of a zone are set from one offset to another."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def jump(self) -> timedelta:
        """How far the clocks go forward; less than nothing where they go back."""
        return self.after - self.before

    @property
    def shown_before(self) -> datetime:
        """What clocks that nobody set would show at the instant."""
        return (self.at + self.before).replace(tzinfo=None)

    @property
    def shown_after(self) -> datetime:
        return (self.at + self.after).replace(tzinfo=None)

    def in_old_time(self, shown: datetime) -> datetime:
        """Return the instant at which clocks that nobody set show something."""
        return shown.replace(tzinfo=UTC) - self.before

    def in_new_time(self, shown: datetime) -> datetime:
        return shown.replace(tzinfo=UTC) - self.after


def local(at: datetime, zone: str) -> datetime:
    """Read a clock of a zone."""
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@cache
def zones() -> tuple[str, ...]:
    """Name every zone of tzdata; of those that are the same to the byte, one."""
    folder = files("tzdata")
    names = folder.joinpath("zones").read_text("utf-8").split()
    names.sort(key=lambda name: ("/" in name, name))
    by_rules = {folder.joinpath("zoneinfo", *name.split("/")).read_bytes(): name for name in names}
    return tuple(sorted(by_rules.values()))


@cache
def changes(zone: str, since: datetime, until: datetime) -> tuple[Change, ...]:
    """Find the clock changes of a zone between two instants."""
    return tuple(_changes(zone, since, until))


def _changes(zone: str, since: datetime, until: datetime) -> Iterator[Change]:
    rules = ZoneInfo(zone)
    day, offset = since, since.astimezone(rules).utcoffset()
    while day < until:
        day += DAY
        now = day.astimezone(rules).utcoffset()
        if now != offset:
            yield _bisect(zone, day - DAY, day)
        offset = now


def _bisect(zone: str, low: datetime, high: datetime) -> Change:
    rules = ZoneInfo(zone)
    before, after = low.astimezone(rules).utcoffset(), high.astimezone(rules).utcoffset()
    assert before is not None
    assert after is not None
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(rules).utcoffset() == before else (low, middle)
    return Change(zone, high, before, after)
