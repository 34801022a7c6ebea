"""Find the next batch that is due, in the order in which they go; nothing is taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)

from newsletter.domain.account import Lane
from newsletter.domain.delivery import Asked, Batch, BatchState
from newsletter.domain.release import REAL, ReleaseState
from newsletter.domain.series import policy_of
from newsletter.domain.unknown import LEFT_ALONE, Policy
from newsletter.store.hot import Hot
from newsletter.store.tables import (
    IS_FRESH,
    IS_OPEN,
    IS_TRIED,
    Instant,
    batch,
    issue,
    one_of,
    release,
    revision,
    series,
    slot,
)

_now = bindparam("now", type_=Instant)
_COLUMNS = (
    batch.c.id, batch.c.release_id, batch.c.revision, batch.c.state, batch.c.seq, batch.c.generation,
    batch.c.tainted, batch.c.epoch, batch.c.first_call_at, batch.c.last_call_at, batch.c.next_at,
    batch.c.inquiry, batch.c.frozen, batch.c.key_id, batch.c.provider,
)  # fmt: skip
_IS_OURS = batch.c.provider == bindparam("provider")
# What another provider of this process has is left to that one.
_IS_LEFT = bindparam("others", type_=String).like(literal("%|") + batch.c.provider + literal("|%"))
# What no call may have been made for can go out by another provider, if it is a real one.
_IS_FREE = and_(batch.c.state == BatchState.PLANNED, batch.c.tainted.is_(False), ~_IS_LEFT)
# Keyed by whether only what was formed for the provider is taken.
_IS_MINE = {True: _IS_OURS, False: or_(_IS_OURS, _IS_FREE)}
_IS_READY = or_(
    and_(one_of(batch.c.state, BatchState.PLANNED, BatchState.UNKNOWN), batch.c.next_at <= _now),
    and_(batch.c.state == BatchState.SENDING, batch.c.lease_until <= _now),
)
_WITH_SERIES = (
    release.join(slot, slot.c.id == release.c.slot_id)
    .join(issue, issue.c.id == slot.c.issue_id, isouter=True)
    .join(series, series.c.id == slot.c.series_id)
)
# What a claim may take from, now or later, the earliest first: nothing that is stopped.
_GOING_ON = (
    select(release.c.id, release.c.due_at, series.c.settings["provider"].as_string().label("by"))
    .select_from(_WITH_SERIES)
    .where(
        release.c.state == ReleaseState.SENDING,
        issue.c.paused_at.is_(None),
        issue.c.cancelled_at.is_(None),
        series.c.paused_at.is_(None),
    )
    .order_by(release.c.due_at, release.c.id)
)
_REHEARSALS_GOING_ON = _GOING_ON.where(release.c.occasion != REAL)
_REAL_GOING_ON = _GOING_ON.where(release.c.occasion == REAL)
_SETTINGS = select(series.c.settings).select_from(_WITH_SERIES).where(release.c.id == bindparam("release_id"))
# In a sequence the issues of a release are stopped one by one.
_IS_STOPPED = exists(
    select(revision.c.hash)
    .join(issue, issue.c.id == revision.c.issue_id)
    .where(revision.c.hash == batch.c.revision, issue.c.paused_at.is_not(None))
)
_IS_OF_RELEASE = and_(batch.c.release_id == bindparam("release_id"), ~_IS_STOPPED)
_IS_PRIORITY = and_(batch.c.release_id.is_(None), batch.c.lane == Lane.PRIORITY)


# Of those that are due since the same instant the one that was made first, on every database.
_LONGEST_DUE = (batch.c.next_at, batch.c.id)


def _first(*where: ColumnElement[bool], by: Sequence[ColumnElement[Any]]) -> Hot:
    rows = select(*_COLUMNS).where(*where).order_by(*by).limit(1)
    return Hot(rows.with_for_update(of=batch, skip_locked=True, key_share=True))


# What is under way was ready when it was taken: so much less is looked at, where many are in doubt.
_IS_DUE = and_(batch.c.next_at <= _now, _IS_READY)
_IS_TRIED_AND_READY = and_(IS_TRIED, _IS_DUE)
# What was tried before goes first: a doubt is not to outlive what can clear it.
_TRIED = {
    of: _first(_IS_OF_RELEASE, _IS_TRIED_AND_READY, is_mine, by=_LONGEST_DUE)
    for of, is_mine in _IS_MINE.items()
}
_FRESH = {
    of: _first(_IS_OF_RELEASE, IS_FRESH, batch.c.next_at <= _now, is_mine, by=[batch.c.seq])
    for of, is_mine in _IS_MINE.items()
}
_FOREIGN = _first(_IS_OF_RELEASE, _IS_TRIED_AND_READY, ~_IS_OURS, ~_IS_LEFT, by=_LONGEST_DUE)
_PRIORITY = {
    of: _first(_IS_PRIORITY, IS_OPEN, _IS_DUE, is_mine, by=_LONGEST_DUE) for of, is_mine in _IS_MINE.items()
}


def _where_ready(going_on: Select[Any], is_mine: ColumnElement[bool]) -> Hot:
    # All that a claim has to know before it picks, in one question: NULL stands for the priority lane.
    has_tried = exists().where(batch.c.release_id == release.c.id, _IS_TRIED_AND_READY, is_mine)
    rows = union_all(
        select(
            null().label("id"), null().label("due_at"), null().label("by"), true().label("has_tried")
        ).where(exists().where(_IS_PRIORITY, IS_OPEN, _IS_DUE, is_mine)),
        going_on.order_by(None).add_columns(has_tried),
    )
    return Hot(rows)


_READY = {
    True: _where_ready(_REHEARSALS_GOING_ON, _IS_MINE[True]),
    False: _where_ready(_REAL_GOING_ON, _IS_MINE[False]),
}
_GET = select(*_COLUMNS).where(batch.c.id == bindparam("batch_id"))

_INSTANT = func.min(case((batch.c.state == BatchState.SENDING, batch.c.lease_until), else_=batch.c.next_at))
_TRIED_AT = {
    of: select(_INSTANT).where(_IS_OF_RELEASE, IS_TRIED, is_mine) for of, is_mine in _IS_MINE.items()
}
_FRESH_AT = {
    of: select(batch.c.next_at).where(_IS_OF_RELEASE, IS_FRESH, is_mine).order_by(batch.c.seq).limit(1)
    for of, is_mine in _IS_MINE.items()
}
_FOREIGN_AT = select(_INSTANT).where(_IS_OF_RELEASE, IS_TRIED, ~_IS_OURS, ~_IS_LEFT, ~_IS_FREE)
_PRIORITY_AT = {of: select(_INSTANT).where(_IS_PRIORITY, IS_OPEN, mine) for of, mine in _IS_MINE.items()}


@dataclass(frozen=True)
class Picked:
    """A batch that may be claimed, what an earlier claim froze, and what its series wants if in doubt.

    The policy of one that is not in doubt is not looked up.
    """

    batch: Batch
    frozen: bytes | None
    key_id: str | None
    policy: Policy
    is_foreign: bool = False
    provider: str = ""


class Beside(NamedTuple):
    """Whose mails a provider sends, and which others this process has beside it.

    `series` is what those series name whose mails go by it, "" for the default; None where it is for all.
    Every batch of a release is left to those of `real`, every other mail to all of `others`.
    """

    series: str | None = None
    others: frozenset[str] = frozenset()
    real: frozenset[str] = frozenset()

    def has(self, by: str | None) -> bool:
        """Tell whether what a series names is this provider."""
        return self.series is None or self.series == (by or "")


ALONE = Beside()


class Ready(NamedTuple):
    """Where something may be ready: releases that go on.

    Each with whether one that was tried is ready, and whether its series goes by another provider now.
    """

    has_priority: bool
    releases: tuple[tuple[int, bool, bool], ...]


def ready(tx: Connection, provider: str, now: datetime, *, rehearsal: bool, beside: Beside = ALONE) -> Ready:
    """Look where there may be something to take."""
    values = {"provider": provider, "now": now, "others": _listed(beside.real)}
    rows = _READY[rehearsal].rows(tx, values)
    # By their instants, in whatever form the database has them: each has only one. What may be left of a
    # series that goes elsewhere now is looked for last, because it takes long where there is none.
    going_on = sorted(
        (not beside.has(by), str(due_at), id_, bool(has_tried))
        for id_, due_at, by, has_tried in rows
        if id_ is not None
    )
    releases = tuple((id_, has_tried, is_elsewhere) for is_elsewhere, _, id_, has_tried in going_on)
    return Ready(has_priority=len(releases) < len(rows), releases=releases)


def pick_priority(
    tx: Connection, provider: str, now: datetime, *, rehearsal: bool, beside: Beside = ALONE
) -> Picked | None:
    """Find the next batch of no release: one that is due, or one whose caller's lease ran out."""
    values = {"provider": provider, "now": now, "others": _listed(beside.others)}
    row = _PRIORITY[rehearsal or bool(beside.series)].first(tx, values)
    return _picked(tx, row) if row else None


