"""A file of what a fake service accepted: one line a call, written before the answer.

So a line that was cut off by a kill was never accepted.
"""

import os
from collections.abc import Callable
from pathlib import Path


class CallFile:
    """The file of one account, or None: then nothing outlives the fake."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def resume(self) -> list[bytes]:
        """List the lines of an earlier fake, and cut off what was never accepted."""
        if not self._path or not self._path.exists():
            return []
        lines = whole_lines(self._path)
        os.truncate(self._path, sum(map(len, lines)))
        return lines

    def append(self, line: Callable[[], bytes]) -> None:
        """Write the line of a call; it is made only for a file."""
        if self._path:
            # Closed, and so with the kernel, before the answer: it outlives this process.
            with self._path.open("ab") as out:
                out.write(line() + b"\n")


def whole_lines(path: Path) -> list[bytes]:
    """List the lines that have an end."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
