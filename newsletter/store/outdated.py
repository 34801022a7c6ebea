"""Find what is too old to be kept, a page at a time, and remove it in transactions that are short.

A page is read without keeping anybody from writing. Each follows its primary key, so that what stays is read
once; where a page ends is where the next begins.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    or_,
    select,
    tuple_,
    update,
)

from newsletter.domain.event import EventKind
from newsletter.domain.limits import Scope
from newsletter.domain.notices import Notice
from newsletter.domain.retention import Records
from newsletter.domain.subscriber import Consent
from newsletter.store.tables import (
    IS_OPEN,
    Instant,
    batch,
    consent_event,
    delivery,
    issue,
    provider_event,
    subscriber,
    subscription,
    web_limit,
)

_most: BindParameter[int] = bindparam("most")
_before = bindparam("before", type_=Instant)


def _past(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    return tuple_(*columns) > tuple_(
        *(bindparam(f"after_{number}", type_=one.type) for number, one in enumerate(columns))
    )


# One look at the table is for all kinds: most events are of a few kinds, and lie among each other.
_BEFORE_BY_KIND = case(
    {kind.value: bindparam(f"before_{kind.value}", type_=Instant) for kind in EventKind},
    value=provider_event.c.kind,
)
_EVENT_KEY = (provider_event.c.provider, provider_event.c.event_id)
_OLD_EVENTS = (
    select(*_EVENT_KEY, provider_event.c.kind)
    .where(_past(*_EVENT_KEY), provider_event.c.received_at < _BEFORE_BY_KIND)
    .order_by(*_EVENT_KEY)
    .limit(_most)
)
_DROP_EVENTS = delete(provider_event).where(
    provider_event.c.provider == bindparam("group_"),
    provider_event.c.event_id.in_(bindparam("keys", expanding=True)),
)

_CONFIRMATIONS = select(issue.c.id).where(issue.c.slug == Notice.CONFIRM)
# A mail may have waited long for its turn: from when it left they have as much time as anybody.
_IS_ASKED_LATELY = or_(
    exists().where(
        consent_event.c.subscriber_id == subscription.c.subscriber_id,
        consent_event.c.series_id == subscription.c.series_id,
        consent_event.c.at >= _before,
    ),
    exists().where(
        delivery.c.issue_id.in_(_CONFIRMATIONS),
        delivery.c.subscriber_id == subscription.c.subscriber_id,
        delivery.c.batch_id == batch.c.id,
        or_(and_(IS_OPEN, batch.c.first_call_at.is_(None)), batch.c.last_call_at >= _before),
    ),
)
_SUBSCRIPTION_KEY = (subscription.c.series_id, subscription.c.subscriber_id)
_IS_PENDING = subscription.c.state == Consent.PENDING
_OLD_PENDING = (
    select(*_SUBSCRIPTION_KEY)
    .where(_past(*_SUBSCRIPTION_KEY), _IS_PENDING, ~_IS_ASKED_LATELY)
    .order_by(*_SUBSCRIPTION_KEY)
    .limit(_most)
)
# Whoever confirms at this moment is no more pending.
_DROP_PENDING = (
    delete(subscription)
    .where(
        subscription.c.series_id == bindparam("group_"),
        subscription.c.subscriber_id.in_(bindparam("keys", expanding=True)),
        _IS_PENDING,
    )
    .returning(subscription.c.subscriber_id)
)
_keys: BindParameter[Any] = bindparam("keys", expanding=True)
_IS_NOBODYS = ~exists().where(subscription.c.subscriber_id == subscriber.c.id)
_ALONE = select(subscriber.c.id).where(
    subscriber.c.id.in_(_keys), subscriber.c.address.is_not(None), _IS_NOBODYS
)
# The row stays, as what was sent is counted by it; its address can come again.
_FORGET = (
    update(subscriber)
    .where(subscriber.c.id.in_(_keys))
    .values(
        address=None, name="", zone="", locale="", attributes={}, erased_at=bindparam("now", type_=Instant),
        address_hash=bindparam("given_up", type_=String).concat(cast(subscriber.c.id, String)),
    )
)  # fmt: skip
_FORGET_IPS = update(consent_event).where(consent_event.c.subscriber_id.in_(_keys)).values(ip="")
# A mail whose outcome nobody found out keeps whom it was for.
_FORGET_CALLS = (
    update(batch)
    .where(
        IS_OPEN,
        batch.c.id.in_(
            select(delivery.c.batch_id).where(
                delivery.c.issue_id.in_(_CONFIRMATIONS), delivery.c.subscriber_id.in_(_keys)
            )
        ),
    )
    .values(frozen=None)
)

_OLD_IPS = (
    select(consent_event.c.id)
    .where(_past(consent_event.c.id), consent_event.c.ip != "", consent_event.c.at < _before)
    .order_by(consent_event.c.id)
    .limit(_most)
)
_DROP_IPS = update(consent_event).where(consent_event.c.id.in_(_keys)).values(ip="")

_LIMIT_KEY = (web_limit.c.scope, web_limit.c.key)
# What protects an address until its owner confirms has no end.
_IS_WINDOW = web_limit.c.scope != Scope.ADDRESS
_OLD_LIMITS = (
    select(*_LIMIT_KEY)
    .where(_past(*_LIMIT_KEY), _IS_WINDOW, web_limit.c.since < _before)
    .group_by(*_LIMIT_KEY)
    .order_by(*_LIMIT_KEY)
    .limit(_most)
)
_DROP_LIMITS = delete(web_limit).where(
    web_limit.c.scope == bindparam("group_"), web_limit.c.key.in_(_keys), web_limit.c.since < _before
)

#: The primary key of the last record that was found.
Position = tuple[str | int, ...]
#: What a page is found by, and where the first begins.
_PAGES: Mapping[Records, tuple[Select[Any], Position]] = {
    Records.EVENTS: (_OLD_EVENTS, ("", "")),
    Records.PENDING: (_OLD_PENDING, (0, 0)),
    Records.IP: (_OLD_IPS, (0,)),
    Records.LIMITS: (_OLD_LIMITS, ("", "")),
}


class Page(NamedTuple):
    """Keys of what is too old, and the position behind the last of them."""

    rows: Sequence[Any]
    after: Position


def find(
    tx: Connection,
    of: Records,
    before: Mapping[str, datetime],
    after: Position | None,
    most: int,
) -> Page:
    """Find the next of some records, at most so many, that are older than `before` says of their kind."""
    statement, first = _PAGES[of]
    place = {f"after_{number}": part for number, part in enumerate(after or first)}
    rows = tx.execute(statement, {"most": most, **place, **_values(of, before)}).all()
    return Page(rows, tuple(rows[-1][: len(first)]) if rows else after or first)


def remove(
    tx: Connection, of: Records, page: Page, before: Mapping[str, datetime], now: datetime
) -> Mapping[str, int]:
    """Remove the records of a page; return how many of each kind there were."""
    if of is Records.EVENTS:
        return _remove_events(tx, page.rows)
    if of is Records.PENDING:
        return {of: _remove_pending(tx, page.rows, now)}
    if of is Records.IP:
        return {of: tx.execute(_DROP_IPS, {"keys": [id_ for (id_,) in page.rows]}).rowcount}
    values = _values(of, before)
    found = [{**values, "group_": group, "keys": keys} for group, keys in _grouped(page.rows)]
    return {of: sum(tx.execute(_DROP_LIMITS, one).rowcount for one in found)}


def _values(of: Records, before: Mapping[str, datetime]) -> dict[str, datetime | None]:
    if of is Records.EVENTS:
        return {f"before_{kind.value}": before.get(kind) for kind in EventKind}
    return {"before": before.get(of)}


def _remove_events(tx: Connection, rows: Sequence[Any]) -> Counter[str]:
    for group, keys in _grouped(rows):
        tx.execute(_DROP_EVENTS, {"group_": group, "keys": keys})
    return Counter(kind for *_, kind in rows)


def _remove_pending(tx: Connection, rows: Sequence[Any], now: datetime) -> int:
    gone: list[int] = []
    for group, keys in _grouped(rows):
        gone += tx.execute(_DROP_PENDING, {"group_": group, "keys": keys}).scalars()
    alone = list(tx.execute(_ALONE, {"keys": gone}).scalars())
    if alone:
        tx.execute(_FORGET, {"keys": alone, "now": now, "given_up": "given up by "})
        tx.execute(_FORGET_IPS, {"keys": alone})
        tx.execute(_FORGET_CALLS, {"keys": alone})
    return len(gone)


def _grouped(rows: Iterable[Any]) -> Iterable[tuple[Any, list[Any]]]:
    for group, found in groupby(rows, key=itemgetter(0)):
        yield group, [row[1] for row in found]
