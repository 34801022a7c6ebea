"""The queue: which issue goes out on which local date."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from newsletter.domain.release import REAL, ReleaseState, SlotState
from newsletter.store.tables import issue, release, series, slot

_SLOTS = (
    select(
        slot.c.id, slot.c.series_id, series.c.slug.label("series"), slot.c.local_date, slot.c.issue_id,
        issue.c.slug.label("issue"), slot.c.revision, slot.c.state, slot.c.pinned,
    )
    .join(series, series.c.id == slot.c.series_id)
    .join(issue, issue.c.id == slot.c.issue_id, isouter=True)
    .order_by(slot.c.local_date, series.c.slug)
)  # fmt: skip
_OF_SERIES = _SLOTS.where(slot.c.series_id == bindparam("series_id"))
_STILL = _SLOTS.where(slot.c.id == bindparam("row_id")).with_for_update(of=slot, key_share=True)
_QUEUED = _SLOTS.where(slot.c.state == SlotState.QUEUED)
_LAST_SIZE = (
    select(func.sum(release.c.planned))
    .join(slot, slot.c.id == release.c.slot_id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        release.c.occasion == REAL,
        release.c.state.in_((ReleaseState.SENDING, ReleaseState.SETTLED)),
    )
    .group_by(release.c.slot_id)
    # A date that came without an issue went to nobody, and nothing has grown since.
    .having(func.sum(release.c.planned) > 0)
    .order_by(func.max(release.c.due_at).desc(), release.c.slot_id.desc())
    .limit(1)
)
_CHANGE = update(slot).where(slot.c.id == bindparam("row_id"))
_DROP = delete(slot).where(slot.c.id == bindparam("row_id"))


@dataclass(frozen=True)
class Slot:
    """An issue on a local date of its series' cadence; a person chose the date of one that is pinned.

    In a sequence it has no issue of its own, and so it is for a date that nothing was approved for.
    """

    id: int
    series_id: int
    series: str
    local_date: date
    issue_id: int | None
    issue: str
    revision: str | None
    state: SlotState
    pinned: bool = False

    @property
    def target(self) -> str:
        return f"{self.series}/{self.issue}" if self.issue else self.series


def add(
    tx: Connection,
    series_id: int,
    issue_id: int | None,
    day: date,
    revision: str | None,
    tzdata: str,
    *,
    pinned: bool = False,
) -> None:
    """Give an issue a date, or everybody of a sequence; the date must be free."""
    row = {
        "series_id": series_id,
        "issue_id": issue_id,
        "local_date": day,
        "revision": revision,
        "tzdata": tzdata,
        "pinned": pinned,
        "state": SlotState.QUEUED,
    }
    tx.execute(insert(slot), row)


def of_series(tx: Connection, series_id: int) -> list[Slot]:
    """List the slots of a series by date."""
    return [_slot(row) for row in tx.execute(_OF_SERIES, {"series_id": series_id})]


def every(tx: Connection) -> list[Slot]:
    """List all slots by date."""
    return [_slot(row) for row in tx.execute(_SLOTS)]


def queued(tx: Connection) -> list[Slot]:
    """List the slots that are still to come, by date."""
    return [_slot(row) for row in tx.execute(_QUEUED)]


def last_size(tx: Connection, series_id: int) -> int | None:
    """Return how many people the last slot went to that went to anybody; None where there was none."""
    found = tx.execute(_LAST_SIZE, {"series_id": series_id}).scalar()
    return None if found is None else int(found)


def is_unchanged(tx: Connection, seen: Slot) -> bool:
    """Tell whether a slot is still as it was read, and let nobody change it before the transaction ends."""
    row = tx.execute(_STILL, {"row_id": seen.id}).first()
    return row is not None and _slot(row) == seen


def change(tx: Connection, slot_id: int, **values: object) -> None:
    """Set columns of a slot; on another date it was not shown yet."""
    if "local_date" in values:
        values = {"due_at": None, **values}
    tx.execute(_CHANGE.values(**values), {"row_id": slot_id})


def drop(tx: Connection, slot_id: int) -> None:
    """Free a date."""
    tx.execute(_DROP, {"row_id": slot_id})


def _slot(row: Row[*tuple[Any, ...]]) -> Slot:
    values = row._asdict()
    return Slot(**{**values, "issue": values["issue"] or "", "state": SlotState(values["state"])})
