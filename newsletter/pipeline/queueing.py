"""Queue and cancel: apply a series to the database, freeze revisions, give slots. Decides nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from importlib.metadata import version

from sqlalchemy import Connection

from newsletter.domain.finding import Finding, Severity
from newsletter.domain.letter import Letter
from newsletter.domain.queueing import (
    Change,
    QueueEntry,
    chosen_date,
    free_date,
    merged,
    starts_note,
)
from newsletter.domain.release import FINAL, ReleaseState, SlotState
from newsletter.domain.series import Mode, Series
from newsletter.errors import CheckFailed, Refused, UnknownTarget
from newsletter.pipeline.applying import apply
from newsletter.pipeline.approving import approve, approve_part
from newsletter.pipeline.composing import Composed, Composing
from newsletter.pipeline.editing import Undo, keep, note
from newsletter.pipeline.following import new_dates
from newsletter.pipeline.queue import QueueRow, queue_rows
from newsletter.pipeline.showing import show_again
from newsletter.pipeline.slotting import follow_cadence
from newsletter.store import deliveries, releases, revisions, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot


class NotReady(CheckFailed):
    """The checks found errors, so nothing was queued."""

    exit_code = 1

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(
            f"{len(findings)} errors block queueing" if len(findings) > 1 else "1 error blocks queueing"
        )
        self.findings = tuple(findings)


@dataclass(frozen=True)
class Queueing:
    """Approve revisions and give them slots."""

    database: Database
    composing: Composing

    def queue(
        self, names: Sequence[str], *, now: datetime, at: date | None = None, dry_run: bool = False
    ) -> list[QueueEntry]:
        """Queue issues, or with `dry_run` tell what queueing would do.

        Raises NotReady where a check found errors, Refused where a rule stands against it; all or nothing.
        """
        letter = self.composing.letter()
        wanted = [pair for name in names for pair in self.composing.issues(letter, name)]
        if at is not None and len(wanted) != 1:
            raise Refused("--at takes one issue", mend="name it as series/issue")
        composed = [self.composing.compose(letter, of, issue) for of, issue in dict.fromkeys(wanted)]
        self._check(letter, composed)
        entries: list[QueueEntry] = []
        try:
            with self.database.writing() as tx:
                for slug in dict.fromkeys(one.series.slug for one in composed):
                    has_new_order = apply(tx, self.composing, letter, letter.series[slug])
                    if letter.series[slug].mode is Mode.SEQUENCE:
                        follow_cadence(tx, slug, now)
                    else:
                        entries += self._deal(tx, letter.series[slug], has_new_order, now)
                entries = merged(entries, [self._queue_one(tx, one, at, now) for one in composed])
                for slug in {one.series.slug for one in composed}:
                    self._show(tx, slug)
                if dry_run:
                    raise Undo
        except Undo:
            pass
        return entries

    def swap(self, first: str, second: str, now: datetime) -> list[QueueEntry]:
        """Let two queued issues of one series change places."""
        with self.database.writing() as tx:
            one, other = self._queued_slot(tx, first), self._queued_slot(tx, second)
            if one.id == other.id:
                raise Refused(f"{one.target} is named twice", mend="name two queued issues")
            if one.series_id != other.series_id:
                raise Refused(f"{one.target} and {other.target} are of different series")
            for slot in sorted((one, other), key=lambda slot: slot.id):
                keep(tx, slot)
            for slot, taken in ((one, other), (other, one)):
                slots.change(tx, slot.id, issue_id=taken.issue_id, revision=taken.revision, pinned=True)
            note(tx, now, "swap", one.target, {"with": other.target})
            return [
                self._entry(tx, replace(slot, issue=taken.issue), Change.MOVED, moved_from=taken.local_date)
                for slot, taken in ((one, other), (other, one))
            ]

    def rows(self) -> list[QueueRow]:
        """List the queue, past and to come, by date."""
        with self.database.reading() as tx:
            return queue_rows(tx)

    def _check(self, letter: Letter, composed: Sequence[Composed]) -> None:
        findings = self.composing.check_composed(letter, composed)
        errors = [found for found in dict.fromkeys(findings) if found.severity is Severity.ERROR]
        if errors:
            raise NotReady(errors)

    def _deal(self, tx: Connection, of: Series, has_new_order: bool, now: datetime) -> list[QueueEntry]:
        """Let what is queued follow an edit of the cadence or of the order."""
        applied = series.find(tx, of.slug)
        assert applied is not None, "applied just before"
        every = slots.of_series(tx, applied.id)
        waiting = {slot.issue: slot for slot in every if slot.state is SlotState.QUEUED}
        shifted = {shift.target: str(shift) for shift in show_again(tx, applied)}
        moves = new_dates(of, every, now, is_reordered=has_new_order)
        moved = [waiting[issue] for issue in moves]
        for slot in sorted(moved, key=lambda slot: slot.id):
            keep(tx, slot)
            slots.drop(tx, slot.id)
        for slot in moved:
            day = moves[slot.issue]
            slots.add(tx, slot.series_id, slot.issue_id, day, slot.revision, version("tzdata"))
            note(tx, now, "move", slot.target, {"date": day.isoformat(), "was": slot.local_date.isoformat()})
        return [
            *(
                self._entry(
                    tx, replace(slot, local_date=moves[slot.issue]), Change.MOVED, moved_from=slot.local_date
                )
                for slot in moved
            ),
            *(
                replace(self._entry(tx, slot, Change.MOVED), note=shifted[slot.target])
                for issue, slot in waiting.items()
                if slot.target in shifted and issue not in moves
            ),
        ]

    def _show(self, tx: Connection, slug: str) -> None:
        """Keep the instants that people are shown now, to tell later what changed them."""
        if (applied := series.find(tx, slug)) is not None:
            show_again(tx, applied)

    def _queue_one(self, tx: Connection, one: Composed, at: date | None, now: datetime) -> QueueEntry:
        of = series.find(tx, one.series.slug)
        assert of is not None, "applied just before"
        row = next(row for row in series.issues(tx, of.id) if row.slug == one.issue.id)
        if of.is_sequence:
            return approve_part(tx, of, row, one, at, now)
        taken = slots.of_series(tx, of.id)
        slot = _current(tx, taken, row)
        if slot is not None and slot.state is SlotState.RELEASED:
            return self._entry(tx, slot, Change.SENT)
        if slot is not None:
            keep(tx, slot)
        difference = approve(tx, row, one)
        if slot is None:
            dates = {other.local_date: other.target for other in taken}
            day = (
                chosen_date(of.cadence, at, dates, one.target, now)
                if at
                else free_date(of.cadence, dates, now)
            )
            deliveries.free_cancelled(tx, row.id)
            pinned = at is not None
            slots.add(tx, of.id, row.id, day, one.revision.hash, version("tzdata"), pinned=pinned)
            note(tx, now, "queue", one.target, {"date": day.isoformat(), "revision": one.revision.hash})
            added = next(other for other in slots.of_series(tx, of.id) if other.local_date == day)
            return replace(self._entry(tx, added, Change.ADDED), note=starts_note(of.cadence, now))
        if at is not None and at != slot.local_date:
            dates = {other.local_date: other.target for other in taken}
            chosen_date(of.cadence, at, dates, one.target, now)
            slots.change(tx, slot.id, local_date=at, revision=one.revision.hash, pinned=True)
            note(tx, now, "move", one.target, {"date": at.isoformat(), "revision": one.revision.hash})
            moved = replace(slot, local_date=at)
            return self._entry(tx, moved, Change.MOVED, moved_from=slot.local_date, difference=difference)
        if at is not None:
            slots.change(tx, slot.id, pinned=True)
        if slot.revision == one.revision.hash:
            return self._entry(tx, slot, Change.UNCHANGED)
        slots.change(tx, slot.id, revision=one.revision.hash)
        note(tx, now, "renew", one.target, {"revision": one.revision.hash})
        return self._entry(
            tx, replace(slot, revision=one.revision.hash), Change.RENEWED, difference=difference
        )

    def _entry(
        self,
        tx: Connection,
        slot: Slot,
        change: Change,
        *,
        moved_from: date | None = None,
        difference: tuple[str, ...] = (),
    ) -> QueueEntry:
        of = series.find(tx, slot.series)
        assert of is not None, "a slot has a series"
        return QueueEntry(
            target=slot.target,
            change=change,
            subject=revisions.get(tx, slot.revision).subject_line if slot.revision else "",
            local_date=slot.local_date,
            due_at=of.cadence.due_at(slot.local_date),
            zone=of.cadence.zone,
            moved_from=moved_from,
            difference=difference,
            each_zone=of.cadence.each_zone,
        )

    def _queued_slot(self, tx: Connection, name: str) -> Slot:
        found = [one for one in slots.queued(tx) if name in (one.target, one.issue)]
        if len(found) != 1:
            raise UnknownTarget(f"no queued issue is called {name!r}", mend="see: newsletter queue")
        return found[0]


def _current(tx: Connection, taken: Sequence[Slot], row: IssueRow) -> Slot | None:
    """Return the slot that an issue has; one that was only rehearsed or cancelled does not count."""
    for slot in taken:
        if slot.issue_id != row.id:
            continue
        if slot.state is SlotState.QUEUED:
            return slot
        kinds = [(one.is_rehearsal, one.state) for one in releases.of_slot(tx, slot.id)]
        if any(not rehearsal and state is not ReleaseState.CANCELLED for rehearsal, state in kinds):
            return slot
        if any(state not in FINAL for _, state in kinds):
            return slot
    return None
