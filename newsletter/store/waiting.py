"""Deliveries that wait: a person gets the issues of a series in order, one after the other."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningInsert

from newsletter.domain.delivery import UNSETTLED, DeliveryState
from newsletter.domain.release import FINAL, REAL, Release
from newsletter.domain.subscriber import Verdict
from newsletter.store.audience import rule
from newsletter.store.segments import audience_of
from newsletter.store.tables import IS_EXCEPTION, batch, delivery, release, slot

# A person is looked up by primary key over the few issues of the series that are still on their way.
_OPEN_ISSUES = (
    select(slot.c.issue_id)
    .join(release, release.c.slot_id == slot.c.id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        slot.c.issue_id != bindparam("issue_id"),
        release.c.id < bindparam("release_id"),
        release.c.occasion == REAL,
        release.c.state.not_in(FINAL),
    )
    .distinct()
)
_earlier, _its_batch = delivery.alias("earlier"), batch.alias("its_batch")


def _has_earlier(subscriber_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists(
        select(_earlier.c.issue_id)
        .join(_its_batch, _its_batch.c.id == _earlier.c.batch_id, isouter=True)
        .where(
            _earlier.c.issue_id.in_(bindparam("issues", expanding=True)),
            _earlier.c.subscriber_id == subscriber_id,
            _earlier.c.occasion == REAL,
            _earlier.c.release_id < bindparam("release_id", type_=Integer),
            or_(
                _earlier.c.state == DeliveryState.WAITING,
                and_(_earlier.c.state == DeliveryState.PLANNED, _its_batch.c.state.in_(UNSETTLED)),
            ),
        )
    )


def _add(chunk: Select[Any]) -> ReturningInsert[tuple[int]]:
    due = chunk.subquery()
    return (
        insert(delivery)
        .from_select(
            ["issue_id", "subscriber_id", "occasion", "release_id", "state"],
            select(
                bindparam("issue_id", type_=Integer),
                due.c.subscriber_id,
                bindparam("occasion", type_=Integer),
                bindparam("release_id", type_=Integer),
                literal(DeliveryState.WAITING.value),
            ).where(due.c.verdict == literal(Verdict.DUE.value), _has_earlier(due.c.subscriber_id)),
            include_defaults=False,
        )
        .returning(delivery.c.subscriber_id)
    )


@lru_cache(maxsize=128)
def _adding(audience: str, dialect: str, by_zone: bool) -> ReturningInsert[tuple[int]]:
    return _add(rule(audience, dialect).chunks[by_zone])


_IS_WAITING = (
    delivery.c.release_id == bindparam("release_id"),
    IS_EXCEPTION,
    delivery.c.state == DeliveryState.WAITING,
)
_FREE = select(delivery.c.subscriber_id).where(*_IS_WAITING)
_FREE_NOW = (
    _FREE.where(~_has_earlier(delivery.c.subscriber_id))
    .order_by(delivery.c.subscriber_id)
    .limit(bindparam("size", type_=Integer))
)
_PLAN = (
    update(delivery)
    .where(
        delivery.c.issue_id == bindparam("issue"),
        delivery.c.subscriber_id == bindparam("subscriber"),
        delivery.c.occasion == REAL,
    )
    .values(state=DeliveryState.PLANNED, batch_id=bindparam("to_batch"), pos=bindparam("to_pos"))
)


def open_issues(tx: Connection, of: Release) -> list[int]:
    """List the other issues of a series whose releases came before this one and are not settled."""
    values = {"series_id": of.series_id, "issue_id": of.issue_id, "release_id": of.id}
    return list(tx.execute(_OPEN_ISSUES, values).scalars())


def add(tx: Connection, chunk: Mapping[str, object], issues: Sequence[int]) -> int:
    """Insert waiting deliveries of those in a chunk who have one of these issues still to come."""
    statement = _adding(audience_of(tx, chunk["series_id"]), tx.dialect.name, "zones" in chunk)
    return len(tx.execute(statement, {**chunk, "issues": list(issues)}).all())


def free_now(tx: Connection, release_id: int, issues: Sequence[int], size: int) -> list[int]:
    """List up to `size` subscribers of a release who need not wait any more."""
    return list(
        tx.execute(_FREE_NOW, {"release_id": release_id, "issues": list(issues), "size": size}).scalars()
    )


def plan(tx: Connection, of: Release, people: Sequence[int], to_batch: int) -> None:
    """Put the deliveries of these people into a batch, positions from 0."""
    rows = [
        {"issue": of.issue_id, "subscriber": person, "to_batch": to_batch, "to_pos": number}
        for number, person in enumerate(people)
    ]
    tx.execute(_PLAN, rows)
