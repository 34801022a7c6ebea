"""What the fake Postmark has accepted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from newsletter.testing.accepted import AcceptedMail, read_back


@dataclass(frozen=True, kw_only=True)
class Accepted(AcceptedMail):
    """A mail that was taken: as it leaves, for a stream that manages unsubscribing changes it."""

    stream: str
    tag: str
    metadata: Mapping[str, str]
    message: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The key of the mailing by our adapter."""
        return self.metadata.get("mailing", "")

    def without_bodies(self) -> "Accepted":
        """Return what a file keeps of the mail."""
        return replace(self, html="", text="", message={})


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return read_back(Accepted, file)
