"""The two ends of a move: a source that nobody writes to meanwhile, a target that nobody takes for whole.

A target has every table from the start and the row of `alembic_version` at the end, so that until then
every other command refuses it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    ForeignKeyConstraint,
    Select,
    Table,
    bindparam,
    func,
    insert,
    inspect,
    select,
    text,
)

from newsletter.domain.delivery import BatchState
from newsletter.errors import Refused, StoreError
from newsletter.store import copying, schema
from newsletter.store.copying import Chunk
from newsletter.store.database import Database
from newsletter.store.digests import Contents
from newsletter.store.tables import Instant, batch, deployment, metadata

#: Everything that is moved; a table comes after those that it refers to.
TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
#: So many rows tell how large a row is.
_SAMPLE = 1_000

_WHOLE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
#: Whoever is in the middle of a write ends it soon; whoever never ends makes the move give up.
_PATIENCE = text("SET LOCAL lock_timeout = '15s'")
_KEEP_OUT = text(f"LOCK TABLE {', '.join(table.name for table in TABLES)} IN SHARE ROW EXCLUSIVE MODE")
_TRY = text(f"LOCK TABLE {deployment.name} IN SHARE ROW EXCLUSIVE MODE NOWAIT")
_UNDER_WAY = select(func.max(batch.c.lease_until)).where(
    batch.c.state == BatchState.SENDING, batch.c.lease_until > bindparam("now", type_=Instant)
)
_IDENTITY = select(deployment)
_ID = select(deployment.c.id)
_SEQUENCE = text("SELECT pg_get_serial_sequence(:table, 'id')")
_SET_SEQUENCE = text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :next, false)")
_SQLITE_SEQUENCE = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
_FORGET_SQLITE_SEQUENCE = text("DELETE FROM sqlite_sequence WHERE name = :table")
_SET_SQLITE_SEQUENCE = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :next - 1)")


class State(Enum):
    """What a target is before the move."""

    EMPTY = "empty"
    UNFINISHED = "unfinished"
    #: A database of this schema.
    FINISHED = "finished"
    OTHER = "other"


class Look(NamedTuple):
    """A target as it was found, and who it is."""

    state: State
    deployment_id: str | None = None


class Size(NamedTuple):
    """How much a table has; the bytes are estimated."""

    rows: int
    bytes: int


def look_at(database: Database) -> Look:
    """Tell what a target is; nothing is made or changed."""
    if database.file is not None and not _is_ours(database):
        is_empty = not database.file.exists() or _tables_in(database) == set()
        return Look(State.EMPTY if is_empty else State.OTHER)
    with database.reading() as tx:
        if not inspect(tx).get_table_names():
            return Look(State.EMPTY)
        version = schema.current(tx)
        if version == schema.HEAD:
            return Look(State.FINISHED, tx.execute(_ID).scalar())
        if not schema.is_unfinished(tx) or not _has_every_column(tx):
            return Look(State.OTHER)
        return Look(State.UNFINISHED, tx.execute(_ID).scalar())


def keep_out(tx: Connection, now: datetime) -> None:
    """Keep everybody else from writing to a source until the transaction ends.

    An SQLite transaction that writes does that by itself. Raises Refused while a call is under way from a
    server, whose worker would write down the outcome too late.
    """
    if tx.dialect.name == "sqlite":
        return
    tx.execute(_WHOLE_MOMENT)
    tx.execute(_PATIENCE)
    tx.execute(_KEEP_OUT)
    until = tx.execute(_UNDER_WAY, {"now": now}).scalar()
    if until is not None:
        raise Refused(
            "calls are under way from this database",
            mend=f"stop every `newsletter run`; one that was killed is waited for until {until:%H:%M:%S}Z",
        )


def is_free(target: Database) -> bool:
    """Tell whether nobody else holds a server's database as a move does: the source itself is held."""
    if target.is_sqlite:
        return True
    try:
        with target.writing() as tx:
            tx.execute(_TRY)
    except StoreError:
        return False
    return True


def make_tables(source: Connection, target: Database) -> None:
    """Make every table in an empty database, and who it is, but not its version."""
    identity = source.execute(_IDENTITY).one()
    with target.writing() as tx:
        schema.make_tables(tx)
        if not target.is_sqlite:
            _drop_references(tx)
        tx.execute(insert(deployment), identity._asdict() | {"moved_to": ""})


def counts(tx: Connection) -> dict[str, int]:
    """Count the rows of every table."""
    return {table.name: copying.count(tx, table) for table in TABLES}


