"""What may be asked of name servers."""

from collections.abc import Sequence
from typing import Protocol


class Unanswered(Exception):
    """Nobody told whether there is such a record; says why."""


class Names(Protocol):
    """The records of domains."""

    def texts(self, name: str) -> Sequence[str]:
        """Return the TXT records of a name; raises Unanswered."""
        ...

    def mail_servers(self, name: str) -> Sequence[str]:
        """Return who takes mail for a domain; raises Unanswered."""
        ...
