"""Queue and cancel: apply a series to the database, freeze revisions, give slots. Decides nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from difflib import unified_diff
from hashlib import sha256
from importlib.metadata import version

from sqlalchemy import Connection

from newsletter.domain.dealing import is_reordered
from newsletter.domain.finding import Finding, Severity
from newsletter.domain.letter import Letter
from newsletter.domain.pieces import plain
from newsletter.domain.queueing import (
    Change,
    QueueEntry,
    chosen_date,
    free_date,
    merged,
    renamed,
    starts_note,
)
from newsletter.domain.release import FINAL, Release, ReleaseState, SlotState, telling
from newsletter.domain.revision import Revision
from newsletter.domain.series import Series, to_settings
from newsletter.domain.zones import opens_at
from newsletter.errors import CheckFailed, Refused, UnknownTarget
from newsletter.pipeline.composing import Composed, Composing
from newsletter.pipeline.following import new_dates
from newsletter.pipeline.showing import show_again
from newsletter.store import batches, deliveries, releases, revisions, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class QueueRow:
    """One line of the queue; `counts` are its deliveries by state once it was released.

    Of a slot that has several releases it names the one that says most, and the recipients of all.
    """

    slot: Slot
    due_at: datetime
    zone: str
    release: Release | None
    counts: dict[str, int]
    planned: int = 0
    each_zone: time | None = None


@dataclass(frozen=True)
class Cancelled:
    """What a cancel did: the date it freed, or how many deliveries it stopped and how many had gone."""

    target: str
    freed: date | None = None
    stopped: int = 0
    gone: int = 0


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
        self._check(composed)
        entries: list[QueueEntry] = []
        try:
            with self.database.writing() as tx:
                for slug in dict.fromkeys(one.series.slug for one in composed):
                    has_new_order = self._apply(tx, letter, letter.series[slug])
                    entries += self._deal(tx, letter.series[slug], has_new_order, now)
                entries = merged(entries, [self._queue_one(tx, one, at, now) for one in composed])
                for slug in {one.series.slug for one in composed}:
                    self._show(tx, slug)
                if dry_run:
                    raise _Undo
        except _Undo:
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
                _keep(tx, slot)
            for slot, taken in ((one, other), (other, one)):
                slots.change(tx, slot.id, issue_id=taken.issue_id, revision=taken.revision, pinned=True)
            _note(tx, now, "swap", one.target, {"with": other.target})
            return [
                self._entry(tx, replace(slot, issue=taken.issue), Change.MOVED, moved_from=taken.local_date)
                for slot, taken in ((one, other), (other, one))
            ]

    def rows(self) -> list[QueueRow]:
        """List the queue, past and to come, by date."""
        with self.database.reading() as tx:
            by_id = {one.id: one for one in series.every(tx)}
            counted = deliveries.counts(tx)
            rows = []
            for slot in slots.every(tx):
                cadence = by_id[slot.series_id].cadence
                found = releases.of_slot(tx, slot.id)
                counts: Counter[str] = Counter()
                for one in found:
                    counts.update(counted.get(one.id, {}))
                due_at = found[0].due_at if found else opens_at(cadence, slot.local_date)
                planned = sum(one.planned for one in found)
                rows.append(
                    QueueRow(
                        slot, due_at, cadence.zone, telling(found), dict(counts), planned, cadence.each_zone
                    )
                )
        return sorted(rows, key=lambda row: row.due_at)

    def cancel(self, name: str, now: datetime, *, dry_run: bool = False) -> list[Cancelled]:
        """Free the slots of a TARGET, or stop what is left of their sends."""
        try:
            with self.database.writing() as tx:
                found = [slot for slot in slots.every(tx) if _means(name, slot)]
                done = [one for slot in found if (one := self._cancel_one(tx, slot, now)) is not None]
                if not done:
                    raise UnknownTarget(
                        f"nothing of {name!r} is queued or being sent", mend="see: newsletter queue"
                    )
                _note(tx, now, "cancel", name, {})
                if dry_run:
                    raise _Undo
        except _Undo:
            pass
        return done

    def _check(self, composed: Sequence[Composed]) -> None:
        names = dict.fromkeys(one.target for one in composed)
        findings = [found for name in names for found in self.composing.check(name)]
        errors = [found for found in dict.fromkeys(findings) if found.severity is Severity.ERROR]
        if errors:
            raise NotReady(errors)

    def _apply(self, tx: Connection, letter: Letter, of: Series) -> bool:
        """Bring a series of the database up to date; tell whether its issues come in another order."""
        hashes = [self.composing.source_hash(letter, of, issue) for issue in of.issues]
        for old in of.previously:
            before = series.find(tx, old)
            if before and series.find(tx, of.slug) is None:
                series.rename(tx, before.id, of.slug)
        series_id = series.apply(tx, of.slug, to_settings(of), _digest(hashes))
        known = {row.slug: row for row in series.issues(tx, series_id)}
        used = {slug for slug, row in known.items() if series.is_used(tx, row.id)}
        for old, new in renamed(of, known, used).items():
            series.change_issue(tx, known[old].id, slug=new)
            known[new] = known.pop(old)
        for slug in [slug for slug in known if of.issue(slug) is None]:
            series.drop_issue(tx, known.pop(slug).id)
        order = sorted(known, key=lambda slug: known[slug].position)
        for position, issue in enumerate(of.issues, 1):
            if issue.id in known:
                series.change_issue(tx, known[issue.id].id, position=position)
            else:
                series.add_issue(tx, series_id, issue.id, position)
        return is_reordered(order, [issue.id for issue in of.issues])

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
            _keep(tx, slot)
            slots.drop(tx, slot.id)
        for slot in moved:
            day = moves[slot.issue]
            slots.add(tx, slot.series_id, slot.issue_id, day, slot.revision, version("tzdata"))
            _note(tx, now, "move", slot.target, {"date": day.isoformat(), "was": slot.local_date.isoformat()})
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
        taken = slots.of_series(tx, of.id)
        slot = _current(tx, taken, row)
        if slot is not None and slot.state is SlotState.RELEASED:
            return self._entry(tx, slot, Change.SENT)
        if slot is not None:
            _keep(tx, slot)
        difference = self._approve(tx, row, one)
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
            _note(tx, now, "queue", one.target, {"date": day.isoformat(), "revision": one.revision.hash})
            added = next(other for other in slots.of_series(tx, of.id) if other.local_date == day)
            return replace(self._entry(tx, added, Change.ADDED), note=starts_note(of.cadence, now))
        if at is not None and at != slot.local_date:
            dates = {other.local_date: other.target for other in taken}
            chosen_date(of.cadence, at, dates, one.target, now)
            slots.change(tx, slot.id, local_date=at, revision=one.revision.hash, pinned=True)
            _note(tx, now, "move", one.target, {"date": at.isoformat(), "revision": one.revision.hash})
            moved = replace(slot, local_date=at)
            return self._entry(tx, moved, Change.MOVED, moved_from=slot.local_date, difference=difference)
        if at is not None:
            slots.change(tx, slot.id, pinned=True)
        if slot.revision == one.revision.hash:
            return self._entry(tx, slot, Change.UNCHANGED)
        slots.change(tx, slot.id, revision=one.revision.hash)
        _note(tx, now, "renew", one.target, {"revision": one.revision.hash})
        return self._entry(
            tx, replace(slot, revision=one.revision.hash), Change.RENEWED, difference=difference
        )

    def _approve(self, tx: Connection, row: IssueRow, one: Composed) -> tuple[str, ...]:
        before = revisions.get(tx, row.approved_revision) if row.approved_revision else None
        revisions.add(tx, row.id, one.revision)
        for picture in one.media:
            revisions.add_media(tx, picture)
        series.change_issue(tx, row.id, approved_revision=one.revision.hash)
        return _difference(before, one.revision) if before else ()

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
            subject=revisions.get(tx, slot.revision).subject_line,
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

    def _cancel_one(self, tx: Connection, slot: Slot, now: datetime) -> Cancelled | None:
        if slot.state is SlotState.QUEUED:
            _keep(tx, slot)
            slots.drop(tx, slot.id)
            return Cancelled(slot.target, freed=slot.local_date)
        open_ = [one for one in releases.of_slot(tx, slot.id) if one.state not in FINAL]
        if not open_:
            return None
        for release in open_:
            batches.cancel(tx, release.id, now)
            releases.change(tx, release.id, state=ReleaseState.CANCELLED, reason="cancelled", waiting=0)
            # Whoever was preparing it kept the release until now, and has planned more.
            batches.cancel(tx, release.id, now)
        counts = [deliveries.counts_of(tx, release.id) for release in open_]
        stopped = sum(one.get("cancelled", 0) for one in counts)
        return Cancelled(
            slot.target, stopped=stopped, gone=sum(sum(one.values()) for one in counts) - stopped
        )


class _Undo(Exception):
    """Ends a dry run: the transaction is rolled back."""


def _keep(tx: Connection, slot: Slot) -> None:
    """Let nobody release or change a slot before the transaction ends."""
    if not slots.is_unchanged(tx, slot):
        raise Refused(f"{slot.target} has just been released or changed", mend="see: newsletter queue")


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


def _difference(before: Revision, after: Revision) -> tuple[str, ...]:
    def lines(one: Revision) -> list[str]:
        return [f"Subject: {one.subject_line}", f"Preheader: {one.preheader}", *plain(one.text).splitlines()]

    return tuple(unified_diff(lines(before), lines(after), "queued", "now", lineterm="", n=1))


def _digest(hashes: Sequence[str]) -> str:
    return sha256("".join(hashes).encode()).hexdigest()


def _means(name: str, slot: Slot) -> bool:
    return name in (slot.series, slot.target, slot.issue)


def _note(tx: Connection, now: datetime, what: str, target: str, detail: dict[str, object]) -> None:
    deliveries.note(tx, {"at": now, "what": what, "target": target, "detail": detail})