def estimate(tx: Connection, table: Table) -> Size:
    """Tell how much a table has, from its first rows."""
    sizes: list[int] = []

    def weigh(chunk: Chunk, _before: int) -> None:
        sizes.append(copying.size_of(chunk, table))

    first = copying.contents(tx, table, weigh, limit=_SAMPLE)
    rows = copying.count(tx, table)
    return Size(rows, sum(sizes) * rows // first.rows if rows else 0)


def stale(source: Connection, target: Connection) -> list[Table]:
    """List the tables of a target that are not as the source begins, and those that refer to them."""
    found: list[Table] = []
    for table in TABLES:
        there = copying.contents(target, table)
        refers = {key.column.table for key in table.foreign_keys} & set(found)
        if there.rows and (refers or there != copying.contents(source, table, limit=there.rows)):
            found.append(table)
    return found


def empty(tx: Connection, tables: list[Table]) -> None:
    """Delete every row of some tables, those first that refer to others."""
    for table in reversed(tables):
        copying.empty(tx, table)


def finish(source: Connection, target: Database) -> None:
    """Make the next id of every table a free one, and the target a database that is ready for use."""
    free = {table: _next_id(source, table) for table in TABLES if _numbers_itself(table)}
    with target.writing() as tx:
        for table, next_id in free.items():
            _set_next_id(tx, table, next_id)
        if not target.is_sqlite:
            _add_references(tx)
            tx.execute(text("ANALYZE"))
        schema.stamp(tx)


def differing(source: dict[str, Contents], target: dict[str, Contents]) -> list[str]:
    """Name the tables that are not the same on both sides."""
    return [name for name, contents in source.items() if target[name] != contents]


def _drop_references(tx: Connection) -> None:
    # A server looks after them at the end in one go, in a tenth of the time that row by row takes.
    for table, name, _ in _references(tx):
        tx.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))


def _add_references(tx: Connection) -> None:
    for table, name, key in _references(tx):
        columns = ", ".join(key.column_keys)
        refers = f"{key.referred_table.name} ({', '.join(one.column.name for one in key.elements)})"
        action = f"ADD CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {refers}"
        tx.execute(text(f"ALTER TABLE {table} {action}"))


def _references(tx: Connection) -> Iterator[tuple[str, str | None, ForeignKeyConstraint]]:
    for table in TABLES:
        for key in sorted(table.foreign_key_constraints, key=lambda key: tuple(key.column_keys)):
            yield table.name, tx.dialect.identifier_preparer.format_constraint(key), key


def _is_ours(database: Database) -> bool:
    return _tables_in(database) >= {"alembic_version", deployment.name}


def _tables_in(database: Database) -> set[str]:
    # Opening a file as `Database` does makes it where it is missing, and changes its journal.
    if database.file is None or not database.file.exists():
        return set()
    try:
        with closing(sqlite3.connect(f"{database.file.absolute().as_uri()}?mode=ro", uri=True)) as looking:
            return {name for (name,) in looking.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return {"something else"}


def _has_every_column(tx: Connection) -> bool:
    found = inspect(tx).get_multi_columns()
    columns = {name: {column["name"] for column in of} for (_, name), of in found.items()}
    return all(columns.get(table.name) == set(table.c.keys()) for table in TABLES)


def _numbers_itself(table: Table) -> bool:
    return table.autoincrement_column is not None


@cache
def _highest(table: Table) -> Select[Any]:
    return select(func.max(table.c.id))


def _next_id(tx: Connection, table: Table) -> int:
    """Return an id that was never given in a table, also none of rows that are gone."""
    highest: int = tx.execute(_highest(table)).scalar() or 0
    if tx.dialect.name == "sqlite":
        given = tx.execute(_SQLITE_SEQUENCE, {"table": table.name}).scalar() if _remembers(table) else 0
        return max(highest, given or 0) + 1
    sequence = tx.execute(_SEQUENCE, {"table": table.name}).scalar_one()
    last = tx.execute(text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 - its own name
    return int(max(highest + 1, last.last_value + int(last.is_called)))


def _set_next_id(tx: Connection, table: Table, next_id: int) -> None:
    values = {"table": table.name, "next": next_id}
    if tx.dialect.name != "sqlite":
        tx.execute(_SET_SEQUENCE, values)
    elif _remembers(table):
        tx.execute(_FORGET_SQLITE_SEQUENCE, {"table": table.name})
        tx.execute(_SET_SQLITE_SEQUENCE, values)


def _remembers(table: Table) -> bool:
    return bool(table.dialect_options["sqlite"]["autoincrement"])
