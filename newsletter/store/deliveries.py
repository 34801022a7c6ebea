"""Reading the ledger: what became of an issue."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, or_, select

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.release import REAL
from newsletter.store.tables import audit, batch, delivery

_STATE = case((delivery.c.state == DeliveryState.PLANNED, batch.c.state), else_=delivery.c.state)
_BY_STATE = (
    select(delivery.c.release_id, _STATE.label("state"), func.count())
    # What waits has no batch yet.
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(delivery.c.release_id.is_not(None))
    .group_by(delivery.c.release_id, _STATE)
)
_BY_STATE_OF_RELEASE = _BY_STATE.where(delivery.c.release_id == bindparam("release_id"))
_REVISION = (
    select(batch.c.revision)
    .join(delivery, delivery.c.batch_id == batch.c.id)
    .where(
        delivery.c.issue_id == bindparam("issue_id"),
        delivery.c.subscriber_id == bindparam("subscriber_id"),
        delivery.c.occasion == bindparam("occasion"),
    )
)
# An untainted batch that was cancelled was never called: nobody of it can have got the mail.
_FREE_CANCELLED = delete(delivery).where(
    delivery.c.issue_id == bindparam("issue"),
    delivery.c.occasion == REAL,
    or_(
        delivery.c.state == DeliveryState.CANCELLED,
        and_(
            delivery.c.state == DeliveryState.PLANNED,
            delivery.c.batch_id.in_(
                select(batch.c.id).where(batch.c.state == BatchState.CANCELLED, batch.c.tainted.is_(False))
            ),
        ),
    ),
)


def counts(tx: Connection) -> dict[int, Mapping[str, int]]:
    """Count the deliveries of every release by the state they are in."""
    found: dict[int, dict[str, int]] = {}
    for release_id, state, number in tx.execute(_BY_STATE):
        found.setdefault(release_id, {})[state] = number
    return dict(found)


def counts_of(tx: Connection, release_id: int) -> Mapping[str, int]:
    """Count the deliveries of one release by the state they are in."""
    rows = tx.execute(_BY_STATE_OF_RELEASE, {"release_id": release_id})
    return {state: number for _, state, number in rows}


def revision_of(tx: Connection, issue_id: int, subscriber_id: int, occasion: int) -> str | None:
    """Return the revision that one delivery carried."""
    values = {"issue_id": issue_id, "subscriber_id": subscriber_id, "occasion": occasion}
    return tx.execute(_REVISION, values).scalar()


def free_cancelled(tx: Connection, issue_id: int) -> int:
    """Give up the places of people whose batch was cancelled before any call: they can be due again."""
    return tx.execute(_FREE_CANCELLED, {"issue": issue_id}).rowcount


def note(tx: Connection, row: Mapping[str, object]) -> None:
    """Write down what a person decided."""
    tx.execute(insert(audit), row)
