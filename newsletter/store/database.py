"""Connections and transactions. Contains no statement of the newsletter's own.

SQLite runs in WAL with `synchronous=FULL`, because a claim that power loss forgets is a call made twice,
and with `BEGIN IMMEDIATE`, because a transaction that starts by reading cannot always go on to write.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, NestedTransaction, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    NoSuchModuleError,
    OperationalError,
    PendingRollbackError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from newsletter.errors import ConfigError, StoreError
from newsletter.store.turns import NotCommitted, Turns

BUSY_TIMEOUT_MS = 10_000
ASK_AGAIN_MS = 5


class Database:
    """One database; `reading()` and `writing()` give transactions that commit when their block ends."""

    def __init__(self, url: str, *, folder: Path | None = None) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = _sqlite_file(self.url.database, folder or Path()) if self.is_sqlite else None
        self._engine = self._open()
        self._turns: Turns | None = None
        if self.is_sqlite:
            self._reading_engine = self._engine
            self._writing_engine = self._open_writer()
            self._shared = _SharedTransaction(self._writing_engine)
            # One connection that reads and writes is for tests and rehearsals, in one thread.
            self._turns = Turns(self._shared) if self.file else Turns(self._shared, most=1)
        else:
            # Elsewhere each statement would see a later moment than the one before it.
            self._reading_engine = self._engine.execution_options(isolation_level="REPEATABLE READ")
            self._writing_engine = self._engine

    @property
    def name(self) -> str:
        """Name the database to a person, without its password."""
        return str(self.file) if self.file else self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a snapshot to read from.

        Raises StoreError for what the database refuses; a wrong statement of ours is a bug and not wrapped.
        """
        with self._wrapped(), self._reading_engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, urgent: bool = False, bulk: bool = False) -> Iterator[Connection]:
        """Give a transaction that may write; what it wrote is durable when this returns.

        In an SQLite file one block of a process writes at a time, and those that wait for it share one
        commit: a block that raises loses its own changes only, a commit that fails raises StoreError in each.
        `urgent` goes before others that wait. `bulk` is for blocks of more than a few milliseconds, which
        share with nobody. A result is read inside its block.
        """
        if self._turns is None:
            with self._wrapped(), self._writing_engine.begin() as connection:
                yield connection
            return
        with self._wrapped(), self._turns.turn(urgent=urgent, alone=bulk):
            yield self._shared.connection

    def free_bytes(self) -> int | None:
        """Return the free space of the disk on which an SQLite file lies, None elsewhere.

        Raises StoreError where its folder cannot be looked at.
        """
        if self.file is None:
            return None
        try:
            return shutil.disk_usage(self.file.absolute().parent).free
        except OSError as error:
            raise StoreError(
                f"cannot use the database {self.name}: {error.strerror}", mend="check that its folder exists"
            ) from error

    def copy_to(self, file: Path) -> None:
        """Write a consistent copy of an SQLite database to a new file, while others go on using it."""
        with self.reading() as connection:
            source = connection.connection.driver_connection
            if not isinstance(source, sqlite3.Connection):
                raise StoreError("only an SQLite database can be copied to a file")
            try:
                with closing(sqlite3.connect(file)) as target:
                    source.backup(target)
            except sqlite3.Error as error:
                raise StoreError(
                    f"cannot write {file}: {error}", mend="check that its folder exists and may be written"
                ) from error

    def close(self) -> None:
        """Close every connection."""
        self._writing_engine.dispose()
        self._engine.dispose()

    def _open(self) -> Engine:
        if not self.is_sqlite:
            return _open_server(self.url)
        if self.file is None:
            return _open_sqlite(":memory:", poolclass=StaticPool)
        return _open_sqlite(str(self.file), pool_size=16, max_overflow=16)

    def _open_writer(self) -> Engine:
        if self.file is None:
            return self._engine.execution_options(writing=True)
        writer = _open_sqlite(str(self.file), pool_size=1, max_overflow=0)
        event.listen(writer, "connect", _ask_often)
        return writer.execution_options(writing=True)

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if _is_ours(error):
                raise
            raise StoreError(_sentence(error, self.name), mend=_mend(error)) from error
        except NotCommitted as lost:
            raise self._not_committed(lost.reason) from lost.reason
        except PendingRollbackError as error:
            raise StoreError(f"the connection to {self.name} was lost", mend=_AWAY) from error
        except PoolTimeout as error:
            raise StoreError(
                f"every connection to {self.name} is in use", mend="try again in a moment"
            ) from error

    def _not_committed(self, reason: BaseException) -> StoreError:
        if isinstance(reason, DBAPIError):
            return StoreError(_sentence(reason, self.name), mend=_mend(reason))
        if isinstance(reason, StoreError):
            return StoreError(reason.message, mend=reason.mend)
        return StoreError(f"the write to {self.name} was broken off before its commit", mend="try again")


