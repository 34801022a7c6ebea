"""An account at a provider: what it may be asked for, and where it stands."""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

#: So many failures in a row stop every call.
FAILURES_TO_BLOCK = 5
SLOWEST = 16.0
#: Of so many calls one is kept for the priority lane.
RESERVED_EVERY = 5

_DAY = timedelta(days=1)


class Lane(IntEnum):
    """Who goes first: what a person waits for at this moment, or the issues."""

    PRIORITY = 0
    BULK = 1


@dataclass(frozen=True)
class Limits:
    """What an account allows: calls a second, recipients a UTC day, and fewer in its first days.

    `warm_up` has the recipients of the 1st, 2nd, … day since something was sent for real; after the list
    `per_day` holds. Where both say something, the smaller counts.
    """

    calls_per_second: float | None = None
    per_day: int | None = None
    warm_up: tuple[int, ...] = ()

    def quota(self, warm_day: int) -> int | None:
        """Return the recipients allowed on a day of the warm-up, the first being 0."""
        known = [self.per_day, *self.warm_up[warm_day : warm_day + 1]]
        return min((one for one in known if one is not None), default=None)


@dataclass(frozen=True)
class Account:
    """Where an account stands, as its row says.

    No call of a lane starts before its instant. `slowdown` stretches the spacing. `used` counts recipients
    of `day` (UTC). `failures` counts those in a row; `blocked_since` is when the trouble began.
    """

    bulk_at: datetime | None = None
    priority_at: datetime | None = None
    slowdown: float = 1.0
    day: date | None = None
    used: int = 0
    warm_since: date | None = None
    blocked_until: datetime | None = None
    blocked_reason: str = ""
    blocked_since: datetime | None = None
    failures: int = 0

    @property
    def is_failing(self) -> bool:
        """Tell whether the provider is taken to be down."""
        return self.failures >= FAILURES_TO_BLOCK

    def used_on(self, today: date) -> int:
        """Return the recipients called for on a day.

        A count of the next day stands too: a clock that is a little behind must not open the quota anew.
        """
        if self.day is None or not today <= self.day <= today + _DAY:
            return 0
        return self.used

    def warm_day(self, today: date) -> int:
        """Return the day of the warm-up, the first being 0."""
        return max(0, (today - (self.warm_since or today)).days)

    def interval(self, limits: Limits) -> timedelta:
        """Return the space between two calls; rounded up, so that a second never holds one too many."""
        if limits.calls_per_second is None:
            return timedelta()
        return timedelta(microseconds=math.ceil(1e6 * self.slowdown / limits.calls_per_second))


def day_of(now: datetime) -> date:
    """Return the UTC day, by which quotas count."""
    return now.astimezone(UTC).date()


def next_day(now: datetime) -> datetime:
    """Return when the next UTC day begins."""
    return datetime.combine(day_of(now) + _DAY, datetime.min.time(), UTC)
