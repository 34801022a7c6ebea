"""Batches: claimed by lease and epoch, recorded with proof or behind the fence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from newsletter.domain.delivery import Batch, BatchState, DeliveryState, Record
from newsletter.domain.provider import Answer
from newsletter.domain.release import ReleaseState
from newsletter.domain.subscriber import Consent
from newsletter.store.tables import (
    Instant,
    attempt,
    batch,
    delivery,
    issue,
    release,
    series,
    slot,
    subscriber,
    subscription,
    suppression,
)

_now = bindparam("now", type_=Instant)
_COLUMNS = (
    batch.c.id, batch.c.release_id, batch.c.revision, batch.c.state, batch.c.seq, batch.c.generation,
    batch.c.tainted, batch.c.epoch, batch.c.first_call_at,
)  # fmt: skip
_IS_READY = or_(
    and_(batch.c.state.in_((BatchState.PLANNED, BatchState.UNKNOWN)), batch.c.next_at <= _now),
    and_(batch.c.state == BatchState.SENDING, batch.c.lease_until <= _now),
)
# What a claim may take, now or later: nothing of a release, issue or series that is stopped.
_GOES_ON = (
    batch.c.provider == bindparam("provider"),
    release.c.state == ReleaseState.SENDING,
    issue.c.paused_at.is_(None),
    issue.c.cancelled_at.is_(None),
    series.c.paused_at.is_(None),
)
_WITH_SERIES = (
    batch.join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == slot.c.issue_id)
    .join(series, series.c.id == slot.c.series_id)
)
_PICK = (
    select(*_COLUMNS, batch.c.frozen, batch.c.key_id)
    .select_from(_WITH_SERIES)
    .where(*_GOES_ON, _IS_READY)
    .order_by(batch.c.lane, release.c.due_at, batch.c.seq)
    .limit(1)
    .with_for_update(of=batch, skip_locked=True)
)
_GET = select(*_COLUMNS, batch.c.frozen, batch.c.key_id).where(batch.c.id == bindparam("batch_id"))
_NEXT_AT = (
    select(batch.c.state, batch.c.next_at, batch.c.lease_until)
    .select_from(_WITH_SERIES)
    .where(*_GOES_ON, batch.c.state.in_((BatchState.PLANNED, BatchState.UNKNOWN, BatchState.SENDING)))
)
_MEMBERS = (
    select(
        delivery.c.pos, delivery.c.subscriber_id, subscriber.c.address, subscriber.c.name,
        delivery.c.issue_id, delivery.c.occasion, issue.c.series_id,
        subscription.c.state.label("consent"), suppression.c.reason.label("suppression"),
    )
    .join(issue, issue.c.id == delivery.c.issue_id)
    .join(subscriber, subscriber.c.id == delivery.c.subscriber_id)
    .join(
        subscription,
        and_(
            subscription.c.series_id == issue.c.series_id,
            subscription.c.subscriber_id == delivery.c.subscriber_id,
        ),
        isouter=True,
    )
    .join(suppression, suppression.c.address_hash == subscriber.c.address_hash, isouter=True)
    .where(delivery.c.batch_id == bindparam("batch_id"), delivery.c.state == DeliveryState.PLANNED)
    .order_by(delivery.c.pos)
)  # fmt: skip
_CLAIM = (
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(
        state=BatchState.SENDING,
        epoch=bindparam("epoch_"),
        tainted=bindparam("tainted_"),
        lease_owner=bindparam("owner"),
        lease_until=bindparam("until", type_=Instant),
        first_call_at=bindparam("first", type_=Instant),
        last_call_at=_now,
        key_id=bindparam("key"),
        frozen=bindparam("blob"),
    )
)
_CHANGE = update(batch).where(batch.c.id == bindparam("row_id"))
_CHANGE_FENCED = _CHANGE.where(batch.c.epoch == bindparam("held_epoch"), batch.c.state == BatchState.SENDING)
_END_ATTEMPT = update(attempt).where(
    attempt.c.batch_id == bindparam("batch_id_"), attempt.c.epoch == bindparam("epoch_")
)
_SET_DELIVERY = update(delivery).where(
    delivery.c.batch_id == bindparam("batch_id_"), delivery.c.pos == bindparam("pos_")
)
_SET_ID = _SET_DELIVERY.values(provider_message_id=bindparam("message_id"))
_SET_STATE = _SET_DELIVERY.values(state=bindparam("state_"), reason=bindparam("reason_"))
_MOVE = _SET_DELIVERY.values(batch_id=bindparam("to_batch"), pos=bindparam("to_pos"))
_EXPIRE_LEASES = (
    update(batch)
    .where(batch.c.state == BatchState.SENDING, batch.c.lease_until > _now)
    .values(lease_until=_now)
)
_CANCEL_PLANNED = (
    update(batch)
    .where(
        batch.c.release_id == bindparam("release"),
        batch.c.state == BatchState.PLANNED,
        batch.c.tainted.is_(False),
    )
    .values(state=BatchState.CANCELLED, frozen=None)
)


@dataclass(frozen=True)
class Picked:
    """A batch that may be claimed, with what an earlier claim froze."""

    batch: Batch
    frozen: bytes | None
    key_id: str | None


@dataclass(frozen=True)
class Member:
    """A planned delivery of a batch, with the person's consent as it is now."""

    pos: int
    subscriber_id: int
    address: str | None
    name: str
    issue_id: int
    occasion: int
    series_id: int
    consent: str | None
    suppression: str | None

    def may_get(self, *, is_test: bool) -> bool:
        """Tell whether mail may go to this person; a test copy needs no subscription."""
        if self.address is None or self.suppression is not None:
            return False
        return is_test or self.consent == Consent.ACTIVE


