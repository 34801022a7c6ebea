"""A copy of a database to play in: beside those who use the other, and thrown away afterwards."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Table

from newsletter.store import copying, moving
from newsletter.store.copying import Chunk
from newsletter.store.database import Database
from newsletter.store.tables import deployment


@contextmanager
def on_copy(database: Database) -> Iterator[Database]:
    """Give a copy in an SQLite file of one moment of a database; nobody waits for it, or is waited for."""
    with TemporaryDirectory(prefix="newsletter-") as folder:
        file = Path(folder) / "copy.db"
        if database.is_sqlite:
            database.copy_to(file)
        with closing(Database(f"sqlite:///{file}", is_scratch=True)) as copy:
            if not database.is_sqlite:
                _copy_rows(database, copy)
            yield copy


def _copy_rows(source: Database, target: Database) -> None:
    with source.reading() as held:
        moving.make_tables(held, target)
        for table in moving.TABLES:
            # Who it is was written with the tables.
            if table is not deployment:
                _copy_table(held, table, target)
        moving.finish(held, target)


def _copy_table(held: Connection, table: Table, target: Database) -> None:
    def bring(chunk: Chunk, _before: int) -> None:
        with target.writing(bulk=True) as tx:
            copying.write(tx, table, chunk.rows)

    copying.contents(held, table, bring)
