"""Say when the next issue comes to one person. Changes nothing."""

from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from newsletter.domain.release import SlotState
from newsletter.domain.series import AppliedSeries
from newsletter.domain.zones import instant_for
from newsletter.store import slots


def next_slot(tx: Connection, of: AppliedSeries, own: str, now: datetime) -> tuple[datetime, str] | None:
    """Return the instant of the next slot of a series, and the zone in which a person reads it.

    None where no date has been given to an issue yet.
    """
    queued = [one.local_date for one in slots.of_series(tx, of.id) if one.state is SlotState.QUEUED]
    if not queued:
        return None
    # A sequence has one slot in the queue, and goes on by its cadence.
    later = islice((day for day in of.cadence.dates(now) if day > min(queued)), 2) if of.is_sequence else ()
    instants = (instant_for(of.cadence, day, own) for day in (*queued, *later))
    found = min((one for one in instants if one > now), default=None)
    return (found, own or of.cadence.zone) if found else None
