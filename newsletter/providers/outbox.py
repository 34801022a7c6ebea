"""A rehearsal: every mail becomes an `.eml` file, and nothing leaves this machine."""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from pathlib import Path

from newsletter.domain.message import Message, Recipient
from newsletter.domain.provider import (
    Answer,
    Capabilities,
    Mailing,
    Outcome,
    Provider,
    Recovery,
    Request,
    always,
    too_late,
)
from newsletter.providers.mime import Fill, compile_mime
from newsletter.providers.settings import ProviderSettings

CAPABILITIES = Capabilities(
    name="outbox",
    batch_size=100,
    call_timeout=timedelta(minutes=2),
    # A repeat writes the same files again, whenever it comes.
    recovery=Recovery.RECIPIENT_DEDUPE,
    rehearsal=True,
)
#: What passes by itself, or when a person makes room.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EIO})
_UNSAFE = re.compile(r"[^A-Za-z0-9@+_.-]")
_LONGEST_NAME = 120


class Outbox(Provider):
    """Writes `<folder>/<label>/<subscriber>-<address>.eml`; a repeat writes the same bytes to the same file.

    Files are not forced to the disk: after a power cut the last ones may be missing, as nothing here counts.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def compile(self, message: Message) -> Callable[[Mailing], "OutboxCall"]:
        """Encode a message once as MIME."""
        fill_at = compile_mime(message)
        return lambda mailing: OutboxCall(self._folder, fill_at(mailing.date), mailing)

    def close(self) -> None:
        """Nothing is held open."""


def open_outbox(settings: ProviderSettings) -> Provider:
    """Open the outbox; its folder is made with the first mail."""
    return Outbox(settings.folder)


@dataclass(frozen=True)
class OutboxCall:
    """The files of one batch."""

    folder: Path
    fill: Fill
    mailing: Mailing

    def request(self) -> Request:
        """Show the folder, and the first mail as the body."""
        first = self.mailing.recipients[:1]
        body = b"".join(chain.from_iterable(self.fill(first)))
        return Request("WRITE", self._target.absolute().as_uri(), {}, body)

    def make(self, may_start: Callable[[], bool] = always) -> Answer:
        """Write every file, each wholly or not at all."""
        if not may_start():
            return too_late()
        ids = {}
        try:
            self._target.mkdir(parents=True, exist_ok=True)
            recipients = self.mailing.recipients
            for recipient, parts in zip(recipients, self.fill(recipients), strict=True):
                file = self._target / file_name(recipient)
                _write(file, parts)
                ids[recipient.pos] = f"{self._target.name}/{file.name}"
        except OSError as error:
            return _failure(error, self._target)
        return Answer(Outcome.ACCEPTED, ids=ids)

    @property
    def _target(self) -> Path:
        return self.folder / (_UNSAFE.sub("_", self.mailing.label).lstrip(".") or "mail")


def file_name(recipient: Recipient) -> str:
    """Name a recipient's file; two addresses never share a name."""
    safe = _UNSAFE.sub("_", recipient.address.lower())[:_LONGEST_NAME]
    mark = (
        "" if safe == recipient.address else f"-{hashlib.sha256(recipient.address.encode()).hexdigest()[:8]}"
    )
    return f"{recipient.subscriber_id:06d}-{safe}{mark}.eml"


def _write(file: Path, parts: tuple[bytes, ...]) -> None:
    # One name per file: what a killed process leaves behind is overwritten by the repeat.
    unfinished = file.with_name(f".{file.name}.part")
    unfinished.write_bytes(b"".join(parts))
    os.replace(unfinished, file)


def _failure(error: OSError, folder: Path) -> Answer:
    outcome = Outcome.DEFERRED if error.errno in _PASSING else Outcome.MISCONFIGURED
    return Answer(outcome, f"{folder} cannot be written ({(error.strerror or str(error)).lower()})")
