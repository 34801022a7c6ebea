"""What a fake service has accepted, kept in memory and, if wanted, in a file that survives it.

One line a call, written before the answer: a line that was cut off by a kill was never accepted.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Accepted:
    """A mail that one address gets, as it leaves; read back from a file it has no bodies.

    `to` is what its To header shows. `key` and `reference` are those of our adapter, `told` what else the
    service tells of it.
    """

    id: str
    at: datetime
    address: str
    to: tuple[str, ...]
    sender: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    key: str
    reference: str
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_leak(self) -> bool:
        """Tell whether the mail shows its reader who else gets it."""
        return len(self.to) > 1


class Ledger:
    """The calls of one account."""

    def __init__(self, file: Path | None, *, keeps_bodies: bool = True) -> None:
        self.accepted: list[Accepted] = []
        self._file = file
        self._keeps_bodies = keeps_bodies
        if file and file.exists():
            lines = _whole_lines(file)
            os.truncate(file, sum(map(len, lines)))
            self.accepted = [mail for line in lines for mail in _from_line(line)]

    def add(self, mails: Sequence[Accepted]) -> None:
        """Keep the mails of a call, in the file first."""
        if self._file and mails:
            line = json.dumps([asdict(_without_bodies(mail)) for mail in mails], default=str).encode()
            # Closed, and so with the kernel, before the answer: it outlives this process.
            with self._file.open("ab") as out:
                out.write(line + b"\n")
        self.accepted.extend(mails if self._keeps_bodies else map(_without_bodies, mails))


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return [mail for line in _whole_lines(file) for mail in _from_line(line)]


def _whole_lines(file: Path) -> list[bytes]:
    return [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _without_bodies(mail: Accepted) -> Accepted:
    return replace(mail, html="", text="")


def _from_line(line: bytes) -> list[Accepted]:
    return [
        Accepted(**{**row, "at": datetime.fromisoformat(row["at"]), "to": tuple(row["to"])})
        for row in json.loads(line)
    ]