def pick(tx: Connection, provider: str, now: datetime) -> Picked | None:
    """Find the next batch to call: one that is due, or one whose caller's lease ran out."""
    row = tx.execute(_PICK, {"provider": provider, "now": now}).first()
    return _picked(row) if row else None


def get(tx: Connection, batch_id: int) -> Picked:
    """Read a batch."""
    return _picked(tx.execute(_GET, {"batch_id": batch_id}).one())


def members(tx: Connection, batch_id: int) -> list[Member]:
    """List the planned deliveries of a batch by position."""
    return [Member(*row) for row in tx.execute(_MEMBERS, {"batch_id": batch_id})]


def claim(
    tx: Connection,
    held: Batch,
    *,
    owner: str,
    now: datetime,
    until: datetime,
    key_id: str,
    frozen: bytes,
) -> None:
    """Take the lease and note the attempt; the transaction must be durable before the call."""
    values = {
        "row_id": held.id,
        "epoch_": held.epoch,
        "tainted_": held.tainted,
        "owner": owner,
        "until": until,
        "first": held.first_call_at,
        "now": now,
        "key": key_id,
        "blob": frozen,
    }
    tx.execute(_CLAIM, values)
    row = {"batch_id": held.id, "epoch": held.epoch, "generation": held.generation, "started_at": now}
    tx.execute(insert(attempt), row)


def record(tx: Connection, held: Batch, outcome: Record) -> bool:
    """Write what an answer changed; False where the lease was lost and the answer proves nothing.

    A settled batch keeps no frozen addresses.
    """
    values: dict[str, Any] = {"state": outcome.state, "tainted": outcome.tainted, "next_at": outcome.next_at}
    if outcome.state not in (BatchState.PLANNED, BatchState.UNKNOWN):
        values["frozen"] = None
    if outcome.is_proof:
        tx.execute(_CHANGE.values(**values), {"row_id": held.id})
    elif not tx.execute(
        _CHANGE_FENCED.values(**values), {"row_id": held.id, "held_epoch": held.epoch}
    ).rowcount:
        return False
    if outcome.ids:
        rows = [{"batch_id_": held.id, "pos_": pos, "message_id": id_} for pos, id_ in outcome.ids.items()]
        tx.execute(_SET_ID, rows)
    mark(tx, held.id, DeliveryState.REJECTED, outcome.rejected)
    return True


def end_attempt(tx: Connection, held: Batch, answer: Answer, now: datetime) -> None:
    """Note how an attempt ended."""
    values = {
        "ended_at": now,
        "outcome": answer.outcome,
        "http_status": answer.status,
        "request_id": answer.request_id,
    }
    tx.execute(_END_ATTEMPT.values(**values), {"batch_id_": held.id, "epoch_": held.epoch})


def mark(tx: Connection, batch_id: int, state: DeliveryState, reasons: Mapping[int, str]) -> None:
    """Give single deliveries of a batch a state and a reason of their own, by position."""
    rows = [
        {"batch_id_": batch_id, "pos_": pos, "state_": state, "reason_": reason}
        for pos, reason in reasons.items()
    ]
    if rows:
        tx.execute(_SET_STATE, rows)


def set_state(tx: Connection, batch_id: int, **values: object) -> None:
    """Set columns of a batch."""
    tx.execute(_CHANGE.values(**values), {"row_id": batch_id})


def add(tx: Connection, row: Mapping[str, object]) -> int:
    """Insert one batch; return its id."""
    return int(tx.execute(insert(batch).returning(batch.c.id), row).scalar_one())


def add_delivery(tx: Connection, row: Mapping[str, object]) -> None:
    """Insert one delivery, of a test copy."""
    tx.execute(insert(delivery), row)


def row_of(tx: Connection, batch_id: int) -> Mapping[str, Any]:
    """Read every column of a batch."""
    return tx.execute(select(batch).where(batch.c.id == batch_id)).one()._asdict()


def move(tx: Connection, batch_id: int, positions: Sequence[int], to_batch: int) -> None:
    """Move deliveries to another batch, positions from 0."""
    rows = [
        {"batch_id_": batch_id, "pos_": pos, "to_batch": to_batch, "to_pos": number}
        for number, pos in enumerate(positions)
    ]
    tx.execute(_MOVE, rows)


def expire_leases(tx: Connection, now: datetime) -> int:
    """End every lease; only for the one sender of a database, which knows that the owners are gone."""
    return tx.execute(_EXPIRE_LEASES, {"now": now}).rowcount


def cancel_planned(tx: Connection, release_id: int) -> int:
    """Cancel the batches of a release that no call was made for; return how many."""
    return tx.execute(_CANCEL_PLANNED, {"release": release_id}).rowcount


def next_instant(tx: Connection, provider: str) -> datetime | None:
    """Return when the next batch becomes ready by itself."""
    instants = [
        row.lease_until if row.state == BatchState.SENDING else row.next_at
        for row in tx.execute(_NEXT_AT, {"provider": provider})
    ]
    return min((instant for instant in instants if instant is not None), default=None)


def _picked(row: Any) -> Picked:
    *values, frozen, key_id = row
    found = Batch(*values)
    return Picked(Batch(**{**found.__dict__, "state": BatchState(found.state)}), frozen, key_id)
