"""Claims: find the next batch that is due, and take it by lease and epoch."""

from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import (
    Boolean,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)

from newsletter.domain.delivery import Batch, BatchState, DeliveryState
from newsletter.domain.subscriber import Consent
from newsletter.store.hot import Hot
from newsletter.store.packing import rows_as_json
from newsletter.store.tables import (
    IS_TRIED,
    Instant,
    attempt,
    batch,
    delivery,
    issue,
    one_of,
    subscriber,
    subscription,
    suppression,
)

_now = bindparam("now", type_=Instant)
_WHY_NOT = case(
    (subscriber.c.address.is_(None), literal("forgotten")),
    (suppression.c.reason.is_not(None), suppression.c.reason),
    (
        bindparam("needs_consent", type_=Boolean) & subscription.c.state.is_distinct_from(Consent.ACTIVE),
        func.coalesce(subscription.c.state, literal("no subscription")),
    ),
)
# A batch has one revision, so its deliveries are of one issue.
_ABOUT = (
    select(issue.c.series_id, delivery.c.issue_id, delivery.c.occasion)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .where(delivery.c.batch_id == bindparam("batch_id"))
    .limit(1)
)
_MEMBERS = Hot(
    select(
        rows_as_json(
            delivery.c.pos,
            delivery.c.subscriber_id,
            func.coalesce(subscriber.c.address, literal_column("''")),
            subscriber.c.name,
            delivery.c.state == literal_column(f"'{DeliveryState.PLANNED}'"),
            _WHY_NOT,
        )
    )
    .select_from(delivery)
    .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
    .join(
        subscription,
        and_(
            subscription.c.series_id == _ABOUT.with_only_columns(issue.c.series_id).scalar_subquery(),
            subscription.c.subscriber_id == delivery.c.subscriber_id,
        ),
        isouter=True,
    )
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(
        delivery.c.batch_id == bindparam("batch_id"),
        one_of(delivery.c.state, DeliveryState.PLANNED, DeliveryState.ACCEPTED),
    )
)
_CLAIM = Hot(
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(
        state=BatchState.SENDING,
        provider=bindparam("provider_"),
        epoch=bindparam("epoch_"),
        tainted=bindparam("tainted_"),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until", type_=Instant),
        first_call_at=bindparam("first", type_=Instant),
        last_call_at=_now,
        key_id=bindparam("key"),
        frozen=bindparam("blob"),
    )
)
# A search makes no call: the batch stays unknown, and others leave it alone until the lease is over.
_TAKE_LOOK = (
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(
        state=BatchState.UNKNOWN,
        tainted=True,
        epoch=bindparam("epoch_"),
        lease_owner=bindparam("owner"),
        next_at=bindparam("until", type_=Instant),
    )
)
_ADD_ATTEMPT = Hot(
    insert(attempt).values(
        batch_id=bindparam("row_id"),
        epoch=bindparam("epoch_"),
        generation=bindparam("generation"),
        started_at=_now,
    )
)
_EXPIRE_LEASES = (
    update(batch)
    .where(IS_TRIED, batch.c.state == BatchState.SENDING, batch.c.lease_until > _now)
    .values(lease_until=_now)
)


class About(NamedTuple):
    """What all deliveries of a batch share."""

    series_id: int
    issue_id: int
    occasion: int


class Member(NamedTuple):
    """A delivery of a batch that is open, which means that nothing is known of it alone, or accepted.

    `why_not` says why no mail may go to the person now; None where it may.
    """

    pos: int
    subscriber_id: int
    address: str
    name: str
    is_open: bool
    why_not: str | None


def about(tx: Connection, batch_id: int) -> About:
    """Read of which series and issue the deliveries of a batch are, and on which occasion."""
    return About._make(tx.execute(_ABOUT, {"batch_id": batch_id}).one())


def members(tx: Connection, batch_id: int, *, needs_consent: bool) -> list[Member]:
    """List the deliveries of a batch that are open or accepted, by position.

    With `needs_consent` nobody may be mailed without an active subscription; otherwise nobody needs one.
    """
    [(rows,)] = _MEMBERS.rows(tx, {"batch_id": batch_id, "needs_consent": needs_consent})
    return sorted(map(Member._make, orjson.loads(rows or "[]")))


def claim(
    tx: Connection,
    held: Batch,
    *,
    provider: str,
    owner: str,
    now: datetime,
    until: datetime,
    key_id: str,
    frozen: bytes,
) -> None:
    """Take the lease and note the attempt; the transaction must be durable before the call."""
    values = {
        "row_id": held.id,
        "provider_": provider,
        "epoch_": held.epoch,
        "tainted_": held.tainted,
        "owner": owner,
        "until": until,
        "first": held.first_call_at,
        "now": now,
        "key": key_id,
        "blob": frozen,
    }
    _CLAIM.run(tx, values)
    row = {"row_id": held.id, "epoch_": held.epoch, "generation": held.generation, "now": now}
    _ADD_ATTEMPT.run(tx, row)


def take_look(tx: Connection, held: Batch, *, owner: str, until: datetime) -> None:
    """Keep others from searching for the same batch until then."""
    tx.execute(_TAKE_LOOK, {"row_id": held.id, "epoch_": held.epoch, "owner": owner, "until": until})


def expire_leases(tx: Connection, now: datetime) -> int:
    """End every lease; only for the one sender of a database, which knows that the owners are gone."""
    return tx.execute(_EXPIRE_LEASES, {"now": now}).rowcount
