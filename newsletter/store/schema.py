"""The schema's version: made on first use, upgraded only when asked."""

import secrets
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, insert, inspect, select, text

from newsletter.errors import SchemaError
from newsletter.store.database import Database
from newsletter.store.tables import deployment, metadata

#: The newest migration in `migrations/versions`; a test compares the two.
HEAD = "0008"
MIGRATIONS = Path(__file__).parent / "migrations"
#: The advisory lock of whoever makes the tables; any number that nobody else uses.
_MAKING = 6_397_532


class Deployment(NamedTuple):
    """Who a database is."""

    id: str
    salt: bytes


def prepare(database: Database, now: datetime) -> Deployment:
    """Make the tables of a new database, or check those of an old one; return who it is.

    Raises SchemaError where the schema is older or newer than this program; nothing is changed then.
    """
    with database.reading() as connection:
        version = current(connection)
        is_empty = version is None and not inspect(connection).get_table_names()
        if is_unfinished(connection):
            raise _unfinished(database)
    if is_empty:
        with database.writing() as connection:
            # Another process may have been first, or be at it.
            if not database.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MAKING})
            if current(connection) is None:
                _create(connection, now)
    elif version is None:
        raise SchemaError(f"{database.name} is not a database of newsletter", mend="check [database] url")
    elif version != HEAD:
        raise _mismatch(database, version)
    with database.reading() as connection:
        return Deployment(*connection.execute(select(deployment.c.id, deployment.c.salt)).one())


def current(connection: Connection) -> str | None:
    """Return the schema's version, None where there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_unfinished(connection: Connection) -> bool:
    """Tell whether a move into this database was not finished: it has our tables and no version yet."""
    tables = inspect(connection)
    has_tables = tables.has_table("alembic_version") and tables.has_table(deployment.name)
    return has_tables and current(connection) is None


def refuse_unfinished(database: Database) -> None:
    """Raise SchemaError where a move into this database was not finished."""
    with database.reading() as connection:
        if is_unfinished(connection):
            raise _unfinished(database)


def make_tables(connection: Connection) -> None:
    """Make every table of this version, and the place for the version."""
    metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))


def stamp(connection: Connection) -> None:
    """Say that the tables are of this version, and whole."""
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def stamp_deployment(connection: Connection, now: datetime) -> None:
    """Give a new database its identity."""
    row = {"id": secrets.token_hex(4), "salt": secrets.token_bytes(16), "created_at": now}
    connection.execute(insert(deployment), row)


def _create(connection: Connection, now: datetime) -> None:
    make_tables(connection)
    stamp(connection)
    stamp_deployment(connection, now)


def _unfinished(database: Database) -> SchemaError:
    return SchemaError(
        f"a move into {database.name} is not finished", mend="run again: newsletter db move FROM TO"
    )


def _mismatch(database: Database, version: str) -> SchemaError:
    if version > HEAD:
        return SchemaError(
            f"{database.name} was made by a newer newsletter (schema {version}, this one knows {HEAD})",
            mend="install the newer version",
        )
    return SchemaError(
        f"{database.name} has the older schema {version}",
        mend="make a backup, then run: newsletter db upgrade",
    )
