"""Backups: a file with the whole database as it was at one moment."""

import os
from contextlib import suppress
from pathlib import Path

from newsletter.errors import Refused, StoreError
from newsletter.store.database import Database


def back_up(database: Database, file: Path) -> None:
    """Write a consistent copy of the database, whole or not at all; one that is there is replaced.

    Raises Refused for a database that is not a file.
    """
    if not database.is_sqlite:
        raise Refused(f"{database.name} is not a file that can be copied", mend="use pg_dump")
    if not file.parent.is_dir():
        raise StoreError(
            f"cannot write {file}: there is no folder {file.parent}", mend="choose another place"
        )
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        database.copy_to(unfinished)
        os.replace(unfinished, file)
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}", mend="choose another place") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
