"""What SQLAlchemy compiled for one database serves every later one of its kind.

Each test opens databases of its own, and to compile the statements anew takes longer than most of them run.
"""

from functools import partial

from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache

from newsletter.store import opening

_COMPILED = LRUCache(5000)


def share() -> None:
    """Let every database of this process keep what is compiled in one place."""
    opening.create_engine = partial(create_engine, execution_options={"compiled_cache": _COMPILED})
    # Of one kind, two dialects compile alike; the cache asks whether they are the same.
    for kind in (PGDialect_psycopg, SQLiteDialect_pysqlite):
        kind.__eq__ = lambda one, other: type(one) is type(other)
        kind.__hash__ = lambda one: hash(type(one))
