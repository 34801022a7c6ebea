"""Connections and transactions. Contains no statement of the newsletter's own.

SQLite runs in WAL with `synchronous=FULL`, because a claim that power loss forgets is a call made twice,
and with `BEGIN IMMEDIATE`, because a transaction that starts by reading cannot always go on to write.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.pool import StaticPool

from newsletter.errors import ConfigError, StoreError

BUSY_TIMEOUT_MS = 10_000


class Database:
    """One database; `reading()` and `writing()` give transactions that commit when their block ends."""

    def __init__(self, url: str, *, folder: Path | None = None) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = _sqlite_file(self.url.database, folder or Path()) if self.is_sqlite else None
        self._engine = self._open()
        self._writing_engine = self._engine.execution_options(writing=True)
        self._reading_engine = self._engine
        if not self.is_sqlite:
            # Elsewhere each statement would see a later moment than the one before it.
            self._reading_engine = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = threading.Lock()

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
    def writing(self) -> Iterator[Connection]:
        """Give a transaction that may write, one at a time in a process; durable when its block ends."""
        turn = self._writer if self.is_sqlite else nullcontext()
        with turn, self._wrapped(), self._writing_engine.begin() as connection:
            yield connection

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
        self._engine.dispose()

    def _open(self) -> Engine:
        if not self.is_sqlite:
            return _open_server(self.url)
        if self.file is None:
            options: dict[str, Any] = {"poolclass": StaticPool}
        else:
            options = {"pool_size": 16, "max_overflow": 16}
        engine = create_engine(
            f"sqlite:///{self.file or ':memory:'}",
            connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
            **options,
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        return engine

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, DatabaseError) as error:
            if _is_ours(error):
                raise
            raise StoreError(_sentence(error, self.name), mend=_mend(error)) from error


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
    is_writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _is_ours(error: DatabaseError) -> bool:
    # Constraint and programming errors are subclasses of DatabaseError too: those are bugs.
    text = str(error.orig)
    theirs = ("not a database", "malformed", "permission denied")
    is_operational = isinstance(error, OperationalError) or any(words in text for words in theirs)
    return not is_operational or "no such column" in text or "syntax error" in text


def _sentence(error: DatabaseError, name: str) -> str:
    return f"cannot use the database {name}: {str(error.orig).splitlines()[0]}"


def _mend(error: DatabaseError) -> str:
    text = str(error.orig)
    mends = {
        "unable to open": "check that its folder exists and may be written",
        "readonly": "check that the file and its folder may be written",
        "locked": "another program is writing to it; try again in a moment",
        "full": "free some disk space",
        "not a database": "check [database] url in newsletter.toml",
        "malformed": "restore it from a backup",
        "permission denied": "give its user the rights to make, read and change tables",
        "Connection refused": "check that the database server runs and [database] url is right",
    }
    return next((mend for words, mend in mends.items() if words in text), "")