def pick(
    tx: Connection, provider: str, now: datetime, where: Ready, *, rehearsal: bool, beside: Beside = ALONE
) -> Picked | None:
    """Find the next batch of a release: one that is due, or one whose caller's lease ran out."""
    others = _listed(beside.real)
    for release_id, has_tried, is_elsewhere in where.releases:
        of = rehearsal or is_elsewhere
        for statement in (_TRIED[of], _FRESH[of]) if has_tried else (_FRESH[of],):
            values = {"provider": provider, "now": now, "release_id": release_id, "others": others}
            row = statement.first(tx, values)
            if row:
                return _picked(tx, row)
    return None


def pick_foreign(
    tx: Connection, provider: str, now: datetime, where: Ready, *, beside: Beside = ALONE
) -> Picked | None:
    """Find a batch in doubt that was called through another provider, which has not come back for it."""
    now, others = now - LEFT_ALONE, _listed(beside.real)
    for release_id, _, _ in where.releases:
        values = {"provider": provider, "now": now, "release_id": release_id, "others": others}
        row = _FOREIGN.first(tx, values)
        if row:
            return replace(_picked(tx, row), is_foreign=True)
    return None


def get(tx: Connection, batch_id: int) -> Picked:
    """Read a batch."""
    return _picked(tx, tx.execute(_GET, {"batch_id": batch_id}).one())


