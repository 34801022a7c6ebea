"""Fill the batches of a release: everybody due in a chunk is numbered, and has their place by it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    Select,
    Subquery,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql.elements import Grouping

from newsletter.domain.delivery import BatchState, DeliveryState
from newsletter.domain.subscriber import Verdict
from newsletter.store.audience import rule
from newsletter.store.segments import audience_of
from newsletter.store.tables import batch, delivery

_ADD_BATCHES = insert(batch).returning(batch.c.id, sort_by_parameter_order=True)
_SET_MEMBERS = update(batch).where(batch.c.id == bindparam("row_id")).values(members=bindparam("rest"))
_DROP_BATCH = delete(batch).where(batch.c.id == bindparam("row_id"))

# Who is due in a chunk, numbered; batch and position follow from the number.
_size = bindparam("size", type_=Integer)


def _numbered(chunk: Select[Any]) -> Subquery:
    due = chunk.subquery()
    return (
        select(
            due.c.subscriber_id,
            (func.row_number().over(order_by=due.c.subscriber_id) - 1).label("number"),
        )
        .where(due.c.verdict == literal(Verdict.DUE.value))
        .subquery()
    )


def _add_deliveries(
    chunk: Select[Any], batch_of: Callable[[ColumnElement[int]], ColumnElement[int]]
) -> Insert:
    numbered = _numbered(chunk)
    # Not SQLAlchemy's `//`, which divides numbers with a fraction on a server.
    batch_id = batch_of(numbered.c.number.op("/", return_type=Integer())(_size))
    return (
        insert(delivery)
        .from_select(
            ["issue_id", "subscriber_id", "occasion", "release_id", "batch_id", "pos", "state"],
            select(
                bindparam("issue_id", type_=Integer),
                numbered.c.subscriber_id,
                bindparam("occasion", type_=Integer),
                bindparam("release_id", type_=Integer),
                batch_id,
                numbered.c.number % _size,
                literal(DeliveryState.PLANNED.value),
            ),
            include_defaults=False,
        )
        .execution_options(preserve_rowcount=True)
    )


# The ids of batches are given: to look them up, a server without statistics compares every delivery with
# every batch. In an SQLite file they follow one another.
_BATCH_OF: Mapping[str, Callable[[ColumnElement[int]], ColumnElement[int]]] = {
    "sqlite": lambda place: bindparam("first_batch", type_=Integer) + place,
    "postgresql": lambda place: Grouping(bindparam("batch_ids", type_=ARRAY(BigInteger)))[place + 1],
}


@lru_cache(maxsize=128)
def _adding(audience: str, dialect: str, by_zone: bool) -> Insert:
    return _add_deliveries(rule(audience, dialect).chunks[by_zone], _BATCH_OF[dialect])


def planned_batch(
    release_id: int, revision: str, seq: int, members: int, *, lane: int, provider: str, now: datetime
) -> Mapping[str, object]:
    """Return the row of a batch that waits to be claimed."""
    return {
        "release_id": release_id,
        "revision": revision,
        "lane": lane,
        "provider": provider,
        "seq": seq,
        "members": members,
        "state": BatchState.PLANNED,
        "next_at": now,
        "formed_at": now,
        "generation": 0,
        "tainted": False,
        "epoch": 0,
    }


def add_batches(tx: Connection, rows: Sequence[Mapping[str, object]]) -> Sequence[int]:
    """Insert batches; return their ids in order."""
    return tx.execute(_ADD_BATCHES, list(rows)).scalars().all()


def add_deliveries(tx: Connection, chunk: Mapping[str, object], batch_ids: Sequence[int], size: int) -> int:
    """Insert the deliveries of everyone due in a chunk, filling batches in order; return how many."""
    values = {**chunk, "first_batch": batch_ids[0], "batch_ids": batch_ids, "size": size}
    statement = _adding(audience_of(tx, chunk["series_id"]), tx.dialect.name, "zones" in chunk)
    return tx.execute(statement, values).rowcount


def trim_batches(tx: Connection, batch_ids: Sequence[int], people: int, size: int) -> None:
    """Take away those of new batches that so many people do not need, and count the members of the last."""
    full, rest = divmod(people, size)
    if rest:
        tx.execute(_SET_MEMBERS, {"row_id": batch_ids[full], "rest": rest})
    unused = [{"row_id": id_} for id_ in batch_ids[full + bool(rest) :]]
    if unused:
        tx.execute(_DROP_BATCH, unused)
