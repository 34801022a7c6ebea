"""What SQLAlchemy compiled for one database serves every later one of its kind.

Each test opens databases of its own, and to compile the statements anew takes longer than most of them run.
"""

from functools import partial

from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from newsletter.store import opening, schema

_COMPILED = LRUCache(5000)
_make_tables = schema.make_tables
#: What made the tables in the first SQLite database, in its order.
_MADE: list[str] = []
_WHAT_MADE = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"


def share() -> None:
    """Let every database of this process keep what is compiled in one place."""
    schema.make_tables = _make_alike
    opening.create_engine = partial(create_engine, execution_options={"compiled_cache": _COMPILED})
    # Of one kind, two dialects compile alike; the cache asks whether they are the same.
    for kind in (PGDialect_psycopg, SQLiteDialect_pysqlite):
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))


def _make_alike(connection: Connection) -> None:
    """Make the tables of an empty SQLite database as those of the first one were made."""
    if connection.dialect.name != "sqlite":
        _make_tables(connection)
    elif _MADE:
        for statement in _MADE:
            connection.exec_driver_sql(statement)
    else:
        _make_tables(connection)
        _MADE.extend(connection.exec_driver_sql(_WHAT_MADE).scalars())
