"""Who is due in a sequence, by the furthest issue they have had.

People of a chunk go into a temporary table once; from it each issue takes those whose turn it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    select,
    text,
)

from newsletter.domain.delivery import UNSETTLED, DeliveryState
from newsletter.domain.release import FINAL, REAL, ReleaseState
from newsletter.domain.sequence import NOTHING, Part
from newsletter.domain.subscriber import Verdict
from newsletter.store.audience import BY_ZONE
from newsletter.store.audience import standing as standing_of
from newsletter.store.segments import audience_of
from newsletter.store.tables import (
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

# Temporary, so that nobody else sees it and nothing of it is written to the file.
TURN = Table(
    "turn",
    MetaData(),
    Column("subscriber_id", Id, primary_key=True),
    Column("furthest", Integer, nullable=False),
    Column("verdict", String(15), nullable=False),
)
_CREATE = {
    "sqlite": text(
        "CREATE TEMPORARY TABLE IF NOT EXISTS turn (subscriber_id INTEGER PRIMARY KEY,"
        " furthest INTEGER NOT NULL, verdict VARCHAR(15) NOT NULL)"
    ),
    "postgresql": text(
        "CREATE TEMPORARY TABLE IF NOT EXISTS turn (furthest INTEGER NOT NULL, subscriber_id BIGINT NOT NULL,"
        " verdict VARCHAR(15) NOT NULL)"
    ),
}
_EMPTY = delete(TURN)
# An SQLite file knows sooner how far people are by going backwards than by sorting all that they had.
_reached = Table(
    "reached",
    MetaData(),
    Column("subscriber_id", Id, primary_key=True),
    Column("furthest", Integer, nullable=False),
)
_CREATE_REACHED = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS reached"
    " (subscriber_id INTEGER PRIMARY KEY, furthest INTEGER NOT NULL)"
)
_EMPTY_REACHED = delete(_reached)


def within(column: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of being among the people of a chunk, by their id."""
    return (column > _after, column <= _upto)


# What somebody has had, real or, where the provider rehearses, rehearsed; whatever became of it.
_furthest = func.max(issue.c.position).label("furthest")
_has_counted = (delivery.c.occasion <= REAL, delivery.c.occasion >= bindparam("lowest", type_=Integer))
_is_counted = (delivery.c.issue_id.in_(_issues), *_has_counted)
_had = (
    select(delivery.c.subscriber_id, _furthest)
    .join(issue, issue.c.id == delivery.c.issue_id)
    .where(*_is_counted, *within(delivery.c.subscriber_id))
    .group_by(delivery.c.subscriber_id)
    .subquery("had")
)
_REACH = (
    insert(_reached)
    .prefix_with("OR IGNORE")
    .from_select(
        ["subscriber_id", "furthest"],
        select(
            delivery.c.subscriber_id,
            select(issue.c.position).where(issue.c.id == bindparam("part", type_=Integer)).scalar_subquery(),
        ).where(
            delivery.c.issue_id == bindparam("part", type_=Integer),
            *_has_counted,
            *within(delivery.c.subscriber_id),
        ),
        include_defaults=False,
    )
)
_HAD: Mapping[str, FromClause] = {"sqlite": _reached, "postgresql": _had}
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
    had = _HAD[dialect]
    people = (
        select(
            func.coalesce(_had_by_one if by_zone else had.c.furthest, NOTHING).label("furthest"),
            subscription.c.subscriber_id,
            _verdict(audience, dialect, has_this_weeks).label("verdict"),
            subscriber.c.zone,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
        .where(
            subscription.c.series_id == bindparam("series_id", type_=Integer),
            *within(subscription.c.subscriber_id),
            *within(subscriber.c.id),
        )
    )
    if by_zone:
        return people.where(BY_ZONE)
    return people.join(had, had.c.subscriber_id == subscription.c.subscriber_id, isouter=True)


@lru_cache(maxsize=128)
def _fill(audience: str, dialect: str, by_zone: bool) -> Insert:
    rows = _chunk(audience, dialect, by_zone).subquery()
    return insert(TURN).from_select(
        ["furthest", "subscriber_id", "verdict"],
        select(rows.c.furthest, rows.c.subscriber_id, rows.c.verdict),
    )


@lru_cache(maxsize=64)
def _counts_by_zone(audience: str, dialect: str) -> Select[Any]:
    people = _chunk(audience, dialect, by_zone=False).subquery()
    return select(people.c.zone, people.c.furthest, people.c.verdict, func.count()).group_by(
        people.c.zone, people.c.furthest, people.c.verdict
    )


_COUNTS = select(TURN.c.furthest, TURN.c.verdict, func.count()).group_by(TURN.c.furthest, TURN.c.verdict)

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
    if "zones" not in chunk:
        _reach(tx, chunk)
    tx.execute(_fill(audience_of(tx, chunk["series_id"]), tx.dialect.name, "zones" in chunk), chunk)
    return {Standing(furthest, Verdict(verdict)): n for furthest, verdict, n in tx.execute(_COUNTS)}


def counts_by_zone(tx: Connection, chunk: Mapping[str, object]) -> Mapping[tuple[str, Standing], int]:
    """Count the people of a chunk by zone and by where they stand; the zone of whoever has none is empty."""
    _reach(tx, chunk)
    rows = tx.execute(_counts_by_zone(audience_of(tx, chunk["series_id"]), tx.dialect.name), chunk)
    return {(zone, Standing(furthest, Verdict(verdict))): n for zone, furthest, verdict, n in rows}


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


def _reach(tx: Connection, chunk: Mapping[str, object]) -> None:
    """Note for an SQLite file how far everybody of a chunk is; a server finds out as it goes."""
    if tx.dialect.name != "sqlite":
        return
    tx.execute(_CREATE_REACHED)
    tx.execute(_EMPTY_REACHED)
    of_chunk = {name: chunk[name] for name in ("after", "upto", "lowest")}
    for part in reversed(cast("Sequence[int]", chunk["issues"])):
        tx.execute(_REACH, {**of_chunk, "part": part})
