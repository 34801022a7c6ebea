"""What the fake Mailgun has accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.testing.accepted import AcceptedMail, read_back


@dataclass(frozen=True, kw_only=True)
class Accepted(AcceptedMail):
    """A mail that one address gets; `headers` are those of `h:`, `variables` those of `v:`."""

    domain: str
    address: str
    tags: tuple[str, ...]
    variables: Mapping[str, str]

    @property
    def key(self) -> str:
        """The key of the mailing by our adapter: it goes with its last tag."""
        return self.tags[-1] if self.tags else ""


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return read_back(Accepted, file)
