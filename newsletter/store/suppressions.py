"""Addresses that are not mailed any more: the gravest reason stays, with the earliest instant of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.domain.bouncing import FORGOTTEN, Bounce, Suppressed, Tried
from newsletter.domain.event import Reference
from newsletter.store.tables import batch, delivery, issue, subscriber, subscription, suppression

_INSERTS: Mapping[str, Callable[..., sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_REASONS: tuple[str, ...] = tuple(Suppressed)


def _statement(dialect: str, reason: Suppressed) -> sqlite.Insert | postgresql.Insert:
    insert = _INSERTS[dialect](suppression)
    new, weaker = insert.excluded, [*_REASONS[: _REASONS.index(reason) + 1]]
    if reason is not Suppressed.SOFT_BOUNCES:
        weaker.append(FORGOTTEN)
    is_later = (suppression.c.reason == new.reason) & (suppression.c.since < new.since)
    return insert.on_conflict_do_update(
        index_elements=[suppression.c.address_hash],
        set_={"reason": new.reason, "since": case((is_later, suppression.c.since), else_=new.since)},
        # Whatever else an address is suppressed for, such as somebody's wish, is not ours to change.
        where=suppression.c.reason.in_(weaker),
    )


_SUPPRESS = {(dialect, reason): _statement(dialect, reason) for dialect in _INSERTS for reason in Suppressed}
_IS_SOFT = suppression.c.reason == Suppressed.SOFT_BOUNCES
_RELEASE = delete(suppression).where(suppression.c.address_hash == bindparam("hash"), _IS_SOFT)
_MOVE = (
    update(suppression)
    .where(suppression.c.address_hash == bindparam("hash"), _IS_SOFT)
    .values(since=bindparam("since_"))
)
_SOFT = (
    select(subscriber.c.id)
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash)
    .where(subscriber.c.id.in_(bindparam("ids", expanding=True)), _IS_SOFT)
)
_ANY_SOFT = select(suppression.c.address_hash).where(_IS_SOFT).limit(1)
_HASH = select(subscriber.c.address_hash).where(subscriber.c.id == bindparam("subscriber_id"))
# Two that hear of two bounces of one person at once would each not see the other's.
_LOCKED_HASH = _HASH.with_for_update(key_share=True)
_HISTORY = (
    select(batch.c.formed_at, delivery.c.delivered_at, delivery.c.bounce, delivery.c.bounced_at)
    .join(batch, batch.c.id == delivery.c.batch_id)
    .where(
        # No index begins with the subscriber.
        delivery.c.issue_id.in_(select(issue.c.id)),
        delivery.c.subscriber_id == bindparam("subscriber_id"),
    )
)
_SUBSCRIPTION = (
    select(issue.c.series_id, issue.c.id.label("issue_id"), subscription.c.confirmed_at)
    .join(delivery, delivery.c.issue_id == issue.c.id)
    .join(
        subscription,
        (subscription.c.series_id == issue.c.series_id)
        & (subscription.c.subscriber_id == delivery.c.subscriber_id),
    )
    .where(delivery.c.batch_id == bindparam("batch_id"), delivery.c.pos == bindparam("pos"))
)


class Subscribed(NamedTuple):
    """The subscription by which a person got a mail."""

    series_id: int
    issue_id: int
    confirmed_at: datetime | None


def suppress(tx: Connection, hash_: str, reason: Suppressed, since: datetime) -> None:
    """Let an address be mailed no more."""
    row = {"address_hash": hash_, "reason": reason, "since": since}
    tx.execute(_SUPPRESS[tx.dialect.name, reason], row)


def set_soft(tx: Connection, hash_: str, since: datetime | None) -> None:
    """Suppress an address for its soft bounces since then, or let it be mailed again; other reasons stay."""
    if since is None:
        tx.execute(_RELEASE, {"hash": hash_})
        return
    suppress(tx, hash_, Suppressed.SOFT_BOUNCES, since)
    tx.execute(_MOVE, {"hash": hash_, "since_": since})


def softly(tx: Connection, subscriber_ids: set[int]) -> set[int]:
    """Return those who are not mailed because of soft bounces."""
    if not subscriber_ids or tx.execute(_ANY_SOFT).first() is None:
        return set()
    return set(tx.execute(_SOFT, {"ids": sorted(subscriber_ids)}).scalars())


def hash_of(tx: Connection, subscriber_id: int, *, locked: bool = False) -> str:
    """Return the hash of a person's address."""
    statement = _LOCKED_HASH if locked else _HASH
    return str(tx.execute(statement, {"subscriber_id": subscriber_id}).scalar_one())


def history(tx: Connection, subscriber_id: int) -> list[Tried]:
    """List what became of every mail to a person."""
    return [
        Tried(formed_at, delivered_at is not None, Bounce(bounce) if bounce else None, bounced_at)
        for formed_at, delivered_at, bounce, bounced_at in tx.execute(
            _HISTORY, {"subscriber_id": subscriber_id}
        )
    ]


def subscribed(tx: Connection, place: Reference) -> Subscribed | None:
    """Return the subscription by which somebody got a mail, whatever state it is in."""
    row = tx.execute(_SUBSCRIPTION, {"batch_id": place.batch_id, "pos": place.pos}).first()
    return Subscribed(*row) if row else None
