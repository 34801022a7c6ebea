"""Say how long a send takes at the pace of the provider's account."""

from dataclasses import dataclass
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
