"""Deal out the issues of a sequence: each to those of a chunk whose turn it is, batch after batch."""

from collections.abc import Mapping, Sequence

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql.elements import Grouping

from newsletter.domain.delivery import DeliveryState
from newsletter.domain.release import Release
from newsletter.domain.subscriber import Verdict
from newsletter.store.standings import TURN
from newsletter.store.tables import batch, delivery

_size = bindparam("size", type_=Integer)
_numbered = (
    select(
        TURN.c.subscriber_id,
        (
            func.row_number().over(order_by=TURN.c.subscriber_id) - 1 + bindparam("offset", type_=Integer)
        ).label("number"),
    )
    .where(TURN.c.furthest == bindparam("furthest"), TURN.c.verdict == Verdict.DUE.value)
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
