"""What the fake Resend has accepted, kept in memory and, if wanted, in a file that survives it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.testing.call_file import CallFile, whole_lines


@dataclass(frozen=True)
class Accepted:
    """A mail that was taken; read back from a file it has no bodies."""

    id: str
    key: str
    at: datetime
    message: Mapping[str, Any]

    @property
    def to(self) -> tuple[str, ...]:
        return recipients_of(self.message)

    @property
    def html(self) -> str:
        return str(self.message.get("html", ""))

    @property
    def text(self) -> str:
        return str(self.message.get("text", ""))


def recipients_of(message: Mapping[str, Any]) -> tuple[str, ...]:
    """List the addresses that an email goes to."""
    to = message.get("to", ())
    return (to,) if isinstance(to, str) else tuple(to)


@dataclass(frozen=True)
class Remembered:
    """A call under a key, with what was answered."""

    key: str
    fingerprint: str
    at: datetime
    answer: Mapping[str, Any]


class CallLog:
    """The calls of one account."""

    def __init__(self, file: Path | None, *, keeps_bodies: bool = True) -> None:
        self.accepted: list[Accepted] = []
        self._calls: dict[str, Remembered] = {}
        self._file = CallFile(file)
        self._keeps_bodies = keeps_bodies
        for line in self._file.resume():
            self._keep(*_from_line(line))

    def remembered(self, key: str, since: datetime) -> Remembered | None:
        """Find the call of a key, unless it is older than `since`."""
        call = self._calls.get(key)
        return call if call and call.at > since else None

    def add(self, call: Remembered, mails: list[Accepted]) -> None:
        """Keep a call, in the file first."""
        self._file.append(lambda: _to_line(call, mails))
        self._keep(call, mails)

    def _keep(self, call: Remembered, mails: list[Accepted]) -> None:
        self.accepted.extend(mails if self._keeps_bodies else map(_without_bodies, mails))
        if call.key:
            self._calls[call.key] = call


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return [mail for line in whole_lines(file) for mail in _from_line(line)[1]]


def _without_bodies(mail: Accepted) -> Accepted:
    message = {name: value for name, value in mail.message.items() if name not in ("html", "text")}
    return replace(mail, message=message)


def _to_line(call: Remembered, mails: list[Accepted]) -> bytes:
    rows = [{"id": mail.id, "message": _without_bodies(mail).message} for mail in mails]
    line = {"key": call.key, "fingerprint": call.fingerprint, "at": call.at.isoformat()}
    return json.dumps({**line, "answer": call.answer, "mails": rows}).encode()


def _from_line(line: bytes) -> tuple[Remembered, list[Accepted]]:
    said = json.loads(line)
    at = datetime.fromisoformat(said["at"])
    call = Remembered(said["key"], said["fingerprint"], at, said["answer"])
    return call, [Accepted(row["id"], call.key, at, row["message"]) for row in said["mails"]]
