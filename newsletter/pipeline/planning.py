"""Say what will happen: each slot to come, who gets it by the rule of release, what is in the way."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from newsletter.domain.cadence import clock_note
from newsletter.domain.finding import errors_of
from newsletter.domain.letter import Letter
from newsletter.domain.release import SlotState
from newsletter.domain.series import AppliedSeries
from newsletter.domain.subscriber import Verdict
from newsletter.errors import NewsletterError
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.pacing import Pacing
from newsletter.pipeline.releasing import held_for_size
from newsletter.store import audience, revisions, series, slots
from newsletter.store.database import Database
from newsletter.store.series import IssueRow
from newsletter.store.slots import Slot


@dataclass(frozen=True)
class PlannedSlot:
    """One slot to come; `excluded` counts those who will not get it, by verdict."""

    target: str
    subject: str
    local_date: date
    due_at: datetime
    zone: str
    recipients: int
    excluded: dict[str, int]
    blockers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    length: timedelta | None = None


@dataclass(frozen=True)
class Plan:
    """The weeks to come, and the issues of the files that have no slot."""

    slots: tuple[PlannedSlot, ...]
    unqueued: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def blockers(self) -> int:
        return sum(len(slot.blockers) for slot in self.slots)


@dataclass(frozen=True)
class Planning:
    """Read the queue and the audience; change nothing.

    `pacing` tells how long a send takes; None where the provider cannot be opened, or nothing is real.
    """

    database: Database
    composing: Composing
    pacing: Pacing | None = None

    def plan(self, now: datetime, weeks: int) -> Plan:
        """Plan the coming weeks."""
        letter = self.composing.letter()
        until = now + timedelta(weeks=weeks)
        with self.database.reading() as tx:
            every = slots.every(tx)
            cadences = {one.id: one.cadence for one in series.every(tx)}
        queued = [slot for slot in every if slot.state is SlotState.QUEUED]
        due = [(cadences[slot.series_id].due_at(slot.local_date), slot) for slot in queued]
        planned = tuple(
            self._slot(letter, slot, due_at, now) for due_at, slot in sorted(due, key=lambda one: one[0])
            if due_at <= until
        )  # fmt: skip
        placed = {slot.target for slot in every}
        unqueued = tuple(
            f"{one.slug}/{issue.id}"
            for one in letter.series.values()
            for issue in one.issues
            if f"{one.slug}/{issue.id}" not in placed
        )
        return Plan(planned, unqueued)

    def _slot(self, letter: Letter, slot: Slot, due_at: datetime, now: datetime) -> PlannedSlot:
        with self.database.reading() as tx:
            of = series.find(tx, slot.series)
            assert of is not None, "a slot has a series"
            counts = audience.counts(tx, slot.series_id, slot.issue_id, 0, now)
            approved = revisions.get(tx, slot.revision)
            row = next(one for one in series.issues(tx, slot.series_id) if one.id == slot.issue_id)
            recipients = counts.get(Verdict.DUE, 0)
            too_many = held_for_size(tx, of, recipients) if self.pacing else ""
        cadence = of.cadence
        note = clock_note(slot.local_date, cadence.time, cadence.zone)
        return PlannedSlot(
            target=slot.target,
            subject=approved.subject_line,
            local_date=slot.local_date,
            due_at=due_at,
            zone=cadence.zone,
            recipients=recipients,
            excluded={verdict.value: n for verdict, n in counts.items() if verdict is not Verdict.DUE},
            blockers=(
                *_paused(of, row),
                *([f"it will be held: {too_many}"] if too_many else []),
                *self._blockers(letter, slot, approved.source_hash),
            ),
            notes=(note,) if note else (),
            length=self.pacing.length(recipients, now) if self.pacing else None,
        )

    def _blockers(self, letter: Letter, slot: Slot, approved: str) -> list[str]:
        of = letter.series.get(slot.series)
        issue = of.issue(slot.issue) if of else None
        if of is None or issue is None:
            return ["its files are gone; what was approved is sent"]
        try:
            composed = self.composing.compose(letter, of, issue)
        except NewsletterError as error:
            return [str(error)]
        blockers = [f"{one.rule}: {one.what}" for one in errors_of(list(composed.findings))]
        if composed.revision.source_hash != approved:
            blockers.append(f"changed since approval; approve it with: newsletter queue {slot.target}")
        return blockers


def _paused(of: AppliedSeries, row: IssueRow) -> list[str]:
    paused = [name for name, at in ((of.slug, of.paused_at), (row.target, row.paused_at)) if at]
    return [f"{name} is paused; let it go on with: newsletter resume {name}" for name in paused]
