"""The one audience rule: who is due for an issue, and why the others are not.

Release, plan and explain all read this SELECT, so what was shown is what is sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Integer, Select, and_, bindparam, case, func, literal, select

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

#: (subscriber, address, zone, verdict) of everyone who ever subscribed, for one issue and occasion.
AUDIENCE = (
    select(
        subscription.c.subscriber_id,
        subscriber.c.address,
        subscriber.c.zone,
        VERDICT.label("verdict"),
    )
    .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .join(
        delivery,
        and_(
            delivery.c.issue_id == bindparam("issue_id", type_=Integer),
            delivery.c.subscriber_id == subscription.c.subscriber_id,
            delivery.c.occasion == bindparam("occasion", type_=Integer),
        ),
        isouter=True,
    )
    .where(subscription.c.series_id == bindparam("series_id", type_=Integer))
)

#: The same, between two subscriber ids: a chunk of a release.
CHUNK = AUDIENCE.where(
    subscription.c.subscriber_id > bindparam("after", type_=Integer),
    subscription.c.subscriber_id <= bindparam("upto", type_=Integer),
)


def _by_verdict(rows: Select[Any]) -> Select[Any]:
    people = rows.subquery()
    return select(people.c.verdict, func.count()).group_by(people.c.verdict)


_COUNTS = _by_verdict(AUDIENCE)
_CHUNK_COUNTS = _by_verdict(CHUNK)
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


def counts(
    tx: Connection, series_id: int, issue_id: int, occasion: int, now: datetime
) -> Mapping[Verdict, int]:
    """Count everyone by verdict."""
    values = {"series_id": series_id, "issue_id": issue_id, "occasion": occasion, "now": now}
    return _counted(tx, _COUNTS, values)


def chunk_counts(tx: Connection, values: Mapping[str, object]) -> Mapping[Verdict, int]:
    """Count one chunk by verdict."""
    return _counted(tx, _CHUNK_COUNTS, values)


def chunk_end(tx: Connection, series_id: int, after: int, size: int) -> int | None:
    """Return the subscriber id that ends the next chunk; None where nobody is left."""
    values = {"series_id": series_id, "after": after}
    found = tx.execute(_UPTO, {**values, "skip": size - 1}).scalar()
    return found if found is not None else tx.execute(_LAST, values).scalar()


def _counted(tx: Connection, statement: Select[Any], values: Mapping[str, object]) -> Mapping[Verdict, int]:
    rows = tx.execute(statement, values)
    return {Verdict(verdict): number for verdict, number in rows}
