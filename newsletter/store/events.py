"""Provider events: each is kept once, and marks its delivery."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, or_, select, update

from newsletter.domain.delivery import DeliveryState
from newsletter.domain.event import Event, EventKind, Reference
from newsletter.store.database import insert_new
from newsletter.store.tables import Instant, batch, delivery, provider_event

_COLUMNS = {
    EventKind.DELIVERED: delivery.c.delivered_at,
    EventKind.BOUNCED: delivery.c.bounced_at,
    EventKind.COMPLAINED: delivery.c.complained_at,
}
_at = bindparam("at", type_=Instant)
_THIS = (delivery.c.batch_id == bindparam("batch_id_"), delivery.c.pos == bindparam("pos_"))
# The earliest counts, so that the order in which events come does not matter.
_STAMPS = {
    kind: update(delivery)
    .where(*_THIS)
    .values({column.name: case((or_(column.is_(None), column > _at), _at), else_=column)})
    for kind, column in _COLUMNS.items()
}
_FIND = (
    select(delivery.c.state, batch.c.release_id, batch.c.state.label("batch_state"))
    .join(batch, batch.c.id == delivery.c.batch_id)
    .where(*_THIS)
    .with_for_update(of=batch, key_share=True)
)


def add(tx: Connection, event: Event, place: Reference | None, now: datetime) -> bool:
    """Keep an event; False where it was kept before, and so was applied."""
    row = {
        "provider": event.provider,
        "event_id": event.id,
        "kind": event.kind,
        "batch_id": place.batch_id if place else None,
        "pos": place.pos if place else None,
        "raw": event.raw,
        "received_at": now,
    }
    statement = insert_new(tx, provider_event).returning(provider_event.c.event_id)
    return tx.execute(statement, row).first() is not None


def find(tx: Connection, place: Reference) -> tuple[DeliveryState, int | None, str] | None:
    """Return the state of a delivery, its release and the state of its batch; nobody else changes it now."""
    row: Any = tx.execute(_FIND, {"batch_id_": place.batch_id, "pos_": place.pos}).first()
    return (DeliveryState(row.state), row.release_id, row.batch_state) if row else None


def stamp(tx: Connection, place: Reference, kind: EventKind, at: datetime) -> None:
    """Note on the delivery when it was delivered, bounced or complained of; others leave no mark."""
    if kind in _STAMPS:
        tx.execute(_STAMPS[kind], {"batch_id_": place.batch_id, "pos_": place.pos, "at": at})
