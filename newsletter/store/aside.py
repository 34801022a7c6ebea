"""Outcomes that the database could not take, kept in a file until it can.

The file is a log of lines that is never moved: a line that was recorded is marked in place, by one byte, so
that a kill at any moment repeats a line at worst. The log ends at the first zero byte.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

from newsletter.domain.provider import Answer, Outcome
from newsletter.errors import StoreError

#: Room that is taken beforehand, so that a line can be written on a full disk; in bytes.
ROOM = 256 * 1024
_WAITS, _DONE, _END = b"+", b"-", b"\0"
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
    """The file of kept outcomes; threads and processes may share one."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def reserve(self) -> None:
        """Take the room on the disk; what is kept already stays."""
        with locked(self._file) as handle:
            _allocate(handle)
            sync(handle, self._file, is_new=True)

    def keep(
        self,
        batch_id: int,
        epoch: int,
        generation: int,
        answer: Answer,
        at: datetime,
        positions: Sequence[int],
    ) -> None:
        """Write an answer down durably; raises StoreError where the disk cannot take even this.

        Beyond its room the file grows as long as the disk lets it: one line for each call under way.
        """
        line = _encode(Kept(batch_id, epoch, generation, answer, at, tuple(positions)))
        with locked(self._file) as handle:
            data = read(handle)
            # What an earlier write that was cut off left behind it stays behind the zero byte.
            write(handle, line + _END, _end_of(data))
            sync(handle, self._file, is_new=not data)

    def waiting(self) -> list[Kept]:
        """List what was kept and not yet forgotten, oldest first; a line that a kill cut off is none."""
        data = read_file(self._file)
        if data is None:
            return []
        return [self._decode(line) for _, line in _lines(data) if line.startswith(_WAITS)]

    def forget(self, kept: Sequence[Kept]) -> None:
        """Drop what was recorded; what came meanwhile stays."""
        if not kept:
            return
        recorded = {_encode(one) for one in kept}
        with locked(self._file) as handle:
            data = read(handle)
            found = [(at, line) for at, line in _lines(data) if line.startswith(_WAITS)]
            for at, line in found:
                if line in recorded:
                    write(handle, _DONE, at)
            os.fsync(handle)
            if all(line in recorded for _, line in found):
                write(handle, bytes(_end_of(data)), 0)
                os.fsync(handle)

    def _decode(self, line: bytes) -> Kept:
        try:
            return _kept(json.loads(line[10:]))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"cannot understand an outcome in {self._file}", mend="start the version that wrote it"
            ) from error


@contextmanager
def locked(file: Path) -> Iterator[int]:
    """Open a file for one thread of one process, and make it where it is missing.

    Raises StoreError for everything that the disk refuses while it is open.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)
    except OSError as error:
        mend = "free some disk space" if error.errno in _IS_FULL else "make it and its folder writable"
        raise StoreError(f"cannot write {file}: {error.strerror}", mend=mend) from error


def read_file(file: Path) -> bytes | None:
    """Read a file while nobody writes it; None where there is none."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH)
            return opened.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {file}: {error.strerror}", mend="make it readable") from error


def read(handle: int) -> bytes:
    """Read an open file from its beginning."""
    return os.pread(handle, os.fstat(handle).st_size, 0)


def write(handle: int, data: bytes, at: int) -> None:
    """Write all of the data in place."""
    while data:
        written = os.pwrite(handle, data, at)
        data, at = data[written:], at + written


def sync(handle: int, file: Path, *, is_new: bool) -> None:
    """Make what was written durable, and the name of a new file too."""
    os.fsync(handle)
    if not is_new:
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _allocate(handle: int) -> None:
    try:
        os.posix_fallocate(handle, 0, ROOM)
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise
        size = os.fstat(handle).st_size
        write(handle, bytes(max(0, ROOM - size)), size)


def _end_of(data: bytes) -> int:
    used = data.partition(_END)[0]
    return used.rfind(b"\n") + 1


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Find each whole line and where it stands: a mark, the sum of the rest, a space, the rest."""
    at = 0
    for line in data[: _end_of(data)].splitlines(keepends=True):
        if line[1:10] == _sum_of(line[10:]):
            yield at, line
        at += len(line)


def _sum_of(text: bytes) -> bytes:
    return b"%08x " % crc32(text)


def _encode(kept: Kept) -> bytes:
    said = _fields(kept) | {"answer": _fields(kept.answer), "at": kept.at.isoformat()}
    wait = kept.answer.retry_after
    said["answer"]["retry_after"] = None if wait is None else wait.total_seconds()
    text = json.dumps(said, default=dict).encode() + b"\n"
    return _WAITS + _sum_of(text) + text


def _fields(value: Kept | Answer) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _kept(said: dict[str, Any]) -> Kept:
    answer = said["answer"]
    wait = answer["retry_after"]
    read_back = {
        "outcome": Outcome(answer["outcome"]),
        "ids": _by_position(answer["ids"]),
        "rejected": _by_position(answer["rejected"]),
        "retry_after": None if wait is None else timedelta(seconds=wait),
    }
    at, positions = datetime.fromisoformat(said["at"]), tuple(said["positions"])
    return Kept(**said | {"answer": Answer(**answer | read_back), "at": at, "positions": positions})


def _by_position(said: dict[str, str]) -> dict[int, str]:
    return {int(position): value for position, value in said.items()}
