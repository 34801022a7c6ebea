"""Claims: find the next batch that is due, and take it by lease and epoch."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, insert, null, or_, select, update

from newsletter.domain.account import Lane
from newsletter.domain.delivery import Asked, Batch, BatchState, DeliveryState
from newsletter.domain.release import REAL, ReleaseState
from newsletter.domain.series import policy_of
from newsletter.domain.subscriber import Consent, is_mailable
from newsletter.domain.unknown import LEFT_ALONE, Policy
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
    batch.c.tainted, batch.c.epoch, batch.c.first_call_at, batch.c.last_call_at, batch.c.next_at,
    batch.c.inquiry, batch.c.frozen, batch.c.key_id,
)  # fmt: skip
_IS_READY = or_(
    and_(batch.c.state.in_((BatchState.PLANNED, BatchState.UNKNOWN)), batch.c.next_at <= _now),
    and_(batch.c.state == BatchState.SENDING, batch.c.lease_until <= _now),
)
_IS_OPEN = batch.c.state.in_((BatchState.PLANNED, BatchState.UNKNOWN, BatchState.SENDING))
_IS_OURS = batch.c.provider == bindparam("provider")
# What no call may have been made for can go out by another provider, if it is a real one.
_IS_FREE = and_(batch.c.state == BatchState.PLANNED, batch.c.tainted.is_(False))
_IS_REAL = release.c.occasion == REAL
# What a claim may take, now or later: nothing of a release, issue or series that is stopped.
_GOES_ON = (
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
_BULK = select(*_COLUMNS, series.c.settings).select_from(_WITH_SERIES).where(*_GOES_ON)
_BY_TURN = (batch.c.lane, release.c.due_at, batch.c.seq)
_IS_PRIORITY = and_(batch.c.release_id.is_(None), batch.c.lane == Lane.PRIORITY)
_PRIORITY = select(*_COLUMNS, null().label("settings")).where(_IS_PRIORITY).order_by(batch.c.id)


def _first(rows: Select[Any]) -> Select[Any]:
    return rows.where(_IS_READY).limit(1).with_for_update(of=batch, skip_locked=True)


_PICK_REAL = _first(_BULK.where(_IS_REAL, or_(_IS_OURS, _IS_FREE)).order_by(*_BY_TURN))
_PICK_REHEARSAL = _first(_BULK.where(~_IS_REAL, _IS_OURS).order_by(*_BY_TURN))
_PICK_FOREIGN = _first(_BULK.where(_IS_REAL, ~_IS_OURS).order_by(*_BY_TURN))
_PICK_PRIORITY_REAL = _first(_PRIORITY.where(or_(_IS_OURS, _IS_FREE)))
_PICK_PRIORITY_REHEARSAL = _first(_PRIORITY.where(_IS_OURS))
_GET = select(*_COLUMNS, null().label("settings")).where(batch.c.id == bindparam("batch_id"))
_INSTANT = func.min(case((batch.c.state == BatchState.SENDING, batch.c.lease_until), else_=batch.c.next_at))
_NEXT_BULK = select(_INSTANT).select_from(_WITH_SERIES).where(*_GOES_ON, _IS_OPEN)
_NEXT_REAL = _NEXT_BULK.where(_IS_REAL, or_(_IS_OURS, _IS_FREE))
_NEXT_REHEARSAL = _NEXT_BULK.where(~_IS_REAL, _IS_OURS)
_NEXT_FOREIGN = _NEXT_BULK.where(_IS_REAL, ~_IS_OURS, ~_IS_FREE)
_NEXT_PRIORITY = select(_INSTANT).where(_IS_PRIORITY, _IS_OPEN)
_NEXT_PRIORITY_REAL = _NEXT_PRIORITY.where(or_(_IS_OURS, _IS_FREE))
_NEXT_PRIORITY_REHEARSAL = _NEXT_PRIORITY.where(_IS_OURS)
_MEMBERS = (
    select(
        delivery.c.pos, delivery.c.subscriber_id, subscriber.c.address, subscriber.c.name,
        delivery.c.issue_id, delivery.c.occasion, issue.c.series_id, delivery.c.state,
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
    .where(
        delivery.c.batch_id == bindparam("batch_id"),
        delivery.c.state.in_((DeliveryState.PLANNED, DeliveryState.ACCEPTED)),
    )
    .order_by(delivery.c.pos)
)  # fmt: skip
_CLAIM = (
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(
        state=BatchState.SENDING,
        provider=bindparam("provider_"),
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
# A search makes no call: the batch stays unknown, and others leave it alone until the lease is over.
_TAKE_LOOK = (
    update(batch)
    .where(batch.c.id == bindparam("row_id"))
    .values(
        state=BatchState.UNKNOWN,
        tainted=True,
        epoch=bindparam("epoch_"),
        lease_owner=bindparam("owner"),
        next_at=bindparam("until", type_=Instant),
    )
)
_ADD_ATTEMPT = insert(attempt)
_EXPIRE_LEASES = (
    update(batch)
    .where(batch.c.state == BatchState.SENDING, batch.c.lease_until > _now)
    .values(lease_until=_now)
)


@dataclass(frozen=True)
class Picked:
    """A batch that may be claimed, what an earlier claim froze, and what its series wants if in doubt."""

    batch: Batch
    frozen: bytes | None
    key_id: str | None
    policy: Policy
    is_foreign: bool = False


@dataclass(frozen=True)
class Member:
    """A delivery of a batch, with the person's consent as it is now."""

    pos: int
    subscriber_id: int
    address: str | None
    name: str
    issue_id: int
    occasion: int
    series_id: int
    state: DeliveryState
    consent: str | None
    suppression: str | None

    @property
    def is_open(self) -> bool:
        """Tell whether nothing is known yet of this delivery alone."""
        return self.state is DeliveryState.PLANNED

    def may_get(self, *, needs_consent: bool) -> bool:
        """Tell whether mail may go to this person; a mail of no release needs no subscription."""
        return not self.why_not(needs_consent=needs_consent)

    def why_not(self, *, needs_consent: bool) -> str:
        """Say why no mail may go to this person; nothing where it may."""
        if self.address is None:
            return "forgotten"
        if self.suppression is not None:
            return self.suppression
        if needs_consent and self.consent != Consent.ACTIVE:
            return self.consent or "no subscription"
        return ""

    @property
    def is_mailable(self) -> bool:
        """Tell whether the address can stand in a call without harm to the others."""
        return self.address is not None and is_mailable(self.address)