class _Driver(sqlite3.Connection):
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


class _SharedTransaction:
    """The transaction that a group of blocks writes in; each block after the first has a savepoint."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._driver: _Driver
        self._part: NestedTransaction | None = None
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
        self._driver = cast("_Driver", connection.connection.driver_connection)
        self._connection = connection

    def mark(self) -> None:
        self._part = self.connection.begin_nested()

    def keep(self) -> None:
        self._check_open()
        if self._part:
            self._part.commit()
            self._part = None

    def undo(self) -> None:
        self._check_open()
        if self._part:
            self._part.rollback()
            self._part = None

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
            self._connection = self._part = None
            # A commit that was refused leaves its transaction open, and the connection is for the next group.
            with suppress(sqlite3.Error):
                driver.rollback()
            if driver.is_open:
                connection.invalidate()
            connection.close()

    def _check_open(self) -> None:
        # The database gives up a whole transaction for some errors, and its connection goes on without one.
        self._close_cursors()
        if not self._driver.is_open:
            raise _given_up()

    def _before_statement(self, _connection: Connection, cursor: Any, *_context: Any) -> None:
        if self._connection is not None and not cursor.connection.in_transaction:
            raise _given_up()
        self._cursors.append(cursor)

    def _close_cursors(self) -> None:
        # A statement that is not read to its end would keep its moment of the database, or refuse the commit.
        for cursor in self._cursors:
            with suppress(sqlite3.ProgrammingError):
                cursor.close()
        self._cursors.clear()


def _given_up() -> StoreError:
    return StoreError("the database gave up the transaction", mend="see the error before this one")


def insert_new(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that passes over rows which exist already, whoever made them and however lately."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return parsed
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(
            f"cannot read the database url {url!r}", mend="write sqlite:///newsletter.db"
        ) from error
    raise ConfigError(
        f"the database {parsed.get_backend_name()!r} is not supported",
        mend="use sqlite:///newsletter.db or postgresql://…",
    )


def _open_server(url: URL) -> Engine:
    try:
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the driver for PostgreSQL is not installed", mend="pip install 'newsletter-series[postgres]'"
        ) from error


def _open_sqlite(file: str, **pool: Any) -> Engine:
    engine = create_engine(
        f"sqlite:///{file}",
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000, "factory": _Driver},
        **pool,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _sqlite_file(database: str | None, folder: Path) -> Path | None:
    return None if database in (None, "", ":memory:") else folder / str(database)


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLAlchemy emits BEGIN through `_begin`; the driver must not add its own.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writing", False):
        connection.exec_driver_sql("BEGIN")
        return
    gives_up_at = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() >= gives_up_at:
                raise
        else:
            return


def _ask_often(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLite itself comes to ask every 100 ms only: beside a busy process that meets no free moment.
    connection.execute(f"PRAGMA busy_timeout={min(ASK_AGAIN_MS, BUSY_TIMEOUT_MS)}").close()


def _is_ours(error: DBAPIError) -> bool:
    # Constraint and programming errors come from the driver too: those are bugs.
    if error.connection_invalidated:
        return False
    text = str(error.orig)
    is_operational = isinstance(error, OperationalError) or any(words in text for words in _THEIRS)
    return not is_operational or "no such column" in text or "syntax error" in text


def _sentence(error: DBAPIError, name: str) -> str:
    said = str(error.orig).strip() or type(error.orig).__name__
    return f"cannot use the database {name}: {said.splitlines()[0]}"


def _mend(error: DBAPIError) -> str:
    text = str(error.orig)
    return next((mend for words, mend in _MENDS.items() if words in text), "")


_THEIRS = ("not a database", "malformed", "permission denied", "the connection is closed")
_AWAY = "wait until the database server runs again; what was not committed is not written"
_MENDS = {
    "unable to open": "check that its folder exists and may be written",
    "readonly": "check that the file and its folder may be written",
    "locked": "another program is writing to it; try again in a moment",
    "is full": "free some disk space",
    "disk I/O error": "check the disk and its free space",
    "not a database": "check [database] url in newsletter.toml",
    "malformed": "restore it from a backup",
    "permission denied": "give its user the rights to make, read and change tables",
    "Connection refused": "check that the database server runs and [database] url is right",
    "terminating connection": _AWAY,
    "server closed the connection": _AWAY,
    "connection is closed": _AWAY,
    "connection is lost": _AWAY,
    "consuming input failed": _AWAY,
    "starting up": _AWAY,
    "shutting down": _AWAY,
    "too many clients": "allow more connections, or run fewer workers",
    "No space left on device": "free some disk space on the database server",
    "deadlock detected": "try again",
    "could not serialize": "try again",
}
