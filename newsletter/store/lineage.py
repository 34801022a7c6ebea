"""Tell a database that sent last from a copy of it: a file beside it names the last call that was made.

The ledger's own attempts are the counter: a database that does not know the call named there was copied or
restored from before it. The file may be behind after a power cut; ahead of the database it never is.
"""

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select

from newsletter.errors import StoreError
from newsletter.store import deliveries
from newsletter.store.database import Database
from newsletter.store.tables import attempt

_STARTED_AT = select(attempt.c.started_at).where(
    attempt.c.batch_id == bindparam("batch_id"), attempt.c.epoch == bindparam("epoch")
)
_LAST = (
    select(attempt.c.batch_id, attempt.c.epoch, attempt.c.started_at)
    .order_by(attempt.c.batch_id.desc(), attempt.c.epoch.desc())
    .limit(1)
)


class Lineage:
    """The file beside one database; without a file nothing is ever foreign."""

    def __init__(self, database: Database, file: Path | None, deployment_id: str) -> None:
        self._database = database
        self._file = file
        self._deployment_id = deployment_id
        self._turn = threading.Lock()

    def why_foreign(self) -> str | None:
        """Say why this database must not be sent from; None where it may."""
        if self._file is None:
            return None
        known = self._read(self._file)
        with self._database.reading() as tx:
            if known is None:
                is_new = tx.execute(_LAST).first() is None
                return None if is_new else f"{self._file.name} is missing, so this database may be a copy"
            if known.get("deployment") != self._deployment_id:
                return f"{self._file.name} belongs to another database"
            named = tx.execute(_STARTED_AT, {"batch_id": known["batch"], "epoch": known["epoch"]}).scalar()
        if named is None or named.isoformat() != known["at"]:
            return f"it does not know the last call that was made, at {known['at'][:16]}: a restored backup"
        if known.get("inode") != self._inode():
            return "its file is another one than before: a copy"
        return None

    def note(self, batch_id: int, epoch: int, started_at: datetime) -> None:
        """Name a call whose claim is durable, before it is made."""
        if self._file is not None:
            with self._turn:
                self._write(self._file, self._line(batch_id, epoch, started_at), durable=False)

    def adopt(self, now: datetime) -> None:
        """Take the database as it is for the one that sent last, and note that a person said so."""
        if self._file is None:
            return
        why = self.why_foreign()
        with self._database.writing() as tx:
            last = tx.execute(_LAST).first()
            deliveries.note(tx, {"at": now, "what": "adopt", "target": "database", "detail": {"why": why}})
        if last is None:
            self._file.unlink(missing_ok=True)
        else:
            self._write(self._file, self._line(*last), durable=True)

    def _line(self, batch_id: int, epoch: int, started_at: datetime) -> dict[str, object]:
        return {
            "deployment": self._deployment_id,
            "inode": self._inode(),
            "batch": batch_id,
            "epoch": epoch,
            "at": started_at.isoformat(),
        }

    def _inode(self) -> int | None:
        file = self._database.file
        return os.stat(file).st_ino if file is not None and file.exists() else None

    def _read(self, file: Path) -> dict[str, Any] | None:
        try:
            found = json.loads(file.read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and {"batch", "epoch", "at"} <= found.keys() else None

    def _write(self, file: Path, line: dict[str, object], *, durable: bool) -> None:
        text = json.dumps(line).ljust(200) + "\n"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.pwrite(handle, text.encode(), 0)
                os.ftruncate(handle, len(text))
                if durable:
                    os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreError(
                f"cannot write {file}: {error.strerror}", mend="make its folder writable"
            ) from error