def next_instant(
    tx: Connection, provider: str, lane: Lane, *, rehearsal: bool, beside: Beside = ALONE
) -> datetime | None:
    """Return when the next batch of a lane becomes ready by itself."""
    if lane is Lane.PRIORITY:
        values = {"provider": provider, "others": _listed(beside.others)}
        return _earliest(tx, [_PRIORITY_AT[rehearsal or bool(beside.series)]], values)
    instants, others = [], _listed(beside.real)
    for release_id, _, by in tx.execute(_REHEARSALS_GOING_ON if rehearsal else _REAL_GOING_ON):
        values = {"provider": provider, "release_id": release_id, "others": others}
        of = rehearsal or not beside.has(by)
        instants.append(_earliest(tx, [_TRIED_AT[of], _FRESH_AT[of]], values))
        if not rehearsal and (foreign := _earliest(tx, [_FOREIGN_AT], values)) is not None:
            instants.append(foreign + LEFT_ALONE)
    return min((instant for instant in instants if instant is not None), default=None)


def _listed(names: frozenset[str]) -> str:
    return f"|{'|'.join(sorted(names))}|"


def _earliest(
    tx: Connection, statements: Sequence[Select[Any]], values: Mapping[str, object]
) -> datetime | None:
    instants = [tx.execute(statement, values).scalar() for statement in statements]
    return min((instant for instant in instants if instant is not None), default=None)


def _picked(tx: Connection, row: Any) -> Picked:
    *values, inquiry, frozen, key_id, provider = row
    found = Batch(*values)
    found = replace(found, state=BatchState(found.state), asked=Asked(inquiry))
    return Picked(found, frozen, key_id, _policy(tx, found), provider=provider)


def _policy(tx: Connection, found: Batch) -> Policy:
    # A mail that belongs to no release, such as a confirmation, is better twice than never.
    if found.release_id is None:
        return Policy.RESEND
    if not found.tainted and found.state is BatchState.PLANNED:
        return Policy.HOLD
    return policy_of(tx.execute(_SETTINGS, {"release_id": found.release_id}).scalar_one())
