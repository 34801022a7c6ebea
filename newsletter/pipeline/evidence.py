"""Take what a provider reports later as evidence: once each, in any order. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from newsletter.domain.delivery import Batch, BatchState, DeliveryState, Record
from newsletter.domain.event import Event, Reference
from newsletter.domain.provider import Capabilities
from newsletter.store import batches, claims, events, picking, releases
from newsletter.store.database import Database

#: Where a delivery in one of these is heard of, the provider had accepted it after all.
_SURPRISED = frozenset(DeliveryState) - {DeliveryState.ACCEPTED}


@dataclass(frozen=True)
class Proved:
    """A new event with the delivery that it speaks of, if that is ours."""

    event: Event
    place: Reference | None = None
    subscriber_id: int | None = None


@dataclass(frozen=True)
class Evidence:
    """Apply events to the ledger; `capabilities` are those of the provider in use, if it is known.

    `others` are those that series name, as far as they are known.
    """

    database: Database
    capabilities: Capabilities | None
    deployment: str
    others: Sequence[Capabilities] = ()

    def record_event(self, event: Event, now: datetime) -> bool:
        """Keep an event and let it prove what it can; False for one that was known."""
        with self.database.writing(urgent=True) as tx:
            return bool(self.record(tx, [(event, self.place_of(event))], now))

    def place_of(self, event: Event) -> Reference | None:
        """Return the delivery that an event names, if it is one of this database."""
        place = Reference.parse(event.reference)
        return place if place is not None and place.deployment == self.deployment else None

    def record(
        self, tx: Connection, heard: Sequence[tuple[Event, Reference | None]], now: datetime
    ) -> list[Proved]:
        """Keep events and let them prove what they can; return those that were not known."""
        proved, marks = [], []
        new = events.add(tx, heard, now)
        known = events.find_all(tx, [place for _, place in new if place is not None])
        for event, place in new:
            found = known.get((place.batch_id, place.pos)) if place is not None else None
            if place is None or found is None:
                proved.append(Proved(event))
                continue
            proved.append(Proved(event, place, found.subscriber_id))
            marks.append((event, place))
            if not found.is_accepted:
                self._apply(tx, event, place, now)
        events.stamp(tx, marks)
        return proved

    def _apply(self, tx: Connection, event: Event, place: Reference, now: datetime) -> None:
        found = events.find(tx, place)
        if found is None:
            return
        if found.state in _SURPRISED and found.batch_state != BatchState.ACCEPTED:
            self._prove(tx, event, place)
        elif found.state not in (DeliveryState.ACCEPTED, DeliveryState.PLANNED):
            batches.accept(tx, place.batch_id, [place.pos])
        if found.release_id is not None:
            releases.settle(tx, found.release_id, now)

    def _prove(self, tx: Connection, event: Event, place: Reference) -> None:
        batches.accept(tx, place.batch_id, [place.pos])
        batch = picking.get(tx, place.batch_id).batch
        if self._proves_all(batch, event, place):
            self._tell_leavers(tx, batch)
            batches.record(tx, batch, Record(BatchState.ACCEPTED))

    def _proves_all(self, batch: Batch, event: Event, place: Reference) -> bool:
        known = (self.capabilities, *self.others)
        return (
            any(one and one.is_atomic and one.name == event.provider for one in known)
            and place.generation == batch.generation
            and batch.state in (BatchState.UNKNOWN, BatchState.SENDING)
        )

    def _tell_leavers(self, tx: Connection, batch: Batch) -> None:
        # Whoever left may have been missing from the call that was accepted.
        needs_consent = batch.release_id is not None
        left = {
            one.pos: "left while the outcome was unknown"
            for one in claims.members(tx, batch.id, needs_consent=needs_consent)
            if one.is_open and one.why_not
        }
        if batch.tainted:
            batches.mark(tx, batch.id, DeliveryState.UNKNOWN, left)
