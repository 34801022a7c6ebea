"""Where people of a sequence stand: the furthest issue they have had, and what keeps them.

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
from newsletter.domain.release import REAL
from newsletter.domain.sequence import NOTHING
from newsletter.domain.subscriber import Verdict
from newsletter.store.audience import BY_ZONE
from newsletter.store.audience import standing as standing_of
from newsletter.store.segments import audience_of
from newsletter.store.tables import (
    Id,
    Instant,
    batch,
    delivery,
    issue,
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
_part = Table(
    "part",
    MetaData(),
    Column("position", Integer, primary_key=True),
    Column("issue_id", Id, primary_key=True),
)
_CREATE_PART = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS part"
    " (position INTEGER NOT NULL, issue_id INTEGER NOT NULL, PRIMARY KEY (position, issue_id))"
)
_EMPTY_PART = delete(_part)
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
_PARTS_OF_CHUNK = insert(_part).from_select(
    ["position", "issue_id"], select(issue.c.position, issue.c.id).where(issue.c.id.in_(_issues))
)
_HAD: Mapping[str, FromClause] = {"sqlite": _reached, "postgresql": _had}
# Of few people at an instant it is sooner known one by one, backwards until something is found.
_had_by_one = (
    select(_part.c.position)
    .join(delivery, delivery.c.issue_id == _part.c.issue_id)
    .where(*_has_counted, delivery.c.subscriber_id == subscription.c.subscriber_id)
    .order_by(_part.c.position.desc())
    .limit(1)
    .correlate(subscription)
    .scalar_subquery()
)
# A later instant of a slot meets people who moved out of the zone in which they got theirs.
_HAS_THIS_WEEKS = exists(
    select(delivery.c.issue_id).where(
        delivery.c.issue_id.in_(bindparam("this_weeks", expanding=True)),
        delivery.c.subscriber_id == subscription.c.subscriber_id,
        delivery.c.release_id.in_(bindparam("siblings", expanding=True)),
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


class Standing(NamedTuple):
    """Where people of a sequence stand: the furthest they have had, and what keeps them, if anything."""

    furthest: int
    verdict: Verdict


def fill(tx: Connection, chunk: Mapping[str, object]) -> Mapping[Standing, int]:
    """Look where everybody of a chunk stands; return how many stand where."""
    tx.execute(_CREATE[tx.dialect.name])
    tx.execute(_EMPTY)
    if "zones" in chunk:
        tx.execute(_CREATE_PART)
        tx.execute(_EMPTY_PART)
        tx.execute(_PARTS_OF_CHUNK, {"issues": chunk["issues"]})
    else:
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
        "this_weeks": [],
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
