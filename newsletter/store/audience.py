"""The one audience rule: who is due for an issue, and why the others are not.

Release, plan and explain all read this SELECT, so what was shown is what is sent. It differs by series only
where one names an audience of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    text,
)

from newsletter.domain.release import REAL
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.store.segments import audience_of, condition
from newsletter.store.tables import Instant, delivery, subscriber, subscription, suppression


def standing(audience: str, dialect: str) -> list[tuple[ColumnElement[bool], ColumnElement[str]]]:
    """List what keeps a person from any issue of a series, the strongest first."""
    outside = [(not_(condition(audience, dialect)), literal(Verdict.OUTSIDE.value))] if audience else []
    return [
        (subscriber.c.erased_at.is_not(None), literal(Verdict.FORGOTTEN.value)),
        (suppression.c.address_hash.is_not(None), literal(Verdict.SUPPRESSED.value)),
        (subscription.c.state == Consent.UNSUBSCRIBED.value, literal(Verdict.UNSUBSCRIBED.value)),
        (subscription.c.state == Consent.PENDING.value, literal(Verdict.PENDING.value)),
        *outside,
        (subscription.c.paused_until > bindparam("now", type_=Instant), literal(Verdict.PAUSED.value)),
    ]


def _verdict(audience: str, dialect: str) -> ColumnElement[str]:
    return case(
        *standing(audience, dialect),
        (delivery.c.issue_id.is_not(None), literal(Verdict.HAS_IT.value)),
        else_=literal(Verdict.DUE.value),
    )


_after, _upto = bindparam("after", type_=Integer), bindparam("upto", type_=Integer)


def _audience(audience: str, dialect: str, *, in_chunk: bool) -> Select[Any]:
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
            _verdict(audience, dialect).label("verdict"),
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


# Whoever has no zone has that of the cadence.
_ZONE = case((subscriber.c.zone == "", bindparam("home", type_=String)), else_=subscriber.c.zone)
# The last release of a slot takes those who moved out of the way of all others, too: with `since` everybody
# who was there before the first one, but for the zones of those that are still to go.
BY_ZONE = or_(
    _ZONE.in_(bindparam("zones", expanding=True)),
    and_(
        subscription.c.confirmed_at <= bindparam("since", type_=Instant),
        _ZONE.not_in(bindparam("others", expanding=True)),
    ),
)


def _by_verdict(rows: Select[Any]) -> Select[Any]:
    people = rows.subquery()
    return select(people.c.verdict, func.count()).group_by(people.c.verdict)


def _by_zone(rows: Select[Any]) -> Select[Any]:
    people = rows.subquery()
    return select(people.c.zone, people.c.verdict, func.count()).group_by(people.c.zone, people.c.verdict)


@dataclass(frozen=True)
class Rule:
    """The SELECT for one audience: (subscriber, address, zone, verdict, release) of all who ever subscribed.

    The release is that of the delivery they have. `chunks` are the same between two subscriber ids: a chunk
    of a release, for everybody or for people of some zones.
    """

    people: Select[Any]
    chunks: Mapping[bool, Select[Any]]
    counts: Select[Any]
    counts_by_zone: Select[Any]
    left_out: Mapping[bool, Select[Any]]


@lru_cache(maxsize=64)
def rule(audience: str, dialect: str) -> Rule:
    """Return the rule for the people of an expression, or for everybody where it is empty."""
    people, chunk = (_audience(audience, dialect, in_chunk=in_chunk) for in_chunk in (False, True))
    chunks = {False: chunk, True: chunk.where(BY_ZONE)}
    is_other = delivery.c.release_id.is_distinct_from(bindparam("release_id"))
    return Rule(
        people,
        chunks,
        _by_verdict(people),
        _by_zone(people),
        {by_zone: _by_verdict(one.where(is_other)) for by_zone, one in chunks.items()},
    )


def rule_of(tx: Connection, series_id: object) -> Rule:
    """Return the rule of a series."""
    return rule(audience_of(tx, series_id), tx.dialect.name)


_ANY_REAL = (
    select(delivery.c.subscriber_id)
    .where(delivery.c.issue_id == bindparam("issue_id"), delivery.c.occasion == REAL)
    .limit(1)
)
_ANY_PAUSE = (
    select(subscription.c.subscriber_id)
    .where(
        subscription.c.series_id == bindparam("series_id"),
        subscription.c.paused_until > bindparam("now", type_=Instant),
    )
    .limit(1)
)
_ACTIVE = select(func.count()).where(
    subscription.c.series_id == bindparam("series_id"), subscription.c.state == Consent.ACTIVE
)
_size = select(func.count()).where(
    subscription.c.series_id == bindparam("series_id"),
    subscription.c.subscriber_id > _after,
    subscription.c.subscriber_id <= _upto,
)
_SIZES = {
    False: _size,
    True: _size.join(subscriber, subscriber.c.id == subscription.c.subscriber_id).where(BY_ZONE),
}
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
    return _counted(tx, rule_of(tx, series_id).counts, values)


def counts_by_zone(
    tx: Connection, series_id: int, issue_id: int, occasion: int, now: datetime
) -> Mapping[tuple[str, Verdict], int]:
    """Count everyone by zone and verdict; the zone of whoever has none is empty."""
    values = {"series_id": series_id, "issue_id": issue_id, "occasion": occasion, "now": now}
    rows = tx.execute(rule_of(tx, series_id).counts_by_zone, values)
    return {(zone, Verdict(verdict)): number for zone, verdict, number in rows}


def active(tx: Connection, series_id: int) -> int:
    """Count active subscriptions: at least as many as are due for any issue, and much sooner known."""
    return int(tx.execute(_ACTIVE, {"series_id": series_id}).scalar_one())


def is_touched(tx: Connection, issue_id: int) -> bool:
    """Tell whether anybody has a real delivery of an issue; otherwise all untouched ones count alike."""
    return tx.execute(_ANY_REAL, {"issue_id": issue_id}).first() is not None


def has_pauses(tx: Connection, series_id: int, now: datetime) -> bool:
    """Tell whether anybody pauses a series for a while: then who is due depends on the instant."""
    return tx.execute(_ANY_PAUSE, {"series_id": series_id, "now": now}).first() is not None


def chunk_size(tx: Connection, values: Mapping[str, object]) -> int:
    """Count everyone in a chunk."""
    return int(tx.execute(_SIZES["zones" in values], values).scalar_one())


def left_out(tx: Connection, values: Mapping[str, object]) -> Mapping[Verdict, int]:
    """Count by verdict those of a chunk who have no delivery of its release."""
    return _counted(tx, rule_of(tx, values["series_id"]).left_out["zones" in values], values)


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
