"""Forget a person: a row without an address stays, so that their id is never used again."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import (
    Connection,
    String,
    bindparam,
    cast,
    delete,
    exists,
    literal,
    select,
    tuple_,
    update,
)

from newsletter.domain.bouncing import FORGOTTEN
from newsletter.store.database import insert_new
from newsletter.store.tables import (
    IS_CLICK,
    IS_TRIED,
    Instant,
    batch,
    consent_event,
    delivery,
    issue,
    provider_event,
    subscriber,
    suppression,
)

_HASH = select(subscriber.c.address_hash).where(subscriber.c.id == bindparam("subscriber_id"))
_ERASE = (
    update(subscriber)
    .where(subscriber.c.id == bindparam("row_id"))
    .values(
        address=None, name="", zone="", locale="", attributes={}, erased_at=bindparam("at", type_=Instant)
    )
)
_MAKE_ROOM = (
    update(subscriber)
    .where(subscriber.c.address_hash == bindparam("hash"), subscriber.c.erased_at.is_not(None))
    .values(address_hash=literal("given up by ", String).concat(cast(subscriber.c.id, String)))
)
_REASON = select(suppression.c.reason).where(suppression.c.address_hash == bindparam("hash"))
_REMEMBER = delete(suppression).where(
    suppression.c.address_hash == bindparam("hash"), suppression.c.reason == FORGOTTEN
)
_ERASE_IPS = (
    update(consent_event).where(consent_event.c.subscriber_id == bindparam("of_subscriber")).values(ip="")
)
_ERASE_VISITS = (
    update(provider_event)
    .where(
        IS_CLICK,
        tuple_(provider_event.c.batch_id, provider_event.c.pos).in_(
            select(delivery.c.batch_id, delivery.c.pos).where(
                delivery.c.issue_id.in_(select(issue.c.id)),
                delivery.c.subscriber_id == bindparam("of_subscriber"),
            )
        ),
    )
    .values(visitor="")
)
# What was claimed and is not settled keeps what a repeat must say again.
_FROZEN = (
    select(batch.c.id, batch.c.frozen)
    .where(
        IS_TRIED,
        batch.c.frozen.is_not(None),
        exists().where(
            delivery.c.batch_id == batch.c.id, delivery.c.subscriber_id == bindparam("subscriber_id")
        ),
    )
    .with_for_update(of=batch, key_share=True)
)
_REFREEZE = update(batch).where(batch.c.id == bindparam("row_id")).values(frozen=bindparam("blob"))


def erase(tx: Connection, subscriber_id: int, at: datetime) -> None:
    """Take the address and everything else from a person's row, and suppress the hash of it."""
    hash_ = tx.execute(_HASH, {"subscriber_id": subscriber_id}).scalar_one()
    row = {"address_hash": hash_, "reason": FORGOTTEN, "since": at}
    tx.execute(insert_new(tx, suppression), row)
    tx.execute(_ERASE, {"row_id": subscriber_id, "at": at})
    tx.execute(_ERASE_IPS, {"of_subscriber": subscriber_id})
    tx.execute(_ERASE_VISITS, {"of_subscriber": subscriber_id})


def make_room(tx: Connection, hash_: str) -> bool:
    """Let an address be somebody's again who was forgotten; False where it is not mailed for another reason.

    The row of whoever had it stays without it: nothing of theirs comes back with the address.
    """
    if tx.execute(_REASON, {"hash": hash_}).scalar() not in (None, FORGOTTEN):
        return False
    return bool(tx.execute(_MAKE_ROOM, {"hash": hash_}).rowcount)


def let_in(tx: Connection, hash_: str) -> None:
    """Let an address be mailed that was forgotten; other reasons why it is not mailed stay."""
    tx.execute(_REMEMBER, {"hash": hash_})


def thaw(tx: Connection, subscriber_id: int, without: Callable[[bytes], bytes]) -> None:
    """Rewrite what open batches keep of a person; what they keep of others stays the same."""
    for id_, blob in tx.execute(_FROZEN, {"subscriber_id": subscriber_id}).all():
        tx.execute(_REFREEZE, {"row_id": id_, "blob": without(blob)})
