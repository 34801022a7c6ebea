"""Outcomes that the database could not take, kept in a file until it can."""

import json
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from newsletter.domain.provider import Answer, Outcome
from newsletter.errors import StoreError

#: Room that is taken beforehand, so that a line can be written on a full disk; in bytes.
ROOM = 256 * 1024


@dataclass(frozen=True)
class Kept:
    """An answer, and the call that it was given to."""

    batch_id: int
    epoch: int
    generation: int
    answer: Answer
    at: datetime
    positions: tuple[int, ...]


class Aside:
    """A file of lines; what is not yet used of its room is zeros."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._turn = threading.Lock()

    def reserve(self) -> None:
        """Take the room on the disk, unless lines are waiting there."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._turn, self._open() as handle:
                size = os.fstat(handle.fileno()).st_size
                if size < ROOM:
                    handle.seek(size)
                    handle.write(b"\0" * (ROOM - size))
                    os.fsync(handle.fileno())
        except OSError as error:
            raise StoreError(f"cannot write {self._file}: {error.strerror}") from error

    def keep(
        self,
        batch_id: int,
        epoch: int,
        generation: int,
        answer: Answer,
        at: datetime,
        positions: Sequence[int],
    ) -> None:
        """Write an answer down durably; raises StoreError where even this file cannot take it."""
        line = json.dumps(
            {"batch": batch_id, "epoch": epoch, "generation": generation, "at": at.isoformat(),
             "positions": list(positions), "answer": _to_json(answer)}
        ).encode() + b"\n"  # fmt: skip
        try:
            with self._turn, self._open() as handle:
                handle.seek(len(_whole(handle.read())))
                handle.write(line)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise StoreError(f"cannot keep an outcome in {self._file}: {error.strerror}") from error

    def waiting(self) -> list[Kept]:
        """List what was kept; a line that was cut off by a kill is none."""
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"cannot read {self._file}: {error.strerror}") from error
        return [_kept(json.loads(line)) for line in _whole(data).splitlines()]

    def forget(self, kept: Sequence[Kept]) -> None:
        """Drop the first lines, which were recorded; those that came meanwhile stay."""
        try:
            with self._turn, self._open() as handle:
                rest = b"".join(_whole(handle.read()).splitlines(keepends=True)[len(kept) :])
                handle.seek(0)
                handle.write(rest.ljust(ROOM, b"\0"))
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise StoreError(f"cannot write {self._file}: {error.strerror}") from error

    def _open(self) -> Any:
        return os.fdopen(os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _whole(data: bytes) -> bytes:
    used = data.partition(b"\0")[0]
    return used[: used.rfind(b"\n") + 1]


def _to_json(answer: Answer) -> dict[str, Any]:
    wait = answer.retry_after
    return {**answer.__dict__, "retry_after": wait.total_seconds() if wait is not None else None}


def _kept(said: Mapping[str, Any]) -> Kept:
    answer = dict(said["answer"])
    wait = answer["retry_after"]
    for name in ("ids", "rejected"):
        answer[name] = {int(pos): value for pos, value in answer[name].items()}
    return Kept(
        said["batch"],
        said["epoch"],
        said["generation"],
        Answer(**{**answer, "outcome": Outcome(answer["outcome"]),
                  "retry_after": timedelta(seconds=wait) if wait is not None else None}),
        datetime.fromisoformat(said["at"]),
        tuple(said["positions"]),
    )  # fmt: skip
