"""Let a person have another address, once they prove that its mailbox is theirs. Decides nothing.

The person keeps their id, and so everything that they have received: only the address of the row changes. The
row that the new address had until then, to be mailed by, becomes one without an address.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from newsletter.domain.lifecycle import MOVE_REQUESTED, MOVED
from newsletter.domain.notices import Notice
from newsletter.domain.signup import Came
from newsletter.domain.subscriber import Consent, Evidence, Subscriber, address_hash
from newsletter.domain.tokens import Grant
from newsletter.pipeline.forgetting import person_of
from newsletter.pipeline.limiting import Limiting
from newsletter.pipeline.noticing import Noticing
from newsletter.pipeline.sifting import checked
from newsletter.store import consents, forgetting, series, subscribers
from newsletter.store.database import Database


class _Move(NamedTuple):
    series_id: int
    subscriber_id: int
    #: The row of the new address.
    to_id: int
    to: Subscriber


@dataclass(frozen=True)
class Readdressing:
    """Mail a link to the new address, and change it when the link comes back."""

    database: Database
    salt: bytes
    noticing: Noticing
    limiting: Limiting

    def ask(
        self,
        tx: Connection,
        subscriber_id: int,
        series_id: int,
        address: str,
        evidence: Evidence,
        ip: str,
    ) -> None:
        """Mail a link to an address that a person wants to have.

        Raises NewsletterError for one that cannot be mailed. Nothing tells whether anybody has it already.
        """
        person = checked(Subscriber(address))
        of = next((one for one in series.every(tx) if one.id == series_id), None)
        if of is None or self.limiting.over(tx, person.address, ip, evidence.at) is not None:
            return
        hash_ = address_hash(person.address, self.salt)
        to_id = person_of(tx, hash_, person)
        text = f"to {hash_}"
        asked = Evidence(evidence.at, evidence.how, text, ip=evidence.ip)
        asked_by = consents.note(tx, of.id, subscriber_id, MOVE_REQUESTED, asked)
        self.noticing.plan(tx, Notice.MOVE, of, to_id, asked_by, evidence.at)

    def find(self, tx: Connection, grant: Grant | None) -> _Move | None:
        """Read the move that a link would make; only the latest that was asked for, and once."""
        asked = consents.event(tx, grant.occasion) if grant else None
        if grant is None or asked is None or asked.kind != MOVE_REQUESTED:
            return None
        latest = consents.last(tx, asked.series_id, asked.subscriber_id, MOVE_REQUESTED)
        moved = consents.last(tx, asked.series_id, asked.subscriber_id, MOVED)
        target = subscribers.get(tx, grant.subscriber_id)
        is_due = latest == asked and (moved is None or moved.id < asked.id)
        if not is_due or target is None or subscribers.get(tx, asked.subscriber_id) is None:
            return None
        return _Move(asked.series_id, asked.subscriber_id, grant.subscriber_id, target)

    def confirm(self, tx: Connection, grant: Grant | None, evidence: Evidence) -> Came | None:
        """Change the address; INVALID where somebody gets mail there already, None for a link of no use."""
        move = self.find(tx, grant)
        if move is None:
            return None
        if move.to_id != move.subscriber_id:
            if self._is_taken(tx, move.to_id):
                return Came.INVALID
            subscribers.give_up_address(tx, move.to_id, evidence.at)
            hash_ = address_hash(move.to.address, self.salt)
            subscribers.readdress(tx, move.subscriber_id, move.to.address, hash_)
            forgetting.let_in(tx, hash_)
            self.limiting.confirmed(tx, move.to.address)
        consents.note(tx, move.series_id, move.subscriber_id, MOVED, evidence)
        return Came.TAKEN

    def _is_taken(self, tx: Connection, subscriber_id: int) -> bool:
        states = (subscribers.state(tx, one.id, subscriber_id) for one in series.every(tx))
        return any(state in (Consent.ACTIVE, Consent.PENDING) for state in states)
