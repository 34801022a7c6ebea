"""Open a database: its URL, its pool, and how each connection is set up."""

import re
import sqlite3
import time
from operator import methodcaller
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from newsletter.errors import ConfigError
from newsletter.store.sharing import Driver

BUSY_TIMEOUT_MS = 10_000
#: By these a server that goes without a word is noticed within half a minute. By itself a machine asks after
#: two hours, and until then nothing would be sent, and a stop would wait. A URL may say otherwise.
_IS_THERE = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: The password of a URL that cannot be read, after what stands before it.
_PASSWORD = re.compile(r"(://[^:/@]*:|[?&]password=)[^@&'\"]*")
ASK_AGAIN_MS = 5
#: A process has about 200, and the driver keeps 128: each of the others would be parsed anew every time.
_STATEMENTS = 512


def parse_url(url: str) -> URL:
    """Read a database URL; raises ConfigError for one that cannot be used.

    Its password stands where it is never shown, wherever it was written.
    """
    try:
        parsed = make_url(url)
        password = parsed.query.get("password")
        if isinstance(password, str):
            parsed = parsed.set(password=password).difference_update_query(["password"])
        if parsed.get_backend_name() == "postgresql":
            return parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        shown = _PASSWORD.sub(r"\1***", url)
        raise ConfigError(
            f"cannot read the database url {shown!r}", mend="write sqlite:///newsletter.db"
        ) from error
    raise ConfigError(
        f"the database {parsed.get_backend_name()!r} is not supported",
        mend="use sqlite:///newsletter.db or postgresql://…",
    )


def open_server(url: URL) -> Engine:
    """Open a pool to a PostgreSQL server."""
    try:
        # As many as threads send and pages are asked for; three processes fit into what a server allows.
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=12,
            max_overflow=16,
            connect_args={name: value for name, value in _IS_THERE.items() if name not in url.query},
        )
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the driver for PostgreSQL is not installed", mend="pip install 'newsletter-series[postgres]'"
        ) from error
    event.listen(engine, "connect", _make_durable)
    return engine


def open_sqlite(file: str, **pool: Any) -> Engine:
    """Open a pool to an SQLite file."""
    engine = create_engine(
        f"sqlite:///{file}",
        connect_args={
            "check_same_thread": False,
            "timeout": BUSY_TIMEOUT_MS / 1000,
            "factory": Driver,
            "cached_statements": _STATEMENTS,
        },
        **pool,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def sqlite_file(database: str | None, folder: Path) -> Path | None:
    """Return the file of an SQLite URL, None for one in memory."""
    return None if database in (None, "", ":memory:") else folder / str(database)


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # SQLAlchemy emits BEGIN through `_begin`; the driver must not add its own.
    connection.isolation_level = None
    # What another tool wrote in another encoding must not stop everybody behind it. Not a function of Python,
    # which would take as long as the rest of reading a row.
    connection.text_factory = methodcaller("decode", "utf-8", "replace")
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _make_durable(connection: Any, _record: Any) -> None:
    # A claim that a power cut takes back is a call that nobody remembers, whatever the server's default is.
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    connection.commit()


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


def ask_often(connection: sqlite3.Connection, _record: Any) -> None:
    """Let a new connection wait for a lock in short turns; whoever opens it begins again and again."""
    # SQLite itself comes to ask every 100 ms only: beside a busy process that meets no free moment.
    connection.execute(f"PRAGMA busy_timeout={min(ASK_AGAIN_MS, BUSY_TIMEOUT_MS)}").close()


def forget_at_power_cut(connection: sqlite3.Connection, _record: Any) -> None:
    """Let no commit of a new connection wait for the disk; for a file that is thrown away."""
    connection.execute("PRAGMA synchronous=OFF").close()
