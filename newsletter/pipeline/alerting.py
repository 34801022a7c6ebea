"""Tell the people of `alert_to` of every hold, once, through the same ledger. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.account import Lane
from newsletter.domain.alert import alert_of, empty_of
from newsletter.domain.delivery import DeliveryState
from newsletter.domain.subscriber import Subscriber, address_hash
from newsletter.store import alerts, batches, revisions, series, subscribers
from newsletter.store.alerts import Untold
from newsletter.store.database import Database

#: No issue of a series can be called this.
SLUG = "_alert"
_UNKNOWN = "the outcome of some deliveries is unknown, and nothing can prove it"


@dataclass(frozen=True)
class Alerting:
    """Plan alerts in the priority lane."""

    database: Database
    provider: str
    alert_to: tuple[str, ...]
    salt: bytes

    def tell(self, now: datetime) -> list[Untold]:
        """Plan a mail to everybody in `alert_to` for each new hold; return the holds.

        An issue that is held at many hours is one hold.
        """
        with self.database.reading() as tx:
            untold = alerts.untold(tx)
        holds: dict[tuple[str, str], list[Untold]] = {}
        for one in untold:
            holds.setdefault((one.target, one.what), []).append(one)
        return [hold[0] for hold in holds.values() if self._tell(hold, now)]

    def _tell(self, hold: Sequence[Untold], now: datetime) -> bool:
        found = hold[0]
        command, reason = _to_do(found)
        write = empty_of if found.what == alerts.EMPTY else alert_of
        mail = write(found.target, found.due_at, reason, command, found.sender, found.reply_to)
        with self.database.writing() as tx:
            if not [one for one in hold if alerts.note(tx, one, now)]:
                return False
            issue_id = series.notice(tx, found.series_id, SLUG)
            revisions.add(tx, issue_id, mail)
            for address in self.alert_to:
                self._plan(tx, issue_id, mail.hash, address, now)
        return True

    def _plan(self, tx: Connection, issue_id: int, revision: str, address: str, now: datetime) -> None:
        hash_ = address_hash(address, self.salt)
        known = subscribers.ids_by_hash(tx, [hash_])
        people = known or subscribers.add_people(tx, {hash_: Subscriber(address)})
        batch_id = batches.add(tx, batches.notice(revision, self.provider, Lane.PRIORITY, now, next_at=now))
        # The number of its batch is an occasion that no other delivery can have.
        row = {"issue_id": issue_id, "subscriber_id": people[hash_], "occasion": batch_id}
        batches.add_delivery(tx, {**row, "batch_id": batch_id, "pos": 0, "state": DeliveryState.PLANNED})


def _to_do(found: Untold) -> tuple[str, str]:
    """Return the command that helps, and the reason for it."""
    if found.what == alerts.HELD:
        return f"newsletter resume {found.target}", found.reason
    if found.what == alerts.EMPTY:
        return f"newsletter queue {found.target}", found.reason
    return f"newsletter resolve {found.target}", _UNKNOWN
