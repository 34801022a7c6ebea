"""What the fake Amazon SES has taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from newsletter.testing.accepted import AcceptedMail, read_back


@dataclass(frozen=True, kw_only=True)
class Accepted(AcceptedMail):
    """A mail that was taken; `failure` says why it could not be rendered: then nobody gets it."""

    reply_to: tuple[str, ...]
    tags: Mapping[str, str]
    configuration_set: str
    failure: str = ""


def read_log(file: Path) -> list[Accepted]:
    """List the mails that a fake, stopped, killed or still running, has accepted."""
    return [mail for mail in read_back(Accepted, file) if not mail.failure]
