"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from newsletter.errors import Refused


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes its name at the end; after an error what was there stays.

    Raises Refused where it cannot be written, before anything is done.
    """
    if path.is_dir():
        raise Refused(f"cannot write {path}: it is a directory", mend="name a file")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror}", mend="choose another place") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
