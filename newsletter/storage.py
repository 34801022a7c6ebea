"""The part of the composition root that opens a database, with the files beside it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from newsletter.domain.clock import Clock
from newsletter.store import schema
from newsletter.store.aside import Aside
from newsletter.store.backups import back_up
from newsletter.store.clock import ServerClock
from newsletter.store.database import Database
from newsletter.store.lineage import Lineage
from newsletter.store.schema import Deployment


@dataclass(frozen=True)
class Storage:
    """A database by its URL, opened when it is first needed; a relative file is of the letter's folder.

    `is_played` is of a clock that somebody moves: then no server's clock counts.
    """

    root: Path
    url: str
    clock: Clock
    is_played: bool = False

    @cached_property
    def closed_database(self) -> Database:
        """The database before its schema is looked at, for `db upgrade`."""
        return Database(self.url, folder=self.root)

    @cached_property
    def database(self) -> Database:
        schema.prepare(self.closed_database, self.clock.now())
        return self.closed_database

    @property
    def is_ready(self) -> bool:
        """Tell whether there is a database of this version; makes none."""
        file = self.closed_database.file
        if file is not None and not file.exists():
            return False
        with self.closed_database.reading() as tx:
            return schema.current(tx) == schema.HEAD

    @cached_property
    def deployment(self) -> Deployment:
        return schema.prepare(self.database, self.clock.now())

    @cached_property
    def shared_clock(self) -> Clock:
        """The clock by which workers agree: their server's, or this machine's."""
        if self.is_played or self.database.is_sqlite:
            return self.clock
        return ServerClock(self.database, self.clock)

    @property
    def lineage_file(self) -> Path | None:
        """The file that names the last call made from this database."""
        return self._beside("last-call")

    @cached_property
    def lineage(self) -> Lineage:
        """Tell whether this database is the one that sent last from this machine."""
        return Lineage(self.database, self.lineage_file, self.deployment.id)

    @cached_property
    def aside(self) -> Aside | None:
        """Keep outcomes that the database could not take."""
        file = self._beside("outcomes.jsonl")
        return Aside(file) if file else None

    def upgrade(self) -> tuple[str | None, str]:
        """Bring the schema up to date; return the version before and after."""
        from newsletter.store.upgrading import upgrade  # noqa: PLC0415 - Alembic is slow to import

        schema.refuse_unfinished(self.closed_database)
        return upgrade(self.closed_database, self.clock.now())

    def adopt(self) -> None:
        """Take the database as it is for the one to send from."""
        self.lineage.adopt(self.clock.now())

    def back_up(self, file: Path) -> None:
        """Write a consistent copy of the database, whole or not at all; one that is there is replaced."""
        back_up(self.database, file)

    def _beside(self, name: str) -> Path | None:
        file = self.closed_database.file
        if self.closed_database.is_sqlite:
            return file.with_name(f"{file.name}.{name}") if file else None
        return self.root / ".newsletter" / name
