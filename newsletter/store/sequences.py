"""Who is due in a sequence, by the furthest issue they have had; a release deals them out issue by issue.

People of a chunk go into a temporary table once: by its order each issue takes those whose turn it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.elements import Grouping

from newsletter.domain.delivery import LEFT_IN_DOUBT, UNSETTLED, BatchState, DeliveryState
from newsletter.domain.release import FINAL, REAL, Release, ReleaseState
from newsletter.domain.sequence import NOTHING, Part
from newsletter.domain.subscriber import Consent, Verdict
from newsletter.store.audience import BY_ZONE
from newsletter.store.audience import standing as standing_of
from newsletter.store.segments import audience_of
from newsletter.store.tables import (
    IS_EXCEPTION,
    IS_OPEN,
    Id,
    Instant,
    batch,
    delivery,
    issue,
    one_of,
    release,
    revision,
    slot,
    subscriber,
    subscription,
    suppression,
)

_after, _upto = bindparam("after", type_=Integer), bindparam("upto", type_=Integer)
_issues: BindParameter[Sequence[int]] = bindparam("issues", expanding=True)
_size = bindparam("size", type_=Integer)

# Temporary, so that nobody else sees it and nothing of it is written to the file.
_turn = Table(
    "turn",
    MetaData(),
    Column("furthest", Integer, primary_key=True),
    Column("subscriber_id", Id, primary_key=True),
    Column("verdict", String(15), nullable=False),
)
_CREATE = {
    "sqlite": text(
        "CREATE TEMPORARY TABLE IF NOT EXISTS turn (furthest INTEGER NOT NULL,"
        " subscriber_id INTEGER NOT NULL, verdict VARCHAR(15) NOT NULL,"
        " PRIMARY KEY (furthest, subscriber_id)) WITHOUT ROWID"
    ),
    "postgresql": text(
        "CREATE TEMPORARY TABLE IF NOT EXISTS turn (furthest INTEGER NOT NULL, subscriber_id BIGINT NOT NULL,"
        " verdict VARCHAR(15) NOT NULL)"
    ),
}
_EMPTY = delete(_turn)


def _within(column: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    return (column > _after, column <= _upto)


# What somebody has had, real or, where the provider rehearses, rehearsed; whatever became of it.
_furthest = func.max(issue.c.position).label("furthest")
_is_counted = (
    delivery.c.issue_id.in_(_issues),
    delivery.c.occasion <= REAL,
    delivery.c.occasion >= bindparam("lowest", type_=Integer),
)
_had = (
    select(delivery.c.subscriber_id, _furthest)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .where(*_is_counted, *_within(delivery.c.subscriber_id))
    .group_by(delivery.c.subscriber_id)
    .subquery("had")
)
_of_person = (
    delivery.c.issue_id.in_(_issues),
    delivery.c.subscriber_id == subscription.c.subscriber_id,
)
# Of few people at an instant it is sooner known one by one.
_had_by_one = (
    select(_furthest)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .where(*_is_counted, delivery.c.subscriber_id == subscription.c.subscriber_id)
    .correlate(subscription)
    .scalar_subquery()
)
# A later instant of a slot meets people who moved out of the zone in which they got theirs.
_HAS_THIS_WEEKS = exists(
    select(delivery.c.issue_id).where(
        *_of_person, delivery.c.release_id.in_(bindparam("siblings", expanding=True))
    )
)
_IS_EARLIER_OPEN = exists(
    select(delivery.c.issue_id)
    .join(batch, batch.c.id == delivery.c.batch_id)
    .where(
        delivery.c.issue_id.in_(bindparam("open_issues", expanding=True)),
        delivery.c.subscriber_id == subscription.c.subscriber_id,
        delivery.c.occasion == REAL,
        delivery.c.state == DeliveryState.PLANNED,
        batch.c.state.in_(UNSETTLED),
    )
)


def _verdict(audience: str, dialect: str, has_this_weeks: ColumnElement[bool]) -> ColumnElement[str]:
    return case(
        *standing_of(audience, dialect),
        (
            subscription.c.confirmed_at > bindparam("due_at", type_=Instant),
            literal(Verdict.JOINS_LATER.value),
        ),
        (has_this_weeks, literal(Verdict.HAS_IT.value)),
        (_IS_EARLIER_OPEN, literal(Verdict.EARLIER_OPEN.value)),
        else_=literal(Verdict.DUE.value),
    )


@lru_cache(maxsize=128)
def _chunk(audience: str, dialect: str, by_zone: bool) -> Select[Any]:
    has_this_weeks: ColumnElement[bool] = _HAS_THIS_WEEKS if by_zone else false()
    people = (
        select(
            func.coalesce(_had_by_one if by_zone else _had.c.furthest, NOTHING).label("furthest"),
            subscription.c.subscriber_id,
            _verdict(audience, dialect, has_this_weeks).label("verdict"),
            subscriber.c.zone,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
        .where(
            subscription.c.series_id == bindparam("series_id", type_=Integer),
            *_within(subscription.c.subscriber_id),
            *_within(subscriber.c.id),
        )
    )
    if by_zone:
        return people.where(BY_ZONE)
    return people.join(_had, _had.c.subscriber_id == subscription.c.subscriber_id, isouter=True)


@lru_cache(maxsize=128)
def _fill(audience: str, dialect: str, by_zone: bool) -> Insert:
    rows = _chunk(audience, dialect, by_zone).subquery()
    return insert(_turn).from_select(
        ["furthest", "subscriber_id", "verdict"],
        select(rows.c.furthest, rows.c.subscriber_id, rows.c.verdict),
    )


@lru_cache(maxsize=64)
def _counts_by_zone(audience: str, dialect: str) -> Select[Any]:
    people = _chunk(audience, dialect, by_zone=False).subquery()
    return select(people.c.zone, people.c.furthest, people.c.verdict, func.count()).group_by(
        people.c.zone, people.c.furthest, people.c.verdict
    )


_COUNTS = select(_turn.c.furthest, _turn.c.verdict, func.count()).group_by(_turn.c.furthest, _turn.c.verdict)

_numbered = (
    select(
        _turn.c.subscriber_id,
        (
            func.row_number().over(order_by=_turn.c.subscriber_id) - 1 + bindparam("offset", type_=Integer)
        ).label("number"),
    )
    .where(_turn.c.furthest == bindparam("furthest"), _turn.c.verdict == Verdict.DUE.value)
    .subquery()
)
_place = _numbered.c.number.op("/", return_type=Integer())(_size)
# The batch that is filled up first, then new ones, which in an SQLite file follow one another.
_BATCH_OF: Mapping[str, ColumnElement[int]] = {
    "sqlite": case(
        (_place == 0, bindparam("head", type_=Integer)),
        else_=bindparam("second", type_=Integer) + _place - 1,
    ),
    "postgresql": Grouping(bindparam("batch_ids", type_=ARRAY(BigInteger)))[_place + 1],
}


def _add(batch_id: ColumnElement[int]) -> Insert:
    return (
        insert(delivery)
        .from_select(
            ["issue_id", "subscriber_id", "occasion", "release_id", "batch_id", "pos", "state"],
            select(
                bindparam("issue_id", type_=Integer),
                _numbered.c.subscriber_id,
                bindparam("occasion", type_=Integer),
                bindparam("release_id", type_=Integer),
                batch_id,
                _numbered.c.number % _size,
                literal(DeliveryState.PLANNED.value),
            ),
            include_defaults=False,
        )
        .execution_options(preserve_rowcount=True)
    )


_ADD = {dialect: _add(batch_id) for dialect, batch_id in _BATCH_OF.items()}
_LAST_BATCH = (
    select(batch.c.id, batch.c.members)
    .where(batch.c.release_id == bindparam("release_id"), batch.c.revision == bindparam("revision"))
    .order_by(batch.c.seq.desc())
    .limit(1)
)
_GROW = (
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(members=batch.c.members + bindparam("by", type_=Integer))
)
_PARTS = (
    select(issue.c.id, issue.c.slug, issue.c.position, issue.c.approved_revision, issue.c.paused_at)
    .where(
        issue.c.series_id == bindparam("series_id"), issue.c.kind == "issue", issue.c.cancelled_at.is_(None)
    )
    .order_by(issue.c.position)
)
_OPEN_ISSUES = (
    select(revision.c.issue_id)
    .join(batch, batch.c.revision == revision.c.hash)
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        release.c.id != bindparam("release_id"),
        release.c.occasion == REAL,
        release.c.state.not_in(FINAL),
        IS_OPEN,
    )
    .distinct()
)
_SUPERSEDED = (
    select(release.c.id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        slot.c.id != bindparam("slot_id"),
        one_of(release.c.state, ReleaseState.HELD, ReleaseState.WAITING),
        release.c.prepared_to == 0,
    )
)

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
_of_chunk = (delivery.c.issue_id.in_(_issues), *_within(delivery.c.subscriber_id))
_NOT_GIVEN = [
    (
        select(delivery.c.batch_id, func.count())
        .where(where, *_of_chunk, delivery.c.batch_id.is_not(None))
        .group_by(delivery.c.batch_id),
        delete(delivery).where(where, *_of_chunk),
    )
    for where in _WAS_NOT_GIVEN.values()
]


class Standing(NamedTuple):
    """Where people of a sequence stand: the furthest they have had, and what keeps them, if anything."""

    furthest: int
    verdict: Verdict


def parts(tx: Connection, series_id: int) -> list[Part]:
    """List the issues of a sequence in order; those that were taken out are none."""
    rows = tx.execute(_PARTS, {"series_id": series_id})
    return [
        Part(id_, slug, position, approved, paused_at is not None)
        for id_, slug, position, approved, paused_at in rows
    ]


def open_issues(tx: Connection, series_id: int, release_id: int) -> list[int]:
    """List the issues of a sequence that other releases are still sending."""
    values = {"series_id": series_id, "release_id": release_id}
    return list(tx.execute(_OPEN_ISSUES, values).scalars())


def superseded(tx: Connection, series_id: int, slot_id: int) -> list[int]:
    """List the releases of other slots of which nothing was prepared: what comes next has come."""
    return list(tx.execute(_SUPERSEDED, {"series_id": series_id, "slot_id": slot_id}).scalars())


def fill(tx: Connection, chunk: Mapping[str, object]) -> Mapping[Standing, int]:
    """Look where everybody of a chunk stands; return how many stand where."""
    tx.execute(_CREATE[tx.dialect.name])
    tx.execute(_EMPTY)
    tx.execute(_fill(audience_of(tx, chunk["series_id"]), tx.dialect.name, "zones" in chunk), chunk)
    return {Standing(furthest, Verdict(verdict)): n for furthest, verdict, n in tx.execute(_COUNTS)}


def counts_by_zone(tx: Connection, chunk: Mapping[str, object]) -> Mapping[tuple[str, Standing], int]:
    """Count the people of a chunk by zone and by where they stand; the zone of whoever has none is empty."""
    rows = tx.execute(_counts_by_zone(audience_of(tx, chunk["series_id"]), tx.dialect.name), chunk)
    return {(zone, Standing(furthest, Verdict(verdict))): n for zone, furthest, verdict, n in rows}


def last_batch(tx: Connection, release_id: int, revision_hash: str) -> tuple[int, int] | None:
    """Return the last batch that a release has of a revision, and its members."""
    row = tx.execute(_LAST_BATCH, {"release_id": release_id, "revision": revision_hash}).first()
    return (row.id, row.members) if row else None


def grow(tx: Connection, batch_id: int, by: int) -> None:
    """Count more members of a batch."""
    tx.execute(_GROW, {"row_id": batch_id, "by": by})


def add_deliveries(
    tx: Connection, of: Release, issue_id: int, furthest: int, batch_ids: Sequence[int], first: int, size: int
) -> int:
    """Insert the deliveries of an issue for those whose turn it is; return how many.

    They fill batches of `size` in order, from position `first` of the first one.
    """
    values = {
        "issue_id": issue_id,
        "occasion": of.occasion,
        "release_id": of.id,
        "furthest": furthest,
        "offset": first,
        "size": size,
        "head": batch_ids[0],
        "second": batch_ids[1] if len(batch_ids) > 1 else 0,
        "batch_ids": list(batch_ids),
    }
    return tx.execute(_ADD[tx.dialect.name], values).rowcount


def take_back(tx: Connection, chunk: Mapping[str, object]) -> None:
    """Let people of a chunk be due again for what was never sent to them, now that they may have it."""
    if not tx.execute(_ANY_NOT_GIVEN, chunk).scalar():
        return
    for counted, taken in _NOT_GIVEN:
        fewer = [(batch_id, number) for batch_id, number in tx.execute(counted, chunk)]
        tx.execute(taken, chunk)
        for batch_id, number in fewer:
            grow(tx, batch_id, -number)


def chunk_of(
    series_id: int, issues: Sequence[int], after: int, upto: int, *, due_at: datetime, now: datetime
) -> dict[str, object]:
    """Name the people between two subscriber ids, for what would be released at an instant."""
    return {
        "series_id": series_id,
        "issues": list(issues),
        "after": after,
        "upto": upto,
        "due_at": due_at,
        "now": now,
        "lowest": REAL,
        "open_issues": [],
        "siblings": [],
    }
