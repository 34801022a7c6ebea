"""Reading the ledger: what became of an issue."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.release import REAL, ReleaseState
from newsletter.store.tables import IS_EXCEPTION, audit, batch, delivery, release, slot

# A row that says `planned` is counted by its batch, whatever the size of the ledger; the others one by one.
_BATCHES = (
    select(batch.c.release_id, batch.c.state, func.sum(batch.c.members))
    .where(batch.c.release_id.is_not(None))
    .group_by(batch.c.release_id, batch.c.state)
)
_EXCEPTIONS = (
    # What waits has no batch yet.
    select(delivery.c.release_id, delivery.c.state, batch.c.state, func.count())
    .join(batch, batch.c.id == delivery.c.batch_id, isouter=True)
    .where(delivery.c.release_id.is_not(None), IS_EXCEPTION)
    .group_by(delivery.c.release_id, delivery.c.state, batch.c.state)
)
_BATCHES_OF_RELEASE = _BATCHES.where(batch.c.release_id == bindparam("release_id"))
_EXCEPTIONS_OF_RELEASE = _EXCEPTIONS.where(delivery.c.release_id == bindparam("release_id"))
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
_NEVER_CALLED = (batch.c.state == BatchState.CANCELLED, batch.c.tainted.is_(False))
_CANCELLED_RELEASES = (
    select(release.c.id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(slot.c.issue_id == bindparam("issue"), release.c.state == ReleaseState.CANCELLED)
)
_WAS_CANCELLED = _CANCELLED_RELEASES.limit(1)
_FREE_CANCELLED = delete(delivery).where(
    delivery.c.issue_id == bindparam("issue"),
    delivery.c.occasion == REAL,
    or_(
        delivery.c.state == DeliveryState.CANCELLED,
        and_(
            delivery.c.state == DeliveryState.PLANNED,
            delivery.c.batch_id.in_(select(batch.c.id).where(*_NEVER_CALLED)),
        ),
    ),
)
_RECOUNT_CANCELLED = (
    update(batch)
    .where(batch.c.release_id.in_(_CANCELLED_RELEASES), *_NEVER_CALLED)
    .values(
        members=select(func.count())
        .select_from(delivery)
        .where(delivery.c.batch_id == batch.c.id)
        .scalar_subquery()
    )
)


def counts(tx: Connection) -> dict[int, Mapping[str, int]]:
    """Count the deliveries of every release by the state they are in."""
    return _counted(tx.execute(_BATCHES), tx.execute(_EXCEPTIONS))


def counts_of(tx: Connection, release_id: int) -> Mapping[str, int]:
    """Count the deliveries of one release by the state they are in."""
    of = {"release_id": release_id}
    found = _counted(tx.execute(_BATCHES_OF_RELEASE, of), tx.execute(_EXCEPTIONS_OF_RELEASE, of))
    return found.get(release_id, {})


def revision_of(tx: Connection, issue_id: int, subscriber_id: int, occasion: int) -> str | None:
    """Return the revision that one delivery carried."""
    values = {"issue_id": issue_id, "subscriber_id": subscriber_id, "occasion": occasion}
    return tx.execute(_REVISION, values).scalar()


def free_cancelled(tx: Connection, issue_id: int) -> int:
    """Give up the places of people whose batch was cancelled before any call: they can be due again."""
    if tx.execute(_WAS_CANCELLED, {"issue": issue_id}).first() is None:
        return 0
    freed = tx.execute(_FREE_CANCELLED, {"issue": issue_id}).rowcount
    tx.execute(_RECOUNT_CANCELLED, {"issue": issue_id})
    return freed


def note(tx: Connection, row: Mapping[str, object]) -> None:
    """Write down what a person decided."""
    tx.execute(insert(audit), row)


def _counted(batches: Iterable[Any], exceptions: Iterable[Any]) -> dict[int, Mapping[str, int]]:
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for release_id, state, members in batches:
        found[release_id][state] += members
    for release_id, state, batch_state, number in exceptions:
        found[release_id][state] += number
        if batch_state is not None:
            found[release_id][batch_state] -= number
    return {release_id: dict(+counter) for release_id, counter in found.items()}
