"""How often the public forms were used, counted in the database: the same for every process."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from newsletter.store.tables import Instant, web_limit


def _counted(insert: sqlite.Insert | postgresql.Insert) -> ReturningInsert[Any]:
    one_more = insert.values(scope=bindparam("scope"), key=bindparam("key"), since=bindparam("since"), uses=1)
    return one_more.on_conflict_do_update(
        index_elements=[web_limit.c.scope, web_limit.c.key, web_limit.c.since],
        set_={"uses": web_limit.c.uses + 1},
    ).returning(web_limit.c.uses)


_COUNT = {
    "sqlite": _counted(sqlite.insert(web_limit)),
    "postgresql": _counted(postgresql.insert(web_limit)),
}
_THIS = (web_limit.c.scope == bindparam("scope_"), web_limit.c.key == bindparam("key_"))
_INSTANTS = select(web_limit.c.since).where(*_THIS)
_DROP = delete(web_limit).where(*_THIS)
_DROP_BEFORE = _DROP.where(web_limit.c.since < bindparam("before", type_=Instant))


def count(tx: Connection, scope: str, key: str, since: datetime) -> int:
    """Count one use more; return how many there were in the window, this one included."""
    values = {"scope": scope, "key": key, "since": since}
    return int(tx.execute(_COUNT[tx.dialect.name], values).scalar_one())


def instants(tx: Connection, scope: str, key: str) -> list[datetime]:
    """List when the windows of one key began."""
    return list(tx.execute(_INSTANTS, {"scope_": scope, "key_": key}).scalars())


def drop(tx: Connection, scope: str, key: str, before: datetime | None = None) -> None:
    """Forget the windows of one key, or those that began before an instant."""
    values = {"scope_": scope, "key_": key}
    if before is None:
        tx.execute(_DROP, values)
    else:
        tx.execute(_DROP_BEFORE, {**values, "before": before})
