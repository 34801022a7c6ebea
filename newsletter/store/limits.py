"""How often the public forms were used, counted in the database: the same for every process."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete
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
_DROP = delete(web_limit).where(
    web_limit.c.scope == bindparam("scope_"), web_limit.c.since < bindparam("before", type_=Instant)
)


def count(tx: Connection, scope: str, key: str, since: datetime) -> int:
    """Count one use more; return how many there were in the window, this one included."""
    values = {"scope": scope, "key": key, "since": since}
    return int(tx.execute(_COUNT[tx.dialect.name], values).scalar_one())


def drop(tx: Connection, scope: str, before: datetime) -> None:
    """Forget the windows of a scope that began before an instant."""
    tx.execute(_DROP, {"scope_": scope, "before": before})
