"""Forget a person: a row without an address stays, so that their id is never used again."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, select, update

from newsletter.store.database import insert_new
from newsletter.store.tables import IS_TRIED, Instant, batch, consent_event, delivery, subscriber, suppression

#: Why the address of somebody who was forgotten is not mailed: no list brings it back.
FORGOTTEN = "forgotten"

_HASH = select(subscriber.c.address_hash).where(subscriber.c.id == bindparam("subscriber_id"))
_ERASE = (
    update(subscriber)
    .where(subscriber.c.id == bindparam("row_id"))
    .values(
        address=None, name="", zone="", locale="", attributes={}, erased_at=bindparam("at", type_=Instant)
    )
)
_ERASE_IPS = (
    update(consent_event).where(consent_event.c.subscriber_id == bindparam("of_subscriber")).values(ip="")
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


def thaw(tx: Connection, subscriber_id: int, without: Callable[[bytes], bytes]) -> None:
    """Rewrite what open batches keep of a person; what they keep of others stays the same."""
    for id_, blob in tx.execute(_FROZEN, {"subscriber_id": subscriber_id}).all():
        tx.execute(_REFREEZE, {"row_id": id_, "blob": without(blob)})
