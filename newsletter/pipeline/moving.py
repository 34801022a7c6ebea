"""Move everything from one database to another, in the order that loses nobody. Decides nothing.

hold the source | copy in chunks | compare both sides | make the target ready | mark the source

A kill between any two of these is mended by the same command again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from sqlalchemy import Connection, Table

from newsletter.domain.clock import Clock
from newsletter.errors import Refused, SchemaError, StoreError
from newsletter.store import copying, moved, moving, schema
from newsletter.store.copying import Chunk
from newsletter.store.database import Database
from newsletter.store.digests import Contents
from newsletter.store.lineage import Lineage
from newsletter.store.moving import State
from newsletter.store.sender_lock import sender_lock

_NEW_ONE = "name a new, empty database as TO"


class Stage(Enum):
    """What is being done to a table."""

    COPYING = "copied"
    COPYING_AGAIN = "copied again, as the source went on"
    COMPARING = "compared"


@dataclass(frozen=True)
class Progress:
    """How far a table has come, in rows."""

    stage: Stage
    table: str
    done: int
    total: int


@dataclass(frozen=True)
class Part:
    """A table that is the same on both sides, or its size as it is estimated."""

    table: str
    rows: int
    sha256: str = ""
    bytes: int = 0


@dataclass(frozen=True)
class Moved:
    """What a move did; `copied` counts the rows that this call wrote, `url` is what the settings need."""

    source: str
    target: str
    url: str
    tables: tuple[Part, ...]
    copied: int = 0
    again: tuple[str, ...] = ()
    seconds: float = 0.0


Tell = Callable[[Progress], None]


@dataclass(frozen=True)
class Moving:
    """One move; the files name the last call of either side, `record_kept` records what was kept aside."""

    source: Database
    target: Database
    source_file: Path | None
    target_file: Path | None
    clock: Clock
    record_kept: Callable[[], None]

    def look(self) -> Moved:
        """Tell what would be moved; nothing is written. Raises Refused where it would be."""
        deployment_id = self._source_id()
        self._refuse_foreign_source(deployment_id)
        self._look_at_target(deployment_id)
        with self.source.reading() as tx:
            sizes = [(table.name, moving.estimate(tx, table)) for table in moving.TABLES]
        parts = tuple(Part(name, size.rows, bytes=size.bytes) for name, size in sorted(sizes))
        return self._moved(parts)

    def move(self, tell: Tell = lambda _progress: None) -> Moved:
        """Move, or go on with a move that did not come to its end.

        Raises Refused for a source or a target that cannot be used, with nothing changed, and StoreError
        where the two differ at the end.
        """
        began = self.clock.elapsed()
        deployment_id = self._source_id()
        self._refuse_foreign_source(deployment_id)
        self._look_at_target(deployment_id)
        with sender_lock(self.source.file):
            self.record_kept()
            with self.source.writing(bulk=True) as held:
                moving.keep_out(held, self.clock.now())
                # Another move may have come to its end while this one waited.
                self._refuse_moved(held)
                parts, copied, again = self._bring(held, deployment_id, tell)
                if not moved.moved_to(held):
                    moved.mark(held, _named(self.target))
        # Until now the target takes itself for a copy, so that two are never sent from.
        Lineage(self.target, self.target_file, deployment_id).lay()
        return self._moved(parts, copied, again, self.clock.elapsed() - began)

    def _moved(
        self, parts: tuple[Part, ...], copied: int = 0, again: tuple[str, ...] = (), seconds: float = 0.0
    ) -> Moved:
        names = _named(self.source), _named(self.target), _shown(self.target)
        return Moved(*names, parts, copied, again, seconds)

    def _source_id(self) -> str:
        for database in (self.source, self.target):
            if database.is_sqlite and database.file is None:
                raise Refused("a database in memory cannot be moved", mend="name a file")
        if _is_same(self.source, self.target):
            raise Refused("FROM and TO are the same database", mend=_NEW_ONE)
        look = moving.look_at(self.source)
        if look.state is State.EMPTY:
            raise SchemaError(f"there is nothing in {_named(self.source)}", mend="check FROM")
        return schema.prepare(self.source, self.clock.now()).id

    def _refuse_foreign_source(self, deployment_id: str) -> None:
        with self.source.reading() as tx:
            self._refuse_moved(tx)
            is_marked = bool(moved.moved_to(tx))
        if is_marked and not self._is_to_be_laid(deployment_id):
            raise self._moved_already(_named(self.target))
        why = Lineage(self.source, self.source_file, deployment_id).why_foreign()
        if why and not is_marked:
            raise Refused(
                f"nothing is moved: {why}", mend="look what went out since, then: newsletter db adopt"
            )

    def _refuse_moved(self, tx: Connection) -> None:
        name = moved.moved_to(tx)
        if name not in ("", _named(self.target)):
            raise self._moved_already(name)

    def _moved_already(self, name: str) -> Refused:
        return Refused(
            f"{_named(self.source)} was moved to {name} already", mend="write its url under [database]"
        )

    def _is_to_be_laid(self, deployment_id: str) -> bool:
        look = moving.look_at(self.target)
        is_ours = look.state is State.FINISHED and look.deployment_id == deployment_id
        return is_ours and Lineage(self.target, self.target_file, deployment_id).why_foreign() is not None

    def _look_at_target(self, deployment_id: str) -> State:
        look = moving.look_at(self.target)
        is_another = look.state is not State.EMPTY and look.deployment_id != deployment_id
        if look.state is State.UNFINISHED and is_another:
            raise Refused(
                f"{_named(self.target)} holds an unfinished move of another database", mend=_NEW_ONE
            )
        if look.state is State.OTHER or is_another:
            raise Refused(f"{_named(self.target)} is not empty", mend=_NEW_ONE)
        return look.state

    def _bring(
        self, held: Connection, deployment_id: str, tell: Tell
    ) -> tuple[tuple[Part, ...], int, tuple[str, ...]]:
        state = self._look_at_target(deployment_id)
        if state is State.FINISHED:
            return self._recognise(held, tell), 0, ()
        self._refuse_full_disk(held)
        if state is State.EMPTY:
            moving.make_tables(held, self.target)
        again = self._empty_stale(held)
        source, copied = self._copy(held, again, tell)
        parts = self._compare(held, source, tell)
        moving.finish(held, self.target)
        return parts, copied, again

    def _recognise(self, held: Connection, tell: Tell) -> tuple[Part, ...]:
        """Compare a target that is ready for use: a move was killed before it marked the source."""
        if moving.is_free(self.target) and not self._is_target_moved():
            source = {table.name: copying.contents(held, table) for table in moving.TABLES}
            if not moving.differing(source, self._target_contents(source, tell)):
                return _parts(source)
        raise Refused(f"{_named(self.target)} is not empty", mend=_NEW_ONE)

    def _is_target_moved(self) -> bool:
        with self.target.reading() as tx:
            return bool(moved.moved_to(tx))

    def _refuse_full_disk(self, held: Connection) -> None:
        free = self.target.free_bytes()
        needed = sum(moving.estimate(held, table).bytes for table in moving.TABLES)
        if free is not None and free < needed:
            raise Refused(
                f"about {needed:,} bytes are needed for {_named(self.target)} and {free:,} are free",
                mend="free some disk space",
            )

    def _empty_stale(self, held: Connection) -> tuple[str, ...]:
        with self.target.reading() as tx:
            stale = moving.stale(held, tx)
        if stale:
            with self.target.writing(bulk=True) as tx:
                moving.empty(tx, stale)
        return tuple(table.name for table in stale)

    def _copy(self, held: Connection, again: tuple[str, ...], tell: Tell) -> tuple[dict[str, Contents], int]:
        with self.target.reading() as tx:
            there = moving.counts(tx)
        source: dict[str, Contents] = {}
        for table in moving.TABLES:
            stage = Stage.COPYING_AGAIN if table.name in again else Stage.COPYING
            source[table.name] = self._copy_table(held, table, there[table.name], stage, tell)
        return source, sum(contents.rows for contents in source.values()) - sum(there.values())

    def _copy_table(self, held: Connection, table: Table, there: int, stage: Stage, tell: Tell) -> Contents:
        """Copy what comes after the rows that are there; return the contents of the whole source."""
        total = copying.count(held, table)

        def bring(chunk: Chunk, before: int) -> None:
            new = chunk.rows[max(0, there - before) :]
            if new:
                with self.target.writing(bulk=True) as tx:
                    copying.write(tx, table, new)
            tell(Progress(stage, table.name, before + len(chunk.rows), total))

        return copying.contents(held, table, bring)

    def _compare(self, held: Connection, source: dict[str, Contents], tell: Tell) -> tuple[Part, ...]:
        target = self._target_contents(source, tell)
        counted = moving.counts(held)
        wrong = moving.differing(source, target)
        wrong += [name for name, contents in source.items() if contents.rows != counted[name]]
        if wrong:
            raise StoreError(
                f"{wrong[0]} in {_named(self.target)} is not what was copied there",
                mend="run the same command again: it copies that table again",
            )
        return _parts(source)

    def _target_contents(self, source: dict[str, Contents], tell: Tell) -> dict[str, Contents]:
        with self.target.reading() as tx:
            return {
                table.name: self._contents(tx, table, source[table.name].rows, tell)
                for table in moving.TABLES
            }

    def _contents(self, tx: Connection, table: Table, total: int, tell: Tell) -> Contents:
        def say(chunk: Chunk, before: int) -> None:
            tell(Progress(Stage.COMPARING, table.name, before + len(chunk.rows), total))

        return copying.contents(tx, table, say)


def _parts(contents: dict[str, Contents]) -> tuple[Part, ...]:
    return tuple(Part(name, one.rows, one.sha256) for name, one in sorted(contents.items()))


def _named(database: Database) -> str:
    return str(database.file.resolve()) if database.file else _shown(database)


def _shown(database: Database) -> str:
    """Return the URL of a database, without its password."""
    url = database.url.set(drivername=database.url.get_backend_name())
    return url.render_as_string(hide_password=True)


def _is_same(one: Database, other: Database) -> bool:
    if one.file is None or other.file is None:
        return one.url == other.url
    if one.file.exists() and other.file.exists():
        return one.file.samefile(other.file)
    return one.file.resolve() == other.file.resolve()
