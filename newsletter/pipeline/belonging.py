"""Tell whether a database is the one to send from, and how to send again where it is not. Decides nothing."""

from dataclasses import dataclass

from newsletter.errors import Refused
from newsletter.store.lineage import Lineage

_SEND_THERE = "write its url under [database]"


@dataclass(frozen=True)
class Belonging:
    """One database in the line of those that were sent from; a rehearsal minds only that it was moved."""

    lineage: Lineage
    is_rehearsal: bool

    def why_not_send(self) -> str | None:
        """Say why nothing real may be sent from this database; None where it may."""
        return self.lineage.why_moved() if self.is_rehearsal else self.lineage.why_foreign()

    def way_to_send(self, from_here: str) -> str:
        """Say how to send again: from the database that took this one's place, or from here."""
        return _SEND_THERE if self.lineage.why_moved() else from_here

    def refuse_foreign(self) -> None:
        """Raise Refused where the database is a copy or a restored backup."""
        why = self.why_not_send()
        if why:
            mend = self.way_to_send("look what went out since, then: newsletter db adopt")
            raise Refused(f"nothing is sent: {why}", mend=mend)
