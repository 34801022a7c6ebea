"""The recipients whose outcome is unknown."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.store.tables import (
    IS_EXCEPTION,
    IS_OPEN,
    batch,
    delivery,
    issue,
    release,
    series,
    slot,
    subscriber,
)

_ROWS = (
    select(
        batch.c.release_id, series.c.slug, issue.c.slug, batch.c.id, delivery.c.subscriber_id,
        subscriber.c.address, batch.c.provider, batch.c.last_call_at, batch.c.next_at, delivery.c.reason,
        batch.c.state, batch.c.epoch, release.c.due_at, delivery.c.pos,
    )
    .join(batch, batch.c.id == delivery.c.batch_id)
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .join(series, series.c.id == slot.c.series_id)
    .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
)  # fmt: skip
# Open in a batch in doubt, of which there are few: asked for one by one, or the whole ledger would be read.
_DOUBTED = select(batch.c.id).where(IS_OPEN, batch.c.state == BatchState.UNKNOWN)
_IN_DOUBT = _ROWS.where(
    delivery.c.batch_id == bindparam("batch_id"), delivery.c.state == DeliveryState.PLANNED
)
# Left unknown for good by a policy or a cancel.
_LEFT = _ROWS.where(
    delivery.c.release_id == release.c.id,
    IS_EXCEPTION,
    delivery.c.state == DeliveryState.UNKNOWN,
    batch.c.state.in_((BatchState.UNKNOWN, BatchState.CANCELLED, BatchState.ACCEPTED)),
)
_LOCKED = (
    select(batch.c.state, batch.c.epoch)
    .where(batch.c.id == bindparam("row_id"))
    .with_for_update(key_share=True)
)
_SETTLE = (
    update(delivery)
    .where(delivery.c.batch_id == bindparam("row_id"), delivery.c.state == DeliveryState.UNKNOWN)
    .values(state=bindparam("state_"), reason=bindparam("reason_"))
)


@dataclass(frozen=True)
class UnknownRow:
    """One recipient in doubt; `next_at` is when it is looked into again by itself, None for never."""

    release_id: int
    series: str
    issue: str
    batch: int
    subscriber_id: int
    address: str | None
    provider: str
    last_call_at: datetime | None
    next_at: datetime | None
    reason: str | None
    batch_state: str
    epoch: int

    @property
    def is_open(self) -> bool:
        """Tell whether this was not left unknown for good."""
        return self.batch_state == BatchState.UNKNOWN


def every(tx: Connection) -> list[UnknownRow]:
    """List them all by release and batch."""
    doubted = tx.execute(_DOUBTED).scalars().all()
    rows = [row for batch_id in doubted for row in tx.execute(_IN_DOUBT, {"batch_id": batch_id})]
    rows += tx.execute(_LEFT)
    rows.sort(key=lambda row: (row.due_at, row.id, row.pos))
    return [UnknownRow(*row[:-2]) for row in rows]


def is_as_seen(tx: Connection, seen: UnknownRow) -> bool:
    """Tell whether a batch is still in the doubt that a row shows, and let nobody change it."""
    row = tx.execute(_LOCKED, {"row_id": seen.batch}).one()
    return bool(row.state == seen.batch_state and row.epoch == seen.epoch)


def settle(tx: Connection, batch_id: int, state: DeliveryState, reason: str | None) -> int:
    """Give those of a batch that were left unknown another state; return how many."""
    return tx.execute(_SETTLE, {"row_id": batch_id, "state_": state, "reason_": reason}).rowcount
