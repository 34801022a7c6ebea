"""Which people of a long list came up before, in a file of the moment: memory does not grow with it."""

import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import orjson

_CACHE_KB = 16_000
_ADD = "INSERT OR IGNORE INTO seen SELECT value FROM json_each(?) ORDER BY value RETURNING hash"


class Seen:
    """Hashes that were added; the file is gone with the object."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KB}"):
            self._file.execute(f"PRAGMA {setting}")
        self._file.execute("CREATE TABLE seen (hash TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, hashes: Sequence[str]) -> set[str]:
        """Add hashes; return those that are new."""
        self._file.execute("BEGIN")
        new = {row[0] for row in self._file.execute(_ADD, (orjson.dumps(list(hashes)).decode(),))}
        self._file.execute("COMMIT")
        return new

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
