"""When records are looked through for what is too old to be kept: once a day, by whoever comes first."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from newsletter.domain.retention import Records, Round
from newsletter.store.database import insert_new
from newsletter.store.tables import Instant, retention

_ROUNDS = select(retention.c.records, retention.c.removed, retention.c.begun_at, retention.c.ended_at)
_ALL = _ROUNDS.order_by(retention.c.records)
_NOT_DUE = select(retention.c.records).where(retention.c.next_at > bindparam("now", type_=Instant))
_THIS = retention.c.records == bindparam("of")
_TAKE = (
    update(retention)
    .where(_THIS, retention.c.next_at <= bindparam("now", type_=Instant))
    .values(next_at=bindparam("until", type_=Instant))
)
_GET = _ROUNDS.where(_THIS)
_BEGIN = (
    update(retention).where(_THIS).values(begun_at=bindparam("at", type_=Instant), ended_at=None, removed={})
)
_ADD = update(retention).where(_THIS).values(removed=bindparam("total", type_=retention.c.removed.type))
_LEAVE = update(retention).where(_THIS).values(next_at=bindparam("then", type_=Instant))
_END = _LEAVE.values(ended_at=bindparam("at", type_=Instant))


def due(tx: Connection, now: datetime) -> list[Records]:
    """List what nobody looks through, and nobody has looked through lately."""
    others = set(tx.execute(_NOT_DUE, {"now": now}).scalars())
    return [one for one in Records if one not in others]


def take(tx: Connection, of: Records, now: datetime, until: datetime) -> Round | None:
    """Begin a round or go on with one, alone until then; None where somebody else does."""
    fresh = {"records": of, "next_at": until, "begun_at": now, "removed": {}}
    if tx.execute(insert_new(tx, retention).returning(retention.c.records), fresh).first() is None:
        if not tx.execute(_TAKE, {"of": of, "now": now, "until": until}).rowcount:
            return None
        if _round(tx, of).ended_at is not None:
            tx.execute(_BEGIN, {"of": of, "at": now})
    return _round(tx, of)


def add(tx: Connection, of: Records, removed: Mapping[str, int]) -> None:
    """Count what a round has removed."""
    total = Counter(_round(tx, of).removed)
    total.update(removed)
    tx.execute(_ADD, {"of": of, "total": dict(total)})


def leave(tx: Connection, of: Records, now: datetime) -> None:
    """Let whoever comes next go on with a round."""
    tx.execute(_LEAVE, {"of": of, "then": now})


def end(tx: Connection, of: Records, now: datetime, then: datetime) -> Round:
    """End a round; the next one begins then."""
    tx.execute(_END, {"of": of, "at": now, "then": then})
    return _round(tx, of)


def every(tx: Connection) -> list[Round]:
    """List the latest rounds."""
    return [Round(Records(row[0]), *row[1:]) for row in tx.execute(_ALL)]


def _round(tx: Connection, of: Records) -> Round:
    row = tx.execute(_GET, {"of": of}).one()
    return Round(Records(row[0]), *row[1:])
