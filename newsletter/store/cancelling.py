"""Cancel: what no call was made for ends, and a doubt stays unknown."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select, update

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.release import ReleaseState
from newsletter.store.batches import leave_unknown
from newsletter.store.tables import IS_EXCEPTION, IS_OPEN, Instant, batch, delivery, one_of, release, revision

_OF_RELEASE = batch.c.release_id == bindparam("release")
_CANCEL_PLANNED = (
    update(batch)
    .where(_OF_RELEASE, batch.c.state == BatchState.PLANNED, batch.c.tainted.is_(False))
    .values(state=BatchState.CANCELLED, frozen=None)
)
_CANCEL_ISSUE = (
    update(batch)
    .where(
        batch.c.revision.in_(select(revision.c.hash).where(revision.c.issue_id == bindparam("issue"))),
        batch.c.release_id.is_not(None),
        one_of(batch.c.state, BatchState.PLANNED),
        batch.c.tainted.is_(False),
    )
    .values(state=BatchState.CANCELLED, frozen=None)
    .returning(batch.c.members)
)
_CANCEL_WAITING = (
    update(delivery)
    .where(
        delivery.c.release_id == bindparam("release"),
        IS_EXCEPTION,
        delivery.c.state == DeliveryState.WAITING,
    )
    .values(state=DeliveryState.CANCELLED)
)
_IN_DOUBT = (
    select(batch.c.id)
    .where(
        _OF_RELEASE,
        or_(
            batch.c.state == BatchState.UNKNOWN,
            (batch.c.state == BatchState.SENDING) & (batch.c.lease_until <= bindparam("now", type_=Instant)),
        ),
    )
    .with_for_update(key_share=True)
)
_WITH_LEFTOVERS = (
    select(batch.c.release_id)
    .join(release, release.c.id == batch.c.release_id)
    .where(IS_OPEN, release.c.state == ReleaseState.CANCELLED)
    .distinct()
)


def cancel_release(tx: Connection, release_id: int, now: datetime) -> None:
    """Stop what is left of a release: what no call was made for is cancelled, a doubt stays unknown."""
    tx.execute(_CANCEL_PLANNED, {"release": release_id})
    tx.execute(_CANCEL_WAITING, {"release": release_id})
    for batch_id in list(tx.execute(_IN_DOUBT, {"release": release_id, "now": now}).scalars()):
        leave_unknown(tx, batch_id, "cancelled while its outcome was unknown")


def cancel_issue(tx: Connection, issue_id: int) -> int:
    """Stop what no call was made for of an issue, in whatever release; return how many people it was for."""
    return sum(tx.execute(_CANCEL_ISSUE, {"issue": issue_id}).scalars())


def leftovers(tx: Connection) -> list[int]:
    """List the cancelled releases of which a batch is still planned or in doubt."""
    return list(tx.execute(_WITH_LEFTOVERS).scalars())
