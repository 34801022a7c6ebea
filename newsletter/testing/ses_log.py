"""What the fake Amazon SES has accepted, kept in memory and, if wanted, in a file that survives it.

One line a call, written before the answer: a line that was cut off by a kill was never accepted.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Accepted:
    """A mail that was taken; read back from a file it has no bodies.

    `failure` says why it could not be rendered: then it was taken, and nobody gets it.
    """

    id: str
    at: datetime
    to: tuple[str, ...]
    sender: str
    reply_to: tuple[str, ...]
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    tags: Mapping[str, str]
    configuration_set: str
    failure: str = ""


class CallLog:
    """The calls of one account."""

    def __init__(self, file: Path | None, *, keeps_bodies: bool = True) -> None:
        self.taken: list[Accepted] = []
        self._file = file
        self._keeps_bodies = keeps_bodies
        if file and file.exists():
            lines = _whole_lines(file)
            os.truncate(file, sum(map(len, lines)))
            self.taken = [mail for line in lines for mail in _from_line(line)]

    def add(self, mails: Sequence[Accepted]) -> None:
        """Keep the mails of a call, in the file first."""
        if self._file and mails:
            line = json.dumps([asdict(_without_bodies(mail)) for mail in mails], default=str).encode()
            # Closed, and so with the kernel, before the answer: it outlives this process.
            with self._file.open("ab") as out:
                out.write(line + b"\n")
        self.taken.extend(mails if self._keeps_bodies else map(_without_bodies, mails))


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return [mail for line in _whole_lines(file) for mail in _from_line(line) if not mail.failure]


def _whole_lines(file: Path) -> list[bytes]:
    return [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _without_bodies(mail: Accepted) -> Accepted:
    return replace(mail, html="", text="")


def _from_line(line: bytes) -> list[Accepted]:
    return [_from_row(row) for row in json.loads(line)]


def _from_row(row: dict[str, Any]) -> Accepted:
    at = datetime.fromisoformat(row["at"])
    return Accepted(**{**row, "at": at, "to": tuple(row["to"]), "reply_to": tuple(row["reply_to"])})
