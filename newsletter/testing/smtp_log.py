"""What the fake mail server has accepted, kept in memory and, if wanted, in a file that survives it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from newsletter.testing.call_file import CallFile, whole_lines


@dataclass(frozen=True)
class Accepted:
    """A mail that was taken, as it came and without the dots of the wire; from a file it is empty."""

    id: str
    at: datetime
    connection: int
    sender: str
    recipients: tuple[str, ...]
    data: bytes

    @property
    def mail(self) -> EmailMessage:
        """Read the mail as a mail program does."""
        return message_from_bytes(self.data, policy=policy.default)


class MailLog:
    """The mails of one server."""

    def __init__(self, file: Path | None, *, keeps_bodies: bool = True) -> None:
        self._file = CallFile(file)
        self._keeps_bodies = keeps_bodies
        self.accepted = [_from_line(line) for line in self._file.resume()]

    def add(self, mail: Accepted) -> None:
        """Keep a mail, in the file first."""
        self._file.append(lambda: _to_line(mail))
        self.accepted.append(mail if self._keeps_bodies else replace(mail, data=b""))


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return [_from_line(line) for line in whole_lines(file)]


def _to_line(mail: Accepted) -> bytes:
    said = {"id": mail.id, "at": mail.at.isoformat(), "connection": mail.connection, "from": mail.sender}
    known = {"message_id": mail.mail["Message-ID"], "subject": mail.mail["Subject"]}
    return json.dumps({**said, "to": mail.recipients, **known}).encode()


def _from_line(line: bytes) -> Accepted:
    said = json.loads(line)
    at = datetime.fromisoformat(said["at"])
    return Accepted(said["id"], at, said["connection"], said["from"], tuple(said["to"]), b"")
