"""One wall time all over the world: at which instant it comes in which zones."""

from collections import defaultdict
from datetime import date, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from newsletter.domain.cadence import Cadence, resolve
from newsletter.domain.slugs import offer

#: How to mend a zone that is like none.
A_PLACE = "write a place, such as Europe/London"


class Wave(NamedTuple):
    """The zones in which a slot comes at one instant; None stands for everybody."""

    due_at: datetime
    zones: tuple[str, ...] | None


def waves(cadence: Cadence, day: date) -> tuple[Wave, ...]:
    """Return the instants of a slot, the earliest first: one, or one for each hour that people have.

    About 38 over 26 hours, as the zones of tzdata have it.
    """
    if not cadence.subscriber_zone:
        return (Wave(cadence.due_at(day), None),)
    return _waves(cadence, day)


def instant_for(cadence: Cadence, day: date, own: str) -> datetime:
    """Return when a slot comes to somebody with a zone of their own, or none."""
    return resolve(day, cadence.time, (cadence.subscriber_zone and own) or cadence.zone)


def opens_at(cadence: Cadence, day: date) -> datetime:
    """Return the first instant of a slot."""
    return waves(cadence, day)[0].due_at


@cache
def _waves(cadence: Cadence, day: date) -> tuple[Wave, ...]:
    found: dict[datetime, list[str]] = defaultdict(list)
    _keep_zones()
    for zone in sorted(all_zones()):
        found[resolve(day, cadence.time, zone)].append(zone)
    return tuple(Wave(due_at, tuple(found[due_at])) for due_at in sorted(found))


@cache
def all_zones() -> frozenset[str]:
    """Name every zone of tzdata."""
    return frozenset(available_timezones())


def offer_zone(name: str) -> str:
    """Word the mend of a zone that does not exist."""
    return offer(name, sorted(all_zones()), otherwise=A_PLACE)


@cache
def _keep_zones() -> tuple[ZoneInfo, ...]:
    # Python itself keeps the last eight, and would read all files again for each date.
    return tuple(map(ZoneInfo, all_zones()))
