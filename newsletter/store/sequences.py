"""The issues of a sequence: in which order, which of them have begun, and which are on their way."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, exists, select

from newsletter.domain.release import FINAL, REAL, ReleaseState
from newsletter.domain.sequence import Part
from newsletter.store.tables import IS_OPEN, batch, delivery, issue, one_of, release, revision, slot

_PARTS = (
    select(issue.c.id, issue.c.slug, issue.c.position, issue.c.approved_revision, issue.c.paused_at)
    .where(
        issue.c.series_id == bindparam("series_id"), issue.c.kind == "issue", issue.c.cancelled_at.is_(None)
    )
    .order_by(issue.c.position)
)
_BEGUN = (
    select(issue.c.id)
    .where(
        issue.c.series_id == bindparam("series_id"),
        issue.c.kind == "issue",
        issue.c.cancelled_at.is_(None),
        exists(select(delivery.c.issue_id).where(delivery.c.issue_id == issue.c.id)),
    )
    .order_by(issue.c.position)
)
_GIVEN = (
    select(revision.c.issue_id)
    .join(batch, batch.c.revision == revision.c.hash)
    .where(batch.c.release_id.in_(bindparam("siblings", expanding=True)))
    .distinct()
)
_OPEN_ISSUES = (
    select(revision.c.issue_id)
    .join(batch, batch.c.revision == revision.c.hash)
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        release.c.id != bindparam("release_id"),
        release.c.occasion == REAL,
        release.c.state.not_in(FINAL),
        IS_OPEN,
    )
    .distinct()
)
_SUPERSEDED = (
    select(release.c.id)
    .join(slot, slot.c.id == release.c.slot_id)
    .where(
        slot.c.series_id == bindparam("series_id"),
        slot.c.id != bindparam("slot_id"),
        one_of(release.c.state, ReleaseState.HELD, ReleaseState.WAITING),
        release.c.prepared_to == 0,
    )
)


def parts(tx: Connection, series_id: int) -> list[Part]:
    """List the issues of a sequence in order; those that were taken out are none."""
    rows = tx.execute(_PARTS, {"series_id": series_id})
    return [
        Part(id_, slug, position, approved, paused_at is not None)
        for id_, slug, position, approved, paused_at in rows
    ]


def begun(tx: Connection, series_id: int) -> list[int]:
    """List the issues of a sequence that somebody has, or is to have, in order."""
    return list(tx.execute(_BEGUN, {"series_id": series_id}).scalars())


def given(tx: Connection, siblings: Sequence[int]) -> list[int]:
    """List the issues that some releases deal out."""
    return list(tx.execute(_GIVEN, {"siblings": siblings}).scalars())


def open_issues(tx: Connection, series_id: int, release_id: int) -> list[int]:
    """List the issues of a sequence that other releases are still sending."""
    values = {"series_id": series_id, "release_id": release_id}
    return list(tx.execute(_OPEN_ISSUES, values).scalars())


def superseded(tx: Connection, series_id: int, slot_id: int) -> list[int]:
    """List the releases of other slots of which nothing was prepared: what comes next has come."""
    return list(tx.execute(_SUPERSEDED, {"series_id": series_id, "slot_id": slot_id}).scalars())
