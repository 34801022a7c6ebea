"""Which issues of a series were sent for real, and with what wording last."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from newsletter.domain.archive import Published
from newsletter.domain.delivery import BatchState
from newsletter.domain.pieces import plain
from newsletter.domain.release import REAL
from newsletter.domain.revision import load
from newsletter.store.tables import batch, issue, release, revision, slot

# A release of a sequence has several issues, and each of its batches has one.
_its_issue = func.coalesce(slot.c.issue_id, revision.c.issue_id)
_sent = (
    select(
        _its_issue.label("issue_id"),
        batch.c.revision,
        func.min(release.c.due_at).label("first"),
        func.max(release.c.due_at).label("last"),
    )
    .join(release, release.c.id == batch.c.release_id)
    .join(slot, slot.c.id == release.c.slot_id)
    .join(revision, revision.c.hash == batch.c.revision)
    .where(
        slot.c.series_id == bindparam("series_id"),
        release.c.occasion == REAL,
        batch.c.state == BatchState.ACCEPTED,
    )
    .group_by(_its_issue, batch.c.revision)
    .subquery("sent")
)
_PUBLISHED = (
    select(
        issue.c.id, issue.c.slug, issue.c.position, _sent.c.revision, revision.c.subject,
        revision.c.preheader, _sent.c.first, _sent.c.last,
    )
    .join(_sent, _sent.c.issue_id == issue.c.id)
    .join(revision, revision.c.hash == _sent.c.revision)
    .where(issue.c.kind == "issue")
    .order_by(issue.c.position, issue.c.id, _sent.c.last)
)  # fmt: skip


def of_series(tx: Connection, series_id: int) -> list[Published]:
    """List the issues of a series that somebody was sent, in order, each with its latest wording."""
    found: dict[int, Published] = {}
    rows: Any = tx.execute(_PUBLISHED, {"series_id": series_id})
    for row in rows:
        before = found.get(row.id)
        first: datetime = row.first
        found[row.id] = Published(
            issue_id=row.id,
            slug=row.slug,
            position=row.position,
            revision=row.revision,
            title=plain(load(row.subject)),
            preheader=row.preheader,
            at=min(before.at, first) if before else first,
            updated_at=first,
        )
    return list(found.values())
