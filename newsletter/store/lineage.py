"""Tell the database that sent last from a copy of it: a file beside it names the last call that was made.

The ledger's own attempts are the counter: a database that does not know the call named there was restored
from before it. A call is named after its claim is durable and before it is made, so the file may be behind
the database, as after a power cut, and is never ahead of it.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, select

from newsletter.errors import StoreError
from newsletter.store import deliveries
from newsletter.store.aside import locked, read, read_file, sync, write
from newsletter.store.database import Database
from newsletter.store.hot import Hot
from newsletter.store.moved import moved_to, unmark
from newsletter.store.tables import Instant, attempt, deployment

#: Threads name the calls that they make together in any order. Instants further apart tell something else: a
#: clock was set back, or, where the file is missing, calls were made from this database before.
TOGETHER = timedelta(minutes=1)
#: The file is overwritten in place, within one sector of a disk, and keeps its length.
LENGTH = 256

_STARTED_AT = select(attempt.c.started_at).where(
    attempt.c.batch_id == bindparam("batch_id"), attempt.c.epoch == bindparam("epoch")
)
_STANDING = Hot(select(deployment.c.moved_to, _STARTED_AT.scalar_subquery()))
_ANY = select(attempt.c.epoch).limit(1)
_ANY_BEFORE = _ANY.where(attempt.c.started_at < bindparam("before", type_=Instant))
_LAST = (
    select(attempt.c.batch_id, attempt.c.epoch, attempt.c.started_at)
    .order_by(attempt.c.started_at.desc(), attempt.c.batch_id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class _Call:
    batch_id: int
    epoch: int
    started_at: datetime


_NOWHERE = _Call(0, 0, datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True)
class _Line:
    """What the file says; no call where none was made yet."""

    deployment: str
    inode: int | None
    call: _Call | None


class Lineage:
    """The file beside one database, which threads and processes share; without one nothing is foreign."""

    def __init__(self, database: Database, file: Path | None, deployment_id: str) -> None:
        self._database = database
        self._file = file
        self._deployment_id = deployment_id

    def begin(self) -> None:
        """Lay the file beside a database that no call was made from yet; leave any other alone.

        Without it a kill between the first claim ever and its note makes this database look like a copy.
        """
        if self._file is None or _parse(read_file(self._file)) is not None:
            return
        with self._database.reading() as tx:
            is_new = tx.execute(_ANY).first() is None
        if is_new:
            with locked(self._file) as handle:
                # Another process may have been first, and have made a call since.
                if _parse(read(handle)) is None:
                    self._put(handle, self._file, None, durable=True)

    def why_foreign(self) -> str | None:
        """Say in a sentence why this database must not be sent from; None where it may."""
        return self._why(self._file, _ANY, {}) if self._file else None

    def why_moved(self) -> str | None:
        """Say in a sentence that another database took the place of this one; None where none did."""
        with self._database.reading() as tx:
            name = moved_to(tx)
            return _said_moved(name) if name else None

    def note(self, batch_id: int, epoch: int, started_at: datetime) -> bool:
        """Name a call whose claim is durable, before it is made.

        False where the database has become foreign, or was: then the file stays as it is, and only a
        rehearsal may make the call. Raises StoreError where the file or the database cannot be used.
        """
        if self._file is None:
            return True
        call = _Call(batch_id, epoch, started_at)
        if self._why(self._file, _ANY_BEFORE, {"before": started_at - TOGETHER}) is not None:
            return False
        with locked(self._file) as handle:
            named = _parse(read(handle))
            if named is None or not _is_just_after(named.call, call):
                self._put(handle, self._file, call, durable=named is None)
        return True

    def adopt(self, now: datetime) -> None:
        """Take a foreign database as it is for the one to send from, and keep on record what was wrong."""
        why = self.why_foreign()
        if self._file is None or why is None:
            return
        with self._database.writing() as tx:
            row = {"at": now, "what": "adopt", "target": "database", "detail": {"why": why}}
            deliveries.note(tx, row)
            unmark(tx)
        self.lay()

    def lay(self) -> None:
        """Name the last call of the ledger, whatever the file says: this database is the one to send from."""
        if self._file is None:
            return
        with self._database.reading() as tx:
            last = _call(tx.execute(_LAST).first())
        with locked(self._file) as handle:
            self._put(handle, self._file, last, durable=True)

    def _why(self, file: Path, earlier: Select[Any], values: dict[str, datetime]) -> str | None:
        # Read before the database is: a call that is named afterwards may be unknown to this snapshot.
        line = _parse(read_file(file))
        with self._database.reading() as tx:
            at = _NOWHERE if line is None or line.call is None else line.call
            [(moved_to, started_at)] = _STANDING.rows(tx, {"batch_id": at.batch_id, "epoch": at.epoch})
            if moved_to:
                return _said_moved(moved_to)
            if line is not None and line.deployment != self._deployment_id:
                return f"{file.name} names the last call of another database"
            if line is None:
                is_new = tx.execute(earlier, values).first() is None
                return None if is_new else _MISSING.format(file.name)
            if line.call is not None and started_at != line.call.started_at:
                return _OLDER.format(line.call.started_at)
        return None if line.inode == self._inode() else _MOVED

    def _put(self, handle: int, file: Path, call: _Call | None, *, durable: bool) -> None:
        said: dict[str, object] = {"deployment": self._deployment_id, "inode": self._inode()}
        if call is not None:
            said |= {"batch_id": call.batch_id, "epoch": call.epoch}
            said["started_at"] = call.started_at.astimezone(UTC).isoformat()
        write(handle, json.dumps(said).ljust(LENGTH - 1).encode() + b"\n", 0)
        if durable:
            os.ftruncate(handle, LENGTH)
            sync(handle, file, is_new=True)

    def _inode(self) -> int | None:
        file = self._database.file
        if file is None:
            return None
        try:
            return file.stat().st_ino
        except OSError as error:
            raise StoreError(f"cannot find {file}: {error.strerror}", mend="put it back") from error


_MISSING = "{} is missing, which names the last call made from this database: it looks like a copy"
_OLDER = (
    "this database is older than the last call that was made from it ({:%Y-%m-%d %H:%MZ}): "
    "it looks like a restored backup"
)
_MOVED = "this database is not the file that the last call was made from: it looks like a copy"


def _said_moved(name: str) -> str:
    return f"this database was moved to {name}"


def _is_just_after(named: _Call | None, call: _Call) -> bool:
    return named is not None and timedelta() < named.started_at - call.started_at < TOGETHER


def _call(row: Any) -> _Call | None:
    return _Call(row.batch_id, row.epoch, row.started_at) if row else None


def _parse(data: bytes | None) -> _Line | None:
    """Read what the file says; a file that is empty or damaged says nothing."""
    try:
        said = json.loads(data or b"")
        line = _Line(said["deployment"], said["inode"], None)
        if "batch_id" not in said:
            return line
        started_at = datetime.fromisoformat(said["started_at"])
        # An instant without its zone was not written here.
        call = _Call(int(said["batch_id"]), int(said["epoch"]), started_at.astimezone(UTC))
    except (ValueError, TypeError, KeyError):
        return None
    return None if started_at.tzinfo is None else _Line(line.deployment, line.inode, call)
