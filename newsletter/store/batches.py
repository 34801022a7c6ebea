"""Batches and the deliveries in them: what an outcome changes, with proof or behind the fence."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update

from newsletter.domain.delivery import Asked, Batch, BatchState, DeliveryState, Record
from newsletter.store.hot import Hot
from newsletter.store.tables import Instant, batch, delivery, one_of

_now = bindparam("now", type_=Instant)
_ADD = insert(batch).returning(batch.c.id)
_ADD_EACH = insert(batch).returning(batch.c.id, sort_by_parameter_order=True)
_ADD_DELIVERY = insert(delivery)
_ROW = select(batch).where(batch.c.id == bindparam("row_id"))
_CHANGE = update(batch).where(batch.c.id == bindparam("row_id"))
_IS_HELD = (
    select(batch.c.id)
    .where(
        batch.c.id == bindparam("row_id"),
        batch.c.epoch == bindparam("held_epoch"),
        batch.c.state == bindparam("held_state"),
    )
    .with_for_update(key_share=True)
)
_OUTCOME = {
    "state": bindparam("state_"),
    "tainted": bindparam("tainted_"),
    "next_at": bindparam("next", type_=Instant),
    "inquiry": bindparam("asked"),
    "provider_message_id": func.coalesce(bindparam("shared"), batch.c.provider_message_id),
}
_FENCED = _CHANGE.where(
    batch.c.epoch == bindparam("held_epoch"), batch.c.state == bindparam("held_state")
).values(_OUTCOME)
_RECORD = Hot(_FENCED)
# A settled batch keeps no addresses.
_RECORD_SETTLED = Hot(_FENCED.values(frozen=None))
_SET_DELIVERY = update(delivery).where(
    delivery.c.batch_id == bindparam("batch_id_"), delivery.c.pos == bindparam("pos_")
)
_SET_ID = Hot(_SET_DELIVERY.values(provider_message_id=bindparam("message_id")))
# Of one call with one id for all of it.
_SET_SHARED_ID = _CHANGE.values(provider_message_id=bindparam("message_id"))
_SET_STATE = _SET_DELIVERY.where(delivery.c.state == DeliveryState.PLANNED).values(
    state=bindparam("state_"), reason=bindparam("reason_")
)
_ACCEPT = _SET_DELIVERY.values(state=DeliveryState.ACCEPTED, reason=None)
_MOVE = _SET_DELIVERY.values(
    batch_id=bindparam("to_batch"), pos=bindparam("to_pos"), state=DeliveryState.PLANNED, reason=None
)
_GROW = _CHANGE.values(members=batch.c.members + bindparam("by"))
_OPEN = (
    select(delivery.c.pos)
    .where(delivery.c.batch_id == bindparam("batch_id_"), delivery.c.state == DeliveryState.PLANNED)
    .order_by(delivery.c.pos)
)
_CLOSE_ACCEPTED = (
    _CHANGE.where(
        one_of(batch.c.state, BatchState.UNKNOWN, BatchState.PLANNED),
        ~exists().where(delivery.c.batch_id == batch.c.id, delivery.c.state == DeliveryState.PLANNED),
    )
    .values(state=BatchState.ACCEPTED, tainted=False, next_at=None, frozen=None)
)  # fmt: skip
_LEAVE_UNKNOWN = (
    update(delivery)
    .where(delivery.c.batch_id == bindparam("batch_id_"), delivery.c.state == DeliveryState.PLANNED)
    .values(state=DeliveryState.UNKNOWN, reason=bindparam("reason_"))
)
_RESTART = (
    update(batch)
    .where(
        batch.c.release_id == bindparam("release"),
        batch.c.state == BatchState.PLANNED,
        batch.c.tainted.is_(False),
    )
    .values(first_call_at=None, next_at=_now, frozen=None)
)
_COPY = ("release_id", "revision", "lane", "provider")


def add(tx: Connection, row: Mapping[str, object]) -> int:
    """Insert one batch; return its id."""
    return int(tx.execute(_ADD, row).scalar_one())


def notice(
    revision: str, provider: str, lane: int, now: datetime, *, next_at: datetime | None
) -> Mapping[str, object]:
    """Return the row of a batch that belongs to no release; without `next_at` no worker looks for it."""
    return {
        "revision": revision,
        "lane": lane,
        "provider": provider,
        "seq": 0,
        "members": 1,
        "state": BatchState.PLANNED,
        "formed_at": now,
        "next_at": next_at,
    }


def add_each(tx: Connection, rows: Sequence[Mapping[str, object]]) -> list[int]:
    """Insert batches; return their ids in order."""
    return list(tx.execute(_ADD_EACH, list(rows)).scalars())


def add_deliveries(tx: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert deliveries, of mails that belong to no release."""
    tx.execute(_ADD_DELIVERY, list(rows))


def add_delivery(tx: Connection, row: Mapping[str, object]) -> None:
    """Insert one delivery, of a mail that belongs to no release."""
    tx.execute(_ADD_DELIVERY, row)


def row_of(tx: Connection, batch_id: int) -> Mapping[str, Any]:
    """Read every column of a batch."""
    return tx.execute(_ROW, {"row_id": batch_id}).one()._asdict()


def set_state(tx: Connection, batch_id: int, **values: object) -> None:
    """Set columns of a batch."""
    tx.execute(_CHANGE.values(**values), {"row_id": batch_id})