def pick(tx: Connection, provider: str, lane: Lane, now: datetime, *, rehearsal: bool) -> Picked | None:
    """Find the next batch of a lane: one that is due, or one whose caller's lease ran out."""
    if lane is Lane.PRIORITY:
        statement = _PICK_PRIORITY_REHEARSAL if rehearsal else _PICK_PRIORITY_REAL
    else:
        statement = _PICK_REHEARSAL if rehearsal else _PICK_REAL
    row = tx.execute(statement, {"provider": provider, "now": now}).first()
    return _picked(row) if row else None


def pick_foreign(tx: Connection, provider: str, now: datetime) -> Picked | None:
    """Find a batch in doubt that was called through another provider, which has not come back for it."""
    row = tx.execute(_PICK_FOREIGN, {"provider": provider, "now": now - LEFT_ALONE}).first()
    return replace(_picked(row), is_foreign=True) if row else None


def get(tx: Connection, batch_id: int) -> Picked:
    """Read a batch."""
    return _picked(tx.execute(_GET, {"batch_id": batch_id}).one())


def members(tx: Connection, batch_id: int) -> list[Member]:
    """List the deliveries of a batch that are open or accepted, by position."""
    rows = tx.execute(_MEMBERS, {"batch_id": batch_id})
    return [Member(**{**row._asdict(), "state": DeliveryState(row.state)}) for row in rows]


def claim(
    tx: Connection,
    held: Batch,
    *,
    provider: str,
    owner: str,
    now: datetime,
    until: datetime,
    key_id: str,
    frozen: bytes,
) -> None:
    """Take the lease and note the attempt; the transaction must be durable before the call."""
    values = {
        "row_id": held.id,
        "provider_": provider,
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
    tx.execute(_ADD_ATTEMPT, row)


def take_look(tx: Connection, held: Batch, *, owner: str, until: datetime) -> None:
    """Keep others from searching for the same batch until then."""
    tx.execute(_TAKE_LOOK, {"row_id": held.id, "epoch_": held.epoch, "owner": owner, "until": until})


def expire_leases(tx: Connection, now: datetime) -> int:
    """End every lease; only for the one sender of a database, which knows that the owners are gone."""
    return tx.execute(_EXPIRE_LEASES, {"now": now}).rowcount


def next_instant(tx: Connection, provider: str, lane: Lane, *, rehearsal: bool) -> datetime | None:
    """Return when the next batch of a lane becomes ready by itself."""

    def earliest(statement: Select[Any]) -> datetime | None:
        found: datetime | None = tx.execute(statement, {"provider": provider}).scalar()
        return found

    if lane is Lane.PRIORITY:
        return earliest(_NEXT_PRIORITY_REHEARSAL if rehearsal else _NEXT_PRIORITY_REAL)
    if rehearsal:
        return earliest(_NEXT_REHEARSAL)
    own, foreign = earliest(_NEXT_REAL), earliest(_NEXT_FOREIGN)
    instants = [own, foreign + LEFT_ALONE if foreign is not None else None]
    return min((instant for instant in instants if instant is not None), default=None)


def _picked(row: Any) -> Picked:
    *values, inquiry, frozen, key_id, settings = row
    found = replace(Batch(*values), state=BatchState(row.state), asked=Asked(inquiry))
    # A mail that belongs to no release, such as a confirmation, is better twice than never.
    policy = policy_of(settings) if settings is not None else Policy.RESEND
    return Picked(found, frozen, key_id, policy)
