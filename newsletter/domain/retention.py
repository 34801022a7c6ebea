"""How long each kind of record is kept: what is older is removed, a little at a time, once a day.

What events have done stays on their deliveries; consent stays for as long as its person does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain.event import EventKind

#: A round begins so long after the one before it.
ROUND = timedelta(days=1)


class Records(StrEnum):
    """What is looked through in one round of its own."""

    EVENTS = "events"
    #: Subscriptions that nobody confirmed; their people go with the last of them.
    PENDING = "pending"
    #: The IP addresses in consent events, which themselves stay.
    IP = "ip"
    #: How often the public forms were used, in windows that are over.
    LIMITS = "limits"


def _days(number: int) -> timedelta:
    return timedelta(days=number)


#: A year and a month: an issue can be compared with that of a year ago.
_YEAR = _days(400)
_REPORTED = (
    EventKind.BOUNCED,
    EventKind.FAILED,
    EventKind.COMPLAINED,
    EventKind.UNSUBSCRIBED,
    EventKind.CLICKED,
)
#: By kind of event, and of the other records that a letter may keep for longer or shorter; None is for ever.
DEFAULTS: Mapping[str, timedelta | None] = {
    **{kind.value: _YEAR if kind in _REPORTED else _days(90) for kind in EventKind},
    Records.PENDING.value: _days(14),
    Records.IP.value: _YEAR,
}
_WINDOWS = _days(2)


@dataclass(frozen=True)
class Retention:
    """How long each kind is kept; None is for ever."""

    spans: Mapping[str, timedelta | None] = field(default_factory=lambda: DEFAULTS)

    def before(self, now: datetime) -> dict[str, datetime]:
        """Tell of each kind before when its records go; one that is kept for ever is not there."""
        spans = {**self.spans, Records.LIMITS.value: _WINDOWS}
        return {kind: now - span for kind, span in spans.items() if span is not None}


@dataclass(frozen=True)
class Round:
    """The latest round through some records: how many of each kind it removed, and when it ended."""

    records: Records
    removed: Mapping[str, int]
    begun_at: datetime
    #: None while it goes on.
    ended_at: datetime | None = None