def is_held(tx: Connection, held: Batch) -> bool:
    """Tell whether nobody took the batch since it was taken like this, and let nobody do so now."""
    fence = {"row_id": held.id, "held_epoch": held.epoch, "held_state": held.state}
    return tx.execute(_IS_HELD, fence).first() is not None


def record(tx: Connection, held: Batch, outcome: Record) -> bool:
    """Write what an answer to the holder changed; False where the lease was lost."""
    values = {
        "row_id": held.id,
        "held_epoch": held.epoch,
        "held_state": held.state,
        "state_": outcome.state,
        "tainted_": outcome.tainted,
        "next": outcome.next_at,
        "asked": outcome.asked,
        "shared": _shared(outcome.ids),
    }
    is_open = outcome.state in (BatchState.PLANNED, BatchState.UNKNOWN)
    if not (_RECORD if is_open else _RECORD_SETTLED).run(tx, values):
        return False
    if values["shared"] is None:
        note_ids(tx, held.id, outcome.ids)
    mark(tx, held.id, DeliveryState.REJECTED, outcome.rejected)
    return True


def note_ids(tx: Connection, batch_id: int, ids: Mapping[int, str]) -> None:
    """Keep the provider's ids of single deliveries, by position; one id for many is their batch's."""
    shared = _shared(ids)
    if shared is not None:
        tx.execute(_SET_SHARED_ID, {"row_id": batch_id, "message_id": shared})
    elif ids:
        rows = [{"batch_id_": batch_id, "pos_": pos, "message_id": id_} for pos, id_ in ids.items()]
        _SET_ID.run_each(tx, rows)


def mark(tx: Connection, batch_id: int, state: DeliveryState, reasons: Mapping[int, str]) -> None:
    """Give single open deliveries of a batch a state and a reason of their own, by position."""
    rows = [
        {"batch_id_": batch_id, "pos_": pos, "state_": state, "reason_": reason}
        for pos, reason in reasons.items()
    ]
    if rows:
        tx.execute(_SET_STATE, rows)


def accept(tx: Connection, batch_id: int, positions: Iterable[int]) -> None:
    """Count single deliveries as accepted, whatever they were taken for; close the batch if all are."""
    rows = [{"batch_id_": batch_id, "pos_": pos} for pos in positions]
    if rows:
        tx.execute(_ACCEPT, rows)
    tx.execute(_CLOSE_ACCEPTED, {"row_id": batch_id})


def open_positions(tx: Connection, batch_id: int) -> list[int]:
    """List the positions of the deliveries that say what their batch says."""
    return list(tx.execute(_OPEN, {"batch_id_": batch_id}).scalars())


def close_accepted(tx: Connection, batch_id: int) -> None:
    """Settle a batch of which every delivery has a state of its own by now."""
    tx.execute(_CLOSE_ACCEPTED, {"row_id": batch_id})


def leave_unknown(tx: Connection, batch_id: int, reason: str) -> None:
    """End the finding out: the open deliveries stay unknown, with the reason, and nothing more happens."""
    tx.execute(_LEAVE_UNKNOWN, {"batch_id_": batch_id, "reason_": reason})
    set_state(tx, batch_id, state=BatchState.CANCELLED, tainted=True, next_at=None, frozen=None)


def start_generation(tx: Connection, held: Batch, now: datetime) -> None:
    """Plan a batch anew under a new key, with nothing left of its doubt."""
    set_state(
        tx,
        held.id,
        state=BatchState.PLANNED,
        generation=held.generation + 1,
        # Whoever still holds the old lease must find it lost.
        epoch=held.epoch + 1,
        tainted=False,
        inquiry=Asked.NOT_YET,
        next_at=now,
        first_call_at=None,
        last_call_at=None,
        frozen=None,
    )


def split(
    tx: Connection, parent: Batch, groups: Sequence[Sequence[int]], first_seq: int, now: datetime
) -> None:
    """Give groups of positions a batch of their own each, numbered from `first_seq`."""
    row = row_of(tx, parent.id)
    for number, positions in enumerate(groups):
        new = {
            **{name: row[name] for name in _COPY},
            "seq": first_seq + number,
            "parent_id": parent.id,
            "generation": parent.generation + 1,
            "state": BatchState.PLANNED,
            "next_at": now,
            "formed_at": now,
            "members": 0,
        }
        move(tx, parent.id, positions, add(tx, new))


def move(tx: Connection, batch_id: int, positions: Sequence[int], to_batch: int) -> None:
    """Move deliveries to another batch, positions from 0."""
    rows = [
        {"batch_id_": batch_id, "pos_": pos, "to_batch": to_batch, "to_pos": number}
        for number, pos in enumerate(positions)
    ]
    if rows:
        tx.execute(_MOVE, rows)
        tx.execute(_GROW, {"row_id": batch_id, "by": -len(rows)})
        tx.execute(_GROW, {"row_id": to_batch, "by": len(rows)})


def restart(tx: Connection, release_id: int, now: datetime) -> None:
    """Try what no call was accepted for at once, and count its trying from the beginning."""
    tx.execute(_RESTART, {"release": release_id, "now": now})


def _shared(ids: Mapping[int, str]) -> str | None:
    """Return the one id that a provider gave to a call of many; None where each has its own."""
    first = next(iter(ids.values()), None)
    return first if len(ids) > 1 and all(id_ == first for id_ in ids.values()) else None
