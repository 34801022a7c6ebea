"""One SQLite transaction that several blocks write in, each as if it were alone."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from sqlalchemy import Connection, Engine, event

from newsletter.errors import StoreError


class Driver(sqlite3.Connection):
    """A connection that knows how its last commit ended, even one that was interrupted."""

    was_committed = False

    def commit(self) -> None:
        self.was_committed = False
        try:
            super().commit()
        except sqlite3.Error:
            raise
        except BaseException:
            self.was_committed = not self.is_open
            raise
        self.was_committed = True

    @property
    def is_open(self) -> bool:
        """Say whether it is in a transaction; a closed connection is not."""
        try:
            return self.in_transaction
        except sqlite3.ProgrammingError:
            return False


class SharedTransaction:
    """The transaction that a group of blocks writes in; each block after the first has a savepoint."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._driver: Driver
        self._is_in_part = False
        self._cursors: list[sqlite3.Cursor] = []
        event.listen(engine, "before_cursor_execute", self._before_statement)

    @property
    def connection(self) -> Connection:
        assert self._connection is not None, "only between begin and end"
        return self._connection

    def begin(self) -> None:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        self._driver = cast("Driver", connection.connection.driver_connection)
        self._connection = connection

    def mark(self) -> None:
        # Past SQLAlchemy, whose nested transactions take as long as three statements.
        self._do("SAVEPOINT part")
        self._is_in_part = True

    def keep(self) -> None:
        self._check_open()
        if self._is_in_part:
            self._do("RELEASE part")
            self._is_in_part = False

    def undo(self) -> None:
        self._check_open()
        if self._is_in_part:
            self._do("ROLLBACK TO part")
            self._do("RELEASE part")
            self._is_in_part = False

    def rollback(self) -> None:
        self._end(self.connection.rollback)

    def commit(self) -> None:
        self._end(self.connection.commit)

    def was_written(self) -> bool:
        return self._driver.was_committed

    def _end(self, end: Callable[[], None]) -> None:
        connection, driver = self.connection, self._driver
        driver.was_committed = False
        try:
            self._close_cursors()
            end()
        finally:
            self._connection, self._is_in_part = None, False
            # A commit that was refused leaves its transaction open, and the connection is for the next group.
            with suppress(sqlite3.Error):
                driver.rollback()
            if driver.is_open:
                connection.invalidate()
            connection.close()

    def _do(self, statement: str) -> None:
        try:
            self._driver.execute(statement).close()
        except sqlite3.Error as error:
            raise given_up() from error

    def _check_open(self) -> None:
        # The database gives up a whole transaction for some errors, and its connection goes on without one.
        self._close_cursors()
        if not self._driver.is_open:
            raise given_up()

    def _before_statement(self, _connection: Connection, cursor: Any, *_context: Any) -> None:
        if self._connection is not None and not cursor.connection.in_transaction:
            raise given_up()
        self._cursors.append(cursor)

    def _close_cursors(self) -> None:
        # A statement that is not read to its end would keep its moment of the database, or refuse the commit.
        for cursor in self._cursors:
            with suppress(sqlite3.ProgrammingError):
                cursor.close()
        self._cursors.clear()


def given_up() -> StoreError:
    """Say that the database ended a transaction by itself."""
    return StoreError("the database gave up the transaction", mend="see the error before this one")
