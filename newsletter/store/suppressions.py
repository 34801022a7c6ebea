"""Addresses that are not mailed any more: the gravest reason stays, with the earliest instant of it."""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    case,
    cast,
    delete,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from newsletter.domain.bouncing import FORGOTTEN, Bounce, Suppressed, Tried
from newsletter.domain.event import Reference
from newsletter.store.hot import Hot
from newsletter.store.packing import each_text
from newsletter.store.tables import batch, delivery, issue, one_of, subscriber, subscription, suppression

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
        where=one_of(suppression.c.reason, *weaker),
    )


_SUPPRESS = {
    (dialect, reason): Hot(_statement(dialect, reason)) for dialect in _INSERTS for reason in Suppressed
}
_IS_SOFT = suppression.c.reason == literal_column(f"'{Suppressed.SOFT_BOUNCES}'")
_MOVE = Hot(
    update(suppression)
    .where(suppression.c.address_hash == bindparam("hash"), _IS_SOFT)
    .values(since=bindparam("since_"))
)
_hash = each_text(bindparam("hashes", type_=Text)).table_valued("value", name="h")
_RELEASE = Hot(
    delete(suppression).where(suppression.c.address_hash.in_(select(_hash.c.value)), _IS_SOFT)
)  # fmt: skip

# Of many people at once.
_id = each_text(bindparam("ids", type_=Text)).table_valued("value", name="i")
_subscriber_id = cast(_id.c.value, BigInteger)
_SOFT = Hot(
    select(subscriber.c.id)
    .select_from(_id)
    .join(subscriber, subscriber.c.id == _subscriber_id)
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash)
    .where(_IS_SOFT)
)
_hashes = (
    select(subscriber.c.id, subscriber.c.address_hash)
    .select_from(_id)
    .join(subscriber, subscriber.c.id == _subscriber_id)
    .order_by(subscriber.c.id)
)
_HASHES = Hot(_hashes)
# Two that hear of two bounces of one person at once would each not see the other's.
_LOCKED_HASHES = Hot(_hashes.with_for_update(of=subscriber, key_share=True))
_HISTORIES = Hot(
    select(
        delivery.c.subscriber_id,
        batch.c.formed_at,
        delivery.c.delivered_at,
        delivery.c.bounce,
        delivery.c.bounced_at,
    )
    .select_from(_id)
    # No index begins with the subscriber.
    .join(issue, true())
    .join(delivery, (delivery.c.issue_id == issue.c.id) & (delivery.c.subscriber_id == _subscriber_id))
    .join(batch, batch.c.id == delivery.c.batch_id)
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
    _SUPPRESS[tx.dialect.name, reason].run(tx, row)


def suppress_softly(tx: Connection, hash_: str, since: datetime) -> None:
    """Let an address be mailed no more for its soft bounces since then; other reasons stay."""
    suppress(tx, hash_, Suppressed.SOFT_BOUNCES, since)
    _MOVE.run(tx, {"hash": hash_, "since_": since})


def release_soft(tx: Connection, hashes: Sequence[str]) -> None:
    """Let addresses be mailed again that soft bounces had suppressed; other reasons stay."""
    if hashes:
        _RELEASE.run(tx, {"hashes": _json(hashes)})


def softly(tx: Connection, subscriber_ids: Set[int]) -> set[int]:
    """Return those who are not mailed because of soft bounces."""
    rows = _SOFT.rows(tx, {"ids": _json(sorted(subscriber_ids))}) if subscriber_ids else ()
    return {row[0] for row in rows}


def hashes_of(tx: Connection, subscriber_ids: Set[int], *, locked: bool = False) -> dict[int, str]:
    """Return the hashes of people's addresses; nobody else counts bounces of those that are locked."""
    statement = _LOCKED_HASHES if locked else _HASHES
    rows = statement.rows(tx, {"ids": _json(sorted(subscriber_ids))}) if subscriber_ids else ()
    return {row[0]: row[1] for row in rows}


def histories(tx: Connection, subscriber_ids: Set[int]) -> dict[int, list[Tried]]:
    """List what became of every mail to people."""
    found: dict[int, list[Tried]] = {id_: [] for id_ in subscriber_ids}
    rows = _HISTORIES.rows(tx, {"ids": _json(sorted(subscriber_ids))}) if subscriber_ids else ()
    for id_, formed_at, delivered_at, bounce, bounced_at in rows:
        tried = Tried(formed_at, delivered_at is not None, Bounce(bounce) if bounce else None, bounced_at)
        found[id_].append(tried)
    return found


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def subscribed(tx: Connection, place: Reference) -> Subscribed | None:
    """Return the subscription by which somebody got a mail, whatever state it is in."""
    row = tx.execute(_SUBSCRIPTION, {"batch_id": place.batch_id, "pos": place.pos}).first()
    return Subscribed(*row) if row else None
