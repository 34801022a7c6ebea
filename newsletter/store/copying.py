"""Read and write whole tables, on every database in the same portable rows.

A portable row is made of numbers, texts and bytes: an instant is the text that SQLite keeps, in UTC, JSON is
the text that was written, a boolean is 0 or 1. So a row goes from one database to another unchanged.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    Date,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    bindparam,
    cast,
    collate,
    delete,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.exc import DataError, IntegrityError

from newsletter.errors import StoreError
from newsletter.store.digests import Contents, Digest, Row, canonical, columns_of
from newsletter.store.tables import Instant

#: Rows in one chunk, at least and at most, and about how many bytes it may have.
FEW, MANY, BYTES = 16, 20_000, 4_000_000
#: The length of an instant as it is kept.
_INSTANT = len("2026-12-01 09:00:00.000000")
_STREAM = {"stream_results": True, "max_row_buffer": 1}
_IN_UTC = text("SET LOCAL timezone = 'UTC'")
_AGAIN = "mend the row where it comes from, then run the same command again: it goes on where it stopped"


class Chunk(NamedTuple):
    """Some rows, and what of them is hashed."""

    rows: list[Row]
    canonical: bytes


Each = Callable[[Chunk, int], None]


def contents(
    tx: Connection, table: Table, each: Each = lambda _chunk, _before: None, *, limit: int | None = None
) -> Contents:
    """Read a table, or its first rows, in the order of its primary key; return what it holds.

    `each` is given every chunk, and how many rows came before it.
    """
    digest = Digest()
    if limit is None:
        result = tx.execute(_reading(table, tx.dialect.name), execution_options=_STREAM)
    else:
        first = _first_of(table, tx.dialect.name)
        result = tx.execute(first, {"most": limit}, execution_options=_STREAM)
    with closing(result):
        for chunk in _chunks(result, table, _columns(table, Instant) if tx.dialect.name == "sqlite" else ()):
            each(chunk, digest.rows)
            digest.add(chunk.canonical, len(chunk.rows))
    return digest.contents


def _chunks(result: CursorResult[Any], table: Table, instants: Sequence[int]) -> Iterator[Chunk]:
    size, heaviest = FEW, 1
    blobs = _columns(table, LargeBinary)
    while rows := [tuple(row) for row in result.fetchmany(size)]:
        if instants:
            rows = _with_whole_instants(rows, instants)
        chunk = Chunk(rows, canonical(table, rows))
        yield chunk
        heaviest = max(heaviest, _weight(chunk, blobs))
        size = min(MANY, max(1, BYTES // heaviest), 4 * size)


def size_of(chunk: Chunk, table: Table) -> int:
    """Tell about how many bytes some rows take."""
    blobs = _columns(table, LargeBinary)
    return len(chunk.canonical) + sum(len(row[at] or b"") for at in blobs for row in chunk.rows)


def _weight(chunk: Chunk, blobs: Sequence[int]) -> int:
    """Tell how many bytes a row may have: one picture says nothing about the next."""
    of_blobs = (len(row[at] or b"") for at in blobs for row in chunk.rows)
    return max(len(chunk.canonical) // len(chunk.rows), *of_blobs, 1)


def count(tx: Connection, table: Table) -> int:
    """Count the rows of a table."""
    return int(tx.execute(_counting(table)).scalar_one())


def write(tx: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add portable rows to a table; raises StoreError for one that this database does not take."""
    errors = (IntegrityError, DataError, getattr(tx.dialect.loaded_dbapi, "Error", DataError))
    try:
        if tx.dialect.name == "sqlite":
            tx.exec_driver_sql(_inserting(table), list(rows))
        else:
            _copy_in(tx, table, rows)
    except errors as error:
        raise StoreError(f"cannot write {table.name}: {_reason(error, table, rows)}", mend=_AGAIN) from error


def empty(tx: Connection, table: Table) -> None:
    """Delete every row of a table to which no other row refers."""
    tx.execute(_deleting(table))


def _copy_in(tx: Connection, table: Table, rows: Sequence[Row]) -> None:
    tx.execute(_IN_UTC)
    driver: Any = tx.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_copying(table)) as copy:
        for row in rows:
            copy.write_row(row)


@cache
def _reading(table: Table, dialect: str) -> Select[Any]:
    as_kept = _of_sqlite if dialect == "sqlite" else _of_server
    columns = [as_kept(column).label(column.name) for column in columns_of(table)]
    return select(*columns).order_by(*(_ordered(key, dialect) for key in table.primary_key))


@cache
def _first_of(table: Table, dialect: str) -> Select[Any]:
    return _reading(table, dialect).limit(bindparam("most", type_=Integer))


@cache
def _counting(table: Table) -> Select[Any]:
    return select(func.count()).select_from(table)


@cache
def _deleting(table: Table) -> Any:
    return delete(table)


@cache
def _inserting(table: Table) -> str:
    return f"INSERT INTO {_with_columns(table)} VALUES ({', '.join('?' for _ in columns_of(table))})"  # noqa: S608


@cache
def _copying(table: Table) -> str:
    return f"COPY {_with_columns(table)} FROM STDIN"


def _with_columns(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in columns_of(table))
    return f'"{table.name}" ({names})'


def _of_sqlite(column: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(column, Text() if isinstance(column.type, Instant | Date | JSON) else _plain(column))


def _of_server(column: Column[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Instant):
        return func.to_char(func.timezone("UTC", column), "YYYY-MM-DD HH24:MI:SS.US", type_=Text)
    if isinstance(column.type, Date):
        return func.to_char(column, "YYYY-MM-DD", type_=Text)
    if isinstance(column.type, JSON):
        return cast(column, Text)
    return cast(column, Integer) if isinstance(column.type, Boolean) else column


def _plain(column: Column[Any]) -> Any:
    return Integer() if isinstance(column.type, Boolean) else column.type


def _ordered(key: Column[Any], dialect: str) -> ColumnElement[Any]:
    # Byte by byte, as SQLite does; a server sorts by its language.
    is_text = dialect != "sqlite" and isinstance(key.type, Text | String)
    return collate(key, "C") if is_text else key


@cache
def _columns(table: Table, kind: type[Any]) -> tuple[int, ...]:
    return tuple(at for at, column in enumerate(columns_of(table)) if isinstance(column.type, kind))


def _with_whole_instants(rows: list[Row], instants: Sequence[int]) -> list[Row]:
    """Bring instants that another tool wrote to the form of all others."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    odd = [at for at in instants if any(one is not None and len(one) != _INSTANT for one in columns[at])]
    for at in odd:
        columns[at] = [one and _whole(one) for one in columns[at]]
    return list(zip(*columns, strict=True)) if odd else rows


def _whole(instant: str) -> str:
    try:
        read = datetime.fromisoformat(instant)
    except ValueError:
        return instant
    return (read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read).isoformat(" ", "microseconds")


def _reason(error: Exception, table: Table, rows: Sequence[Row]) -> str:
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    where = getattr(getattr(cause, "diag", None), "context", None) or ""
    found = re.match(r"COPY \w+, line (\d+)(?:, column (\w+))?", where)
    if not found:
        return said
    # The server quotes the value, which may be somebody's address.
    keys = dict(zip((column.name for column in columns_of(table)), rows[int(found[1]) - 1], strict=True))
    key = ", ".join(f"{column.name} {keys[column.name]}" for column in table.primary_key)
    return f"{said} ({key}{f', column {found[2]}' if found[2] else ''})"
