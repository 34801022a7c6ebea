"""Say how long a send takes at the pace of the provider's account."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from newsletter.domain.account import Account, Limits
from newsletter.domain.pace import how_long
from newsletter.domain.provider import Capabilities
from newsletter.store import accounts
from newsletter.store.database import Database


@dataclass(frozen=True)
class Pacing:
    """The pace of one account."""

    database: Database
    capabilities: Capabilities
    limits: Limits

    def account(self) -> Account:
        """Read where the account stands."""
        with self.database.reading() as tx:
            return accounts.get(tx, self.capabilities.name)

    def length(self, people: int, now: datetime) -> timedelta:
        """Return how long it takes until the provider has accepted a mail for so many people."""
        size = self.capabilities.batch_size
        return how_long(people, size, self.limits, self.account(), now=now)


@dataclass(frozen=True)
class Paces:
    """The paces of those accounts that are known, by what series name; `names` are all that there are."""

    by_name: Mapping[str, Pacing] = field(default_factory=dict)
    names: frozenset[str] = frozenset({""})

    @property
    def of_real(self) -> "Paces":
        """Return those of accounts that mails really leave by."""
        real = {name: one for name, one in self.by_name.items() if not one.capabilities.rehearsal}
        return replace(self, by_name=real)

    def of(self, provider: str) -> Pacing | None:
        """Return the pace of what a series names; None where it is not among them."""
        return self.by_name.get(provider)
