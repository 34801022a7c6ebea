"""The one audience rule: who is due for an issue, and why the others are not.

Release, plan and explain all read this SELECT, so what was shown is what is sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
)

from newsletter.domain.subscriber import Consent, Verdict
from newsletter.store.tables import Instant, delivery, subscriber, subscription, suppression

VERDICT = case(
    (subscriber.c.erased_at.is_not(None), literal(Verdict.FORGOTTEN.value)),
    (suppression.c.address_hash.is_not(None), literal(Verdict.SUPPRESSED.value)),
    (subscription.c.state == Consent.UNSUBSCRIBED.value, literal(Verdict.UNSUBSCRIBED.value)),
    (subscription.c.state == Consent.PENDING.value, literal(Verdict.PENDING.value)),
    (subscription.c.paused_until > bindparam("now", type_=Instant), literal(Verdict.PAUSED.value)),
    (delivery.c.issue_id.is_not(None), literal(Verdict.HAS_IT.value)),
    else_=literal(Verdict.DUE.value),
)

_after, _upto = bindparam("after", type_=Integer), bindparam("upto", type_=Integer)


def _audience(*, in_chunk: bool) -> Select[Any]:
    def within(column: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
        # Each table is told: a server without statistics would read it whole for every chunk.
        return (column > _after, column <= _upto) if in_chunk else ()

    has_it = and_(
        delivery.c.issue_id == bindparam("issue_id", type_=Integer),
        delivery.c.subscriber_id == subscription.c.subscriber_id,
        delivery.c.occasion == bindparam("occasion", type_=Integer),
        *within(delivery.c.subscriber_id),
    )
    return (
        select(
            subscription.c.subscriber_id,
            subscriber.c.address,
            subscriber.c.zone,
            VERDICT.label("verdict"),
            delivery.c.release_id,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
        .join(delivery, has_it, isouter=True)
        .where(
            subscription.c.series_id == bindparam("series_id", type_=Integer),
            *within(subscription.c.subscriber_id),
            *within(subscriber.c.id),
        )
    )


#: (subscriber, address, zone, verdict, release) of everyone who ever subscribed, for one issue and occasion;
#: the release is that of the delivery they have.
AUDIENCE = _audience(in_chunk=False)

#: The same, between two subscriber ids: a chunk of a release.
CHUNK = _audience(in_chunk=True)


def _by_verdict(rows: Select[Any]) -> Select[Any]:
    people = rows.subquery()
    return select(people.c.verdict, func.count()).group_by(people.c.verdict)


_COUNTS = _by_verdict(AUDIENCE)
_LEFT_OUT = _by_verdict(CHUNK.where(delivery.c.release_id.is_distinct_from(bindparam("release_id"))))
_ACTIVE = select(func.count()).where(
    subscription.c.series_id == bindparam("series_id"), subscription.c.state == Consent.ACTIVE
)
_SIZE = select(func.count()).where(
    subscription.c.series_id == bindparam("series_id"),
    subscription.c.subscriber_id > _after,
    subscription.c.subscriber_id <= _upto,
)
_UPTO = (
    select(subscription.c.subscriber_id)
    .where(
        subscription.c.series_id == bindparam("series_id"),
        subscription.c.subscriber_id > bindparam("after"),
    )
    .order_by(subscription.c.subscriber_id)
    .limit(1)
    .offset(bindparam("skip", type_=Integer))
)
_LAST = select(func.max(subscription.c.subscriber_id)).where(
    subscription.c.series_id == bindparam("series_id"), subscription.c.subscriber_id > bindparam("after")
)


_ANALYZE = text("ANALYZE subscriber, subscription, suppression, delivery")


def counts(
    tx: Connection, series_id: int, issue_id: int, occasion: int, now: datetime
) -> Mapping[Verdict, int]:
    """Count everyone by verdict."""
    values = {"series_id": series_id, "issue_id": issue_id, "occasion": occasion, "now": now}
    return _counted(tx, _COUNTS, values)


def active(tx: Connection, series_id: int) -> int:
    """Count active subscriptions: at least as many as are due for any issue, and much sooner known."""
    return int(tx.execute(_ACTIVE, {"series_id": series_id}).scalar_one())


def chunk_size(tx: Connection, values: Mapping[str, object]) -> int:
    """Count everyone in a chunk."""
    return int(tx.execute(_SIZE, values).scalar_one())


def left_out(tx: Connection, values: Mapping[str, object]) -> Mapping[Verdict, int]:
    """Count by verdict those of a chunk who have no delivery of its release."""
    return _counted(tx, _LEFT_OUT, values)


def chunk_end(tx: Connection, series_id: int, after: int, size: int) -> int | None:
    """Return the subscriber id that ends the next chunk; None where nobody is left."""
    values = {"series_id": series_id, "after": after}
    found = tx.execute(_UPTO, {**values, "skip": size - 1}).scalar()
    return found if found is not None else tx.execute(_LAST, values).scalar()


def refresh_statistics(tx: Connection) -> None:
    """Let a server look how large the tables of people are: after an import it guesses, and plans badly."""
    if tx.dialect.name == "postgresql":
        tx.execute(_ANALYZE)


def _counted(tx: Connection, statement: Select[Any], values: Mapping[str, object]) -> Mapping[Verdict, int]:
    rows = tx.execute(statement, values)
    return {Verdict(verdict): number for verdict, number in rows}
