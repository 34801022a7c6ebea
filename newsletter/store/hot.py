"""Statements that every call of a provider needs, run by the driver itself where that is SQLite's.

To run a statement takes SQLAlchemy ten times as long as SQLite, and Python runs one thread at a time. On a
server the way there takes longer than either: there SQLAlchemy runs them, as everywhere else.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from newsletter.store.sharing import given_up

_Convert = Callable[[Any], Any] | None


class _Compiled(NamedTuple):
    """A statement's text, and what becomes of each value on its way in and out."""

    sql: str
    places: tuple[str, ...]
    binds: Mapping[str, tuple[Any, _Convert]]
    results: tuple[_Convert, ...]


class Hot:
    """One statement; rows are tuples in the order of its columns."""

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self._compiled: _Compiled | None = None

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Run it, and return every row."""
        if tx.dialect.name != "sqlite":
            return tx.execute(self.statement, dict(values)).all()
        compiled = self._text(tx)
        cursor = _execute(tx, compiled, values)
        rows = cursor.fetchall()
        cursor.close()
        if not any(compiled.results):
            return rows
        return [
            tuple(
                convert(value) if convert else value
                for convert, value in zip(compiled.results, row, strict=True)
            )
            for row in rows
        ]

    def first(self, tx: Connection, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """Run it, and return the first row."""
        return next(iter(self.rows(tx, values)), None)

    def run(self, tx: Connection, values: Mapping[str, Any]) -> int:
        """Run it, and return how many rows it changed."""
        if tx.dialect.name != "sqlite":
            return tx.execute(self.statement, dict(values)).rowcount
        cursor = _execute(tx, self._text(tx), values)
        count = cursor.rowcount
        cursor.close()
        return count

    def run_each(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once for each of many values."""
        if tx.dialect.name != "sqlite":
            tx.execute(self.statement, [dict(row) for row in rows])
            return
        compiled = self._text(tx)
        _on_driver(
            tx,
            compiled.sql,
            lambda driver: driver.executemany(compiled.sql, [_given(compiled, row) for row in rows]),
        ).close()

    def _text(self, tx: Connection) -> _Compiled:
        self._compiled = self._compiled or _compile(self.statement, tx.dialect)
        return self._compiled


def _execute(tx: Connection, compiled: _Compiled, values: Mapping[str, Any]) -> sqlite3.Cursor:
    parameters = _given(compiled, values)
    return _on_driver(tx, compiled.sql, lambda driver: driver.execute(compiled.sql, parameters))


def _given(compiled: _Compiled, values: Mapping[str, Any]) -> list[Any]:
    # An instant that stands in many places is written once.
    given = {
        name: convert(values.get(name, default)) if convert else values.get(name, default)
        for name, (default, convert) in compiled.binds.items()
    }
    return [given[name] for name in compiled.places]


def _on_driver(
    tx: Connection, sql: str, run: Callable[[sqlite3.Connection], sqlite3.Cursor]
) -> sqlite3.Cursor:
    driver = tx.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection), "the dialect is SQLite's"
    if not driver.in_transaction:
        # The database has given the transaction up: this would be a change that nothing takes back.
        raise given_up()
    try:
        return run(driver)
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            sql, None, error, sqlite3.Error, hide_parameters=True, dialect=tx.dialect
        ) from error


def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    assert isinstance(compiled, SQLCompiler), "it is no DDL"
    assert not compiled.post_compile_params, "its text is the same for all values"
    places = tuple(compiled.positiontup or ())
    columns = compiled._result_columns  # noqa: SLF001 - nowhere else are the types of the rows
    return _Compiled(
        str(compiled),
        places,
        {name: _bind(compiled.binds[name], dialect) for name in places},
        tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns),
    )


def _bind(bind: BindParameter[Any], dialect: Dialect) -> tuple[Any, _Convert]:
    return bind.value, bind.type.dialect_impl(dialect).bind_processor(dialect)
