"""The instants that queued slots were shown with. Nothing is released by them."""

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.release import SlotState
from newsletter.domain.shown import Shown
from newsletter.store.tables import issue, series, slot

# By id, the order in which two slots are locked elsewhere, too.
_QUEUED = (
    select(
        slot.c.id, series.c.slug.label("series"), issue.c.slug.label("issue"), slot.c.local_date,
        slot.c.tzdata, slot.c.due_at,
    )
    .join(series, series.c.id == slot.c.series_id)
    .outerjoin(issue, issue.c.id == slot.c.issue_id)
    .where(slot.c.series_id == bindparam("of"), slot.c.state == SlotState.QUEUED)
    .order_by(slot.c.id)
)  # fmt: skip
_KEEP = (
    update(slot)
    .where(slot.c.id == bindparam("row_id"))
    .values(tzdata=bindparam("by"), due_at=bindparam("shown_at"))
)


def of_series(tx: Connection, series_id: int) -> list[Shown]:
    """List what was shown of the queued slots of a series."""
    return [
        Shown(
            slot_id=row.id,
            target=f"{row.series}/{row.issue}" if row.issue else row.series,
            local_date=row.local_date,
            tzdata=row.tzdata,
            due_at=row.due_at,
        )
        for row in tx.execute(_QUEUED, {"of": series_id})
    ]


def keep(tx: Connection, shown: Shown) -> None:
    """Keep what is shown of a slot from now on."""
    tx.execute(_KEEP, {"row_id": shown.slot_id, "by": shown.tzdata, "shown_at": shown.due_at})
