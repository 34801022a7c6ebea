"""The slots that no editor gives: the next one of a sequence, and a date that came without an issue."""

from datetime import date, datetime
from importlib.metadata import version

from sqlalchemy import Connection

from newsletter.domain.dealing import empty_date
from newsletter.domain.queueing import free_date
from newsletter.domain.release import ReleaseState, SlotState
from newsletter.domain.series import AppliedSeries
from newsletter.domain.zones import opens_at
from newsletter.pipeline.editing import keep, note
from newsletter.store import releases, series, slots
from newsletter.store.slots import Slot


def add_next_slot(tx: Connection, of: AppliedSeries, now: datetime) -> Slot:
    """Give a sequence its next date; it has one slot to come at any time."""
    taken = [slot.local_date for slot in slots.of_series(tx, of.id)]
    day = free_date(of.cadence, taken, now)
    slots.add(tx, of.id, None, day, None, version("tzdata"))
    return next(slot for slot in slots.of_series(tx, of.id) if slot.local_date == day)


def follow_cadence(tx: Connection, slug: str, now: datetime) -> None:
    """Give a sequence its next slot by its cadence as it is now; what is due already stays."""
    of = series.find(tx, slug)
    assert of is not None, "applied just before"
    every = slots.of_series(tx, of.id)
    queued = next((slot for slot in every if slot.state is SlotState.QUEUED), None)
    if queued is None:
        add_next_slot(tx, of, now)
        return
    cadence, was = of.cadence, queued.local_date
    if cadence.is_date(was) and was not in cadence.skip and opens_at(cadence, was) <= now:
        return
    day = free_date(cadence, [slot.local_date for slot in every if slot != queued], now)
    if day != was:
        keep(tx, queued)
        slots.change(tx, queued.id, local_date=day)
        note(tx, now, "move", slug, {"date": day.isoformat(), "was": was.isoformat()})


def is_empty_now(tx: Connection, of: AppliedSeries, now: datetime) -> bool:
    """Tell whether the last date of a calendar series came without an issue, though one is left for it.

    A series that has not begun, or that is paused, has no such date.
    """
    return _empty(tx, of, now) is not None


def add_empty_slot(tx: Connection, of: AppliedSeries, now: datetime) -> None:
    """Keep on record that a date came and no issue was approved for it."""
    if (found := _empty(tx, of, now)) is None:
        return
    day, issue = found
    slots.add(tx, of.id, None, day, None, version("tzdata"))
    added = next(slot for slot in slots.of_series(tx, of.id) if slot.local_date == day)
    slots.change(tx, added.id, state=SlotState.RELEASED)
    reason = f"no issue was approved for it; next in the file is {issue}"
    releases.add(tx, added.id, of.cadence.due_at(day), ReleaseState.SETTLED, reason)


def _empty(tx: Connection, of: AppliedSeries, now: datetime) -> tuple[date, str] | None:
    if of.is_sequence or of.paused_at is not None:
        return None
    every = slots.of_series(tx, of.id)
    day = empty_date(of.cadence, [slot.local_date for slot in every], now)
    placed = {slot.issue_id for slot in every}
    left = [row for row in series.issues(tx, of.id) if row.id not in placed and row.cancelled_at is None]
    return (day, left[0].slug) if day is not None and left else None
