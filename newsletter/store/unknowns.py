"""The recipients whose outcome is unknown."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, or_, select, update

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.store.tables import batch, delivery, issue, release, series, slot, subscriber

# Open in a batch in doubt, or left unknown for good by a policy or a cancel.
_IS_UNKNOWN = or_(
    and_(delivery.c.state == DeliveryState.PLANNED, batch.c.state == BatchState.UNKNOWN),
    delivery.c.state == DeliveryState.UNKNOWN,
)
_EVERY = (
    select(
        batch.c.release_id, series.c.slug, issue.c.slug, batch.c.id, delivery.c.subscriber_id,
        subscriber.c.address, batch.c.provider, batch.c.last_call_at, batch.c.next_at, delivery.c.reason,
        batch.c.state,
    )
    .join(batch, batch.c.id == delivery.c.batch_id)
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .join(series, series.c.id == slot.c.series_id)
    .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
    .where(batch.c.state.in_((BatchState.UNKNOWN, BatchState.CANCELLED, BatchState.ACCEPTED)), _IS_UNKNOWN)
    .order_by(release.c.due_at, batch.c.id, delivery.c.pos)
)  # fmt: skip
_OF_RELEASE = (
    delivery.c.release_id == bindparam("release"),
    delivery.c.state == DeliveryState.UNKNOWN,
)
_MARK_SENT = (
    update(delivery).where(*_OF_RELEASE).values(state=DeliveryState.ACCEPTED, reason="marked as sent")
)
_CLOSED = (
    select(delivery.c.batch_id)
    .join(batch, batch.c.id == delivery.c.batch_id)
    .where(
        batch.c.release_id == bindparam("release"),
        batch.c.state == BatchState.CANCELLED,
        batch.c.tainted.is_(True),
        delivery.c.state == DeliveryState.PLANNED,
    )
    .distinct()
)
# Those who left while others of their batch were accepted are not sent anything again.
_PLAN_AGAIN = (
    update(delivery)
    .where(
        *_OF_RELEASE,
        delivery.c.batch_id.in_(
            select(batch.c.id).where(
                batch.c.release_id == bindparam("release"),
                batch.c.state == BatchState.CANCELLED,
                batch.c.tainted.is_(True),
            )
        ),
    )
    .values(state=DeliveryState.PLANNED, reason=None)
)

_LET_GO = (
    update(delivery)
    .where(
        *_OF_RELEASE,
        delivery.c.batch_id.in_(
            select(batch.c.id).where(
                batch.c.release_id == bindparam("release"), batch.c.state == BatchState.ACCEPTED
            )
        ),
    )
    .values(state=DeliveryState.SUPPRESSED, reason="left, and is not sent it again")
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

    @property
    def is_open(self) -> bool:
        """Tell whether this was not left unknown for good."""
        return self.batch_state == BatchState.UNKNOWN


def every(tx: Connection) -> list[UnknownRow]:
    """List them all by release and batch."""
    return [UnknownRow(*row) for row in tx.execute(_EVERY)]


def mark_sent(tx: Connection, release_id: int) -> None:
    """Count those that were left unknown as accepted."""
    tx.execute(_MARK_SENT, {"release": release_id})


def plan_again(tx: Connection, release_id: int) -> None:
    """Let those that were left unknown say again what their batch says."""
    tx.execute(_PLAN_AGAIN, {"release": release_id})


def let_go(tx: Connection, release_id: int) -> int:
    """Send nothing again to those who left while others of their batch were accepted; return how many."""
    return tx.execute(_LET_GO, {"release": release_id}).rowcount


def closed_batches(tx: Connection, release_id: int) -> list[int]:
    """List the batches that were closed in doubt and have somebody planned again."""
    return list(tx.execute(_CLOSED, {"release": release_id}).scalars())
