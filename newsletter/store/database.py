"""Connections and transactions. Contains no statement of the newsletter's own.

SQLite runs in WAL with `synchronous=FULL`, because a claim that power loss forgets is a call made twice,
and with `BEGIN IMMEDIATE`, because a transaction that starts by reading cannot always go on to write.
"""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from newsletter.errors import StoreError
from newsletter.store.failures import AWAY, is_ours, mend, sentence
from newsletter.store.opening import (
    ask_often,
    forget_at_power_cut,
    open_server,
    open_sqlite,
    parse_url,
    sqlite_file,
)
from newsletter.store.sharing import SharedTransaction
from newsletter.store.turns import NotCommitted, Turns


class Database:
    """One database; `reading()` and `writing()` give transactions that commit when their block ends.

    Nothing in a scratch file outlives a power cut, which is worth the time that it takes.
    """

    def __init__(self, url: str, *, folder: Path | None = None, is_scratch: bool = False) -> None:
        self._is_scratch = is_scratch
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.file = sqlite_file(self.url.database, folder or Path()) if self.is_sqlite else None
        self._engine = self._open()
        self._turns: Turns | None = None
        if self.is_sqlite:
            self._reading_engine = self._engine
            self._writing_engine = self._open_writer()
            self._shared = SharedTransaction(self._writing_engine)
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
            return open_server(self.url)
        if self.file is None:
            return open_sqlite(":memory:", poolclass=StaticPool)
        return self._for_use(open_sqlite(str(self.file), pool_size=16, max_overflow=16))

    def _open_writer(self) -> Engine:
        if self.file is None:
            return self._engine.execution_options(writing=True)
        # Whoever gives the connection back has ended its transaction: see `SharedTransaction`.
        writer = open_sqlite(str(self.file), pool_size=1, max_overflow=0, pool_reset_on_return=None)
        event.listen(writer, "connect", ask_often)
        return self._for_use(writer).execution_options(writing=True)

    def _for_use(self, engine: Engine) -> Engine:
        if self._is_scratch:
            event.listen(engine, "connect", forget_at_power_cut)
        return engine

    @contextmanager
    def _wrapped(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if is_ours(error):
                raise
            raise StoreError(sentence(error, self.name), mend=mend(error)) from error
        except NotCommitted as lost:
            raise self._not_committed(lost.reason) from lost.reason
        except PendingRollbackError as error:
            raise StoreError(f"the connection to {self.name} was lost", mend=AWAY) from error
        except PoolTimeout as error:
            raise StoreError(
                f"every connection to {self.name} is in use", mend="try again in a moment"
            ) from error

    def _not_committed(self, reason: BaseException) -> StoreError:
        if isinstance(reason, DBAPIError):
            return StoreError(sentence(reason, self.name), mend=mend(reason))
        if isinstance(reason, StoreError):
            return StoreError(reason.message, mend=reason.mend)
        return StoreError(f"the write to {self.name} was broken off before its commit", mend="try again")


def insert_new(tx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Start an INSERT that passes over rows which exist already, whoever made them and however lately."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
