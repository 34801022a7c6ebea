"""One sender to an SQLite file: a lock of the operating system, which dies with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.errors import Refused, StoreError


@contextmanager
def sender_lock(file: Path | None) -> Iterator[None]:
    """Hold the sender's role of a database file; without a file there is nothing to hold.

    Raises Refused where another process has it. Other commands do not take this lock.
    """
    if file is None:
        yield
        return
    lock = file.with_name(f"{file.name}.sender")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"cannot write {lock}: {error.strerror}", mend="make its folder writable") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Refused(
            f"another `newsletter run` is sending from {file}", mend="stop it first, or let it do the work"
        ) from None
    try:
        yield
    finally:
        os.close(handle)
