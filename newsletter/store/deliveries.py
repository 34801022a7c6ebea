"""Reading the ledger: what became of an issue."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, bindparam, case, func, insert, select

from newsletter.domain.delivery import DeliveryState
from newsletter.store.tables import audit, batch, delivery

_STATE = case((delivery.c.state == DeliveryState.PLANNED, batch.c.state), else_=delivery.c.state)
_BY_STATE = (
    select(delivery.c.release_id, _STATE.label("state"), func.count())
    .join(batch, batch.c.id == delivery.c.batch_id)
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
_ANY_REAL = (
    select(delivery.c.subscriber_id)
    .where(and_(delivery.c.issue_id == bindparam("issue_id"), delivery.c.occasion == 0))
    .limit(1)
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


def has_real(tx: Connection, issue_id: int) -> bool:
    """Tell whether an issue's real send has begun."""
    return tx.execute(_ANY_REAL, {"issue_id": issue_id}).first() is not None


def note(tx: Connection, row: Mapping[str, object]) -> None:
    """Write down what a person decided."""
    tx.execute(insert(audit), row)
