"""What a fake service has accepted, kept in memory and, if wanted, in a file that survives it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from newsletter.testing.call_file import CallFile, whole_lines


@dataclass(frozen=True, kw_only=True)
class AcceptedMail:
    """A mail as it leaves, of any service; read back from a file it has no bodies.

    `to` is what its To header shows.
    """

    id: str
    at: datetime
    to: tuple[str, ...]
    sender: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]

    @property
    def is_leak(self) -> bool:
        """Tell whether the mail shows its reader who else gets it."""
        return len(self.to) > 1

    def without_bodies(self) -> Self:
        """Return what a file keeps of the mail."""
        return replace(self, html="", text="")


@dataclass(frozen=True, kw_only=True)
class Accepted(AcceptedMail):
    """A mail that one address gets.

    `key` and `reference` are those of our adapter, `told` what else the service tells of it.
    """

    address: str
    key: str
    reference: str
    told: Mapping[str, Any] = field(default_factory=dict)


M = TypeVar("M", bound=AcceptedMail)


class Ledger(Generic[M]):
    """The calls of one account, whose mails are of a kind."""

    def __init__(self, kind: type[M], file: Path | None, *, keeps_bodies: bool = True) -> None:
        self._file = CallFile(file)
        self._keeps_bodies = keeps_bodies
        self.accepted: list[M] = _read(kind, self._file.resume())

    def add(self, mails: Sequence[M]) -> None:
        """Keep the mails of a call, in the file first."""
        if mails:
            self._file.append(lambda: _to_line(mails))
        self.accepted.extend(mails if self._keeps_bodies else [mail.without_bodies() for mail in mails])


def read_back(kind: type[M], file: Path) -> list[M]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return _read(kind, whole_lines(file))


def read_log(file: Path) -> list[Accepted]:
    """List the mails of one address each that a fake has accepted."""
    return read_back(Accepted, file)


def _to_line(mails: Sequence[AcceptedMail]) -> bytes:
    return json.dumps([asdict(mail.without_bodies()) for mail in mails], default=str).encode()


def _read(kind: type[M], lines: Sequence[bytes]) -> list[M]:
    return [kind(**_from_json(row)) for line in lines for row in json.loads(line)]


def _from_json(row: Mapping[str, Any]) -> dict[str, Any]:
    # A list in JSON was a tuple.
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return {**values, "at": datetime.fromisoformat(row["at"])}
