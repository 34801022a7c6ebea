"""Approve: freeze the revision of an issue, and let it be the one that is sent. Decides nothing."""

from datetime import date, datetime
from difflib import unified_diff

from sqlalchemy import Connection

from newsletter.domain.pieces import plain
from newsletter.domain.queueing import Change, QueueEntry
from newsletter.domain.release import SlotState
from newsletter.domain.revision import Revision
from newsletter.domain.series import AppliedSeries
from newsletter.errors import Refused
from newsletter.pipeline.composing import Composed
from newsletter.pipeline.editing import note
from newsletter.store import revisions, series, slots
from newsletter.store.series import IssueRow


def approve(tx: Connection, row: IssueRow, one: Composed) -> tuple[str, ...]:
    """Approve an issue as it is composed now; return how it differs from what was approved before."""
    before = revisions.get(tx, row.approved_revision) if row.approved_revision else None
    revisions.add(tx, row.id, one.revision)
    for picture in one.media:
        revisions.add_media(tx, picture)
    series.change_issue(tx, row.id, approved_revision=one.revision.hash)
    return _difference(before, one.revision) if before else ()


def approve_part(
    tx: Connection,
    of: AppliedSeries,
    row: IssueRow,
    one: Composed,
    at: date | None,
    now: datetime,
) -> QueueEntry:
    """Approve an issue of a sequence, which has no date: everybody gets it when their turn comes."""
    if at is not None:
        raise Refused(
            f"{one.target} has no date: {of.slug} is a sequence",
            mend="leave out --at, or move it in the file",
        )
    is_new = row.approved_revision is None or row.cancelled_at is not None
    difference = approve(tx, row, one)
    is_same = row.approved_revision == one.revision.hash
    change = Change.APPROVED if is_new else Change.UNCHANGED if is_same else Change.RENEWED
    if change is not Change.UNCHANGED:
        series.change_issue(tx, row.id, cancelled_at=None)
        note(tx, now, "approve", one.target, {"revision": one.revision.hash})
    [slot] = (slot for slot in slots.of_series(tx, of.id) if slot.state is SlotState.QUEUED)
    return QueueEntry(
        target=one.target,
        change=change,
        subject=one.revision.subject_line,
        local_date=slot.local_date,
        due_at=of.cadence.due_at(slot.local_date),
        zone=of.cadence.zone,
        difference=difference if change is Change.RENEWED else (),
        each_zone=of.cadence.each_zone,
        in_turn=True,
    )


def _difference(before: Revision, after: Revision) -> tuple[str, ...]:
    def lines(one: Revision) -> list[str]:
        return [f"Subject: {one.subject_line}", f"Preheader: {one.preheader}", *plain(one.text).splitlines()]

    return tuple(unified_diff(lines(before), lines(after), "queued", "now", lineterm="", n=1))
