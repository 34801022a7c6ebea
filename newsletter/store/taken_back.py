"""Take back what a sequence never sent to people: they had left, or all of it was cancelled.

Whoever may have it again is due for it again.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, exists, func, or_, select

from newsletter.domain.delivery import LEFT_IN_DOUBT, BatchState, DeliveryState
from newsletter.domain.release import REAL
from newsletter.domain.subscriber import Consent
from newsletter.store.dealt import grow
from newsletter.store.standings import within
from newsletter.store.tables import (
    IS_EXCEPTION,
    batch,
    delivery,
    release,
    slot,
    subscriber,
    subscription,
    suppression,
)

_issues: BindParameter[Sequence[int]] = bindparam("issues", expanding=True)

# Rows of people who never got theirs: they had left before the call, or all of it was cancelled.
_releases = (
    select(release.c.id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(slot.c.series_id == bindparam("series_id"), release.c.occasion == REAL)
)
_is_back = exists(
    select(subscription.c.subscriber_id)
    .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(
        subscription.c.series_id == bindparam("series_id"),
        subscription.c.subscriber_id == delivery.c.subscriber_id,
        subscription.c.state == Consent.ACTIVE,
        suppression.c.address_hash.is_(None),
    )
)
_never_called = select(batch.c.id).where(
    batch.c.release_id.in_(_releases),
    batch.c.state == BatchState.CANCELLED,
    batch.c.tainted.is_(False),
    batch.c.members > 0,
)
_WAS_NOT_GIVEN = {
    "single": and_(
        delivery.c.release_id.in_(_releases),
        IS_EXCEPTION,
        delivery.c.state.in_((DeliveryState.CANCELLED, DeliveryState.SUPPRESSED)),
        delivery.c.reason.is_distinct_from(LEFT_IN_DOUBT),
        _is_back,
    ),
    "whole": and_(
        delivery.c.batch_id.in_(_never_called), delivery.c.state == DeliveryState.PLANNED, _is_back
    ),
}
_ANY_NOT_GIVEN = select(
    or_(*(exists(select(delivery.c.issue_id).where(where)) for where in _WAS_NOT_GIVEN.values()))
)
_of_chunk = (delivery.c.issue_id.in_(_issues), *within(delivery.c.subscriber_id))
_NOT_GIVEN = [
    (
        select(delivery.c.batch_id, func.count())
        .where(where, *_of_chunk, delivery.c.batch_id.is_not(None))
        .group_by(delivery.c.batch_id),
        delete(delivery).where(where, *_of_chunk),
    )
    for where in _WAS_NOT_GIVEN.values()
]


def take_back(tx: Connection, chunk: Mapping[str, object]) -> None:
    """Let people of a chunk be due again for what was never sent to them, now that they may have it."""
    if not tx.execute(_ANY_NOT_GIVEN, chunk).scalar():
        return
    for counted, taken in _NOT_GIVEN:
        fewer = [(batch_id, number) for batch_id, number in tx.execute(counted, chunk)]
        tx.execute(taken, chunk)
        for batch_id, number in fewer:
            grow(tx, batch_id, -number)
