"""When a person's pause ends: at midnight in their own zone, and how that is written down."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.domain.cadence import resolve
from newsletter.domain.subscriber import Consent
from newsletter.domain.zones import all_zones
from newsletter.errors import Refused

#: The kinds of the two consent events.
PAUSED, RESUMED = "paused", "resumed"

_WRITTEN = "until %Y-%m-%d %H:%MZ"
_MIDNIGHT = time(0)


def zone_of(own: str, home: str) -> str:
    """Return a person's own zone, or that of the cadence where they have none."""
    return own if own in all_zones() else home


def end_of(until: date | None, weeks: int | None, zone: str, now: datetime) -> datetime:
    """Return the instant at which a pause ends: midnight of a date, or of the day so many weeks from today.

    Raises Refused for a day that is not still to come in the zone.
    """
    today = now.astimezone(ZoneInfo(zone)).date()
    day = until or today + timedelta(weeks=weeks or 0)
    if day <= today:
        tomorrow = today + timedelta(days=1)
        raise Refused(f"{day} is no day to come in {zone}", mend=f"pause until {tomorrow} or later")
    return resolve(day, _MIDNIGHT, zone)


def date_of(until: datetime, own: str, home: str) -> date:
    """Return the date on which a pause ends for a person."""
    return until.astimezone(ZoneInfo(zone_of(own, home))).date()


def last_pause(said: Iterable[tuple[str, str]]) -> datetime | None:
    """Return until when somebody has paused, by the kinds and texts of what they said, in order."""
    kinds = (PAUSED, RESUMED, Consent.UNSUBSCRIBED)
    last = [text if kind == PAUSED else "" for kind, text in said if kind in kinds]
    return read(last[-1]) if last else None


def written(until: datetime) -> str:
    """Write the end of a pause as the consent event keeps it."""
    return f"{until.astimezone(UTC):{_WRITTEN}}"


def read(text: str) -> datetime | None:
    """Read what `written` wrote; None for anything else."""
    try:
        return datetime.strptime(text, _WRITTEN).replace(tzinfo=UTC)
    except ValueError:
        return None
