"""Say what will happen: each slot to come, who gets it by the rule of release, what is in the way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice, takewhile

from sqlalchemy import Connection

from newsletter.domain.cadence import Cadence, clock_note
from newsletter.domain.dealing import is_reordered
from newsletter.domain.finding import errors_of
from newsletter.domain.letter import Letter
from newsletter.domain.obstacles import (
    hour_passed,
    other_provider,
    over_days,
    paused,
    too_slow,
    unknown_provider,
    waited_for,
)
from newsletter.domain.plan import EmptySlot, Plan, PlannedMove, PlannedSlot, PlannedWave
from newsletter.domain.release import REAL, SlotState
from newsletter.domain.sequence import Part
from newsletter.domain.series import AppliedSeries, Mode, Series
from newsletter.domain.subscriber import Verdict
from newsletter.domain.zones import opens_at, waves
from newsletter.errors import NewsletterError
from newsletter.pipeline.composing import Composing
from newsletter.pipeline.following import new_dates
from newsletter.pipeline.pacing import Paces
from newsletter.pipeline.releasing import held_for_size
from newsletter.pipeline.sequence_plan import weeks_of
from newsletter.store import audience, releases, revisions, series, slots
from newsletter.store.database import Database
from newsletter.store.slots import Slot

_ByZone = Mapping[tuple[str, Verdict], int]


@dataclass(frozen=True)
class Planning:
    """Read the queue and the audience; change nothing.

    `paces` tell how long a send takes, by those providers that can be opened, and are real.
    """

    database: Database
    composing: Composing
    paces: Paces

    def plan(self, now: datetime, weeks: int) -> Plan:
        """Plan the coming weeks."""
        letter = self.composing.letter()
        until = now + timedelta(weeks=weeks)
        with self.database.reading() as tx:
            every = slots.every(tx)
            applied = {one.id: one for one in series.every(tx)}
            cadences = {id_: one.cadence for id_, one in applied.items()}
            real = {one.slot_id for one in releases.every(tx) if not one.is_rehearsal}
            issues = series.issues(tx)
        order = [(row.series, row.slug) for row in issues]
        approved = {
            row.target for row in issues if applied[row.series_id].is_sequence and row.approved_revision
        }
        queued = [slot for slot in every if slot.state is SlotState.QUEUED]
        due = [(opens_at(cadences[slot.series_id], slot.local_date), slot) for slot in queued]
        counted: dict[object, _ByZone] = {}
        planned = [
            one
            for due_at, slot in due
            if due_at <= until
            for one in (
                self._sequence(letter, slot, applied[slot.series_id], now, until)
                if applied[slot.series_id].is_sequence
                else [self._slot(letter, slot, due_at, now, counted)]
            )
        ]
        placed = {slot.target for slot in every if slot.state is SlotState.QUEUED or slot.id in real}
        placed |= approved
        unqueued = tuple(
            f"{one.slug}/{issue.id}"
            for one in letter.series.values()
            for issue in one.issues
            if f"{one.slug}/{issue.id}" not in placed
        )
        return Plan(
            tuple(sorted(planned, key=lambda one: (one.due_at, one.target))),
            unqueued,
            tuple(
                move for one in letter.series.values() for move in _moves(one, every, cadences, order, now)
            ),
            tuple(
                one
                for of in letter.series.values()
                if of.mode is Mode.CALENDAR
                for one in _empty(of, every, unqueued, now, until)
            ),
        )

    def _sequence(
        self, letter: Letter, slot: Slot, of: AppliedSeries, now: datetime, until: datetime
    ) -> list[PlannedSlot]:
        with self.database.reading() as tx:
            weeks = weeks_of(tx, of, slot, now, until)
            rows = {row.id: row for row in series.issues(tx, of.id)}
            pacing = self.paces.of(of.provider)
            too_many = held_for_size(tx, of, weeks[0].due.total()) if pacing else ""
        changed = {
            part: tuple(f"{part.slug}: {one}" for one in self._blockers(letter, of.slug, part.slug, row))
            for part in {part for week in weeks for part in week.issues}
            if (row := rows[part.issue_id].source_hash) is not None
        }
        found = []
        for number, week in enumerate(weeks):
            length = pacing.length(week.due.total(), now) if pacing else None
            instants = _waves(of, week.local_date, week.due)
            note = clock_note(week.local_date, of.cadence.time, of.cadence.zone)
            found.append(
                PlannedSlot(
                    target=of.slug,
                    subject="",
                    local_date=week.local_date,
                    due_at=instants[0].due_at if instants else opens_at(of.cadence, week.local_date),
                    zone=of.cadence.zone,
                    recipients=week.due.total(),
                    excluded={verdict.value: n for verdict, n in week.excluded.items()},
                    blockers=(
                        *unknown_provider(of, self.paces.names),
                        *paused([(of.slug, of.paused_at)]),
                        *([f"it will be held: {too_many}"] if too_many and not number else []),
                        *(waited_for(of, part, people) for part, people in week.waiting.items()),
                        *(one for part in week.issues for one in changed.get(part, ())),
                        *too_slow(length),
                    ),
                    notes=(
                        *([note] if note else []),
                        *other_provider(of, letter.series.get(of.slug)),
                        *(hour_passed(of, instants, now) if not number else ()),
                        *over_days(length),
                    ),
                    length=length,
                    waves=instants,
                    each_zone=of.cadence.each_zone,
                    issues={part.slug: people for part, people in sorted(week.issues.items(), key=_place)},
                    provider=of.provider,
                )
            )
        return found

    def _slot(
        self, letter: Letter, slot: Slot, due_at: datetime, now: datetime, counted: dict[object, _ByZone]
    ) -> PlannedSlot:
        with self.database.reading() as tx:
            of = series.find(tx, slot.series)
            assert of is not None, "a slot has a series"
            assert slot.issue_id is not None, "a calendar's slot has an issue"
            assert slot.revision is not None, "and a revision of it"
            by_zone = _count(tx, slot.series_id, slot.issue_id, max(now, due_at), counted)
            approved = revisions.get(tx, slot.revision)
            row = next(one for one in series.issues(tx, slot.series_id) if one.id == slot.issue_id)
            counts = _by_verdict(by_zone)
            recipients = counts.get(Verdict.DUE, 0)
            pacing = self.paces.of(of.provider)
            too_many = held_for_size(tx, of, recipients) if pacing else ""
        cadence = of.cadence
        planned = _waves(of, slot.local_date, _due(of, by_zone))
        note = clock_note(slot.local_date, cadence.time, cadence.zone)
        length = pacing.length(recipients, now) if pacing else None
        return PlannedSlot(
            target=slot.target,
            subject=approved.subject_line,
            local_date=slot.local_date,
            due_at=planned[0].due_at if planned else due_at,
            zone=cadence.zone,
            recipients=recipients,
            excluded={verdict.value: n for verdict, n in counts.items() if verdict is not Verdict.DUE},
            blockers=(
                *unknown_provider(of, self.paces.names),
                *paused([(of.slug, of.paused_at), (row.target, row.paused_at)]),
                *([f"it will be held: {too_many}"] if too_many else []),
                *self._blockers(letter, slot.series, slot.issue, approved.source_hash),
                *too_slow(length),
            ),
            notes=(
                *([note] if note else []),
                *other_provider(of, letter.series.get(of.slug)),
                *hour_passed(of, planned, now),
                *over_days(length),
            ),
            length=length,
            waves=planned,
            each_zone=cadence.each_zone,
            provider=of.provider,
        )

    def _blockers(self, letter: Letter, slug: str, issue_id: str, approved: str) -> list[str]:
        of = letter.series.get(slug)
        issue = of.issue(issue_id) if of else None
        if of is None or issue is None:
            return ["its files are gone; what was approved is sent"]
        try:
            composed = self.composing.compose(letter, of, issue)
        except NewsletterError as error:
            return [str(error)]
        blockers = [f"{one.rule}: {one.what}" for one in errors_of(list(composed.findings))]
        if composed.revision.source_hash != approved:
            blockers.append(f"changed since approval; approve it with: newsletter queue {slug}/{issue_id}")
        return blockers


def _moves(
    of: Series,
    every: Sequence[Slot],
    cadences: Mapping[int, Cadence],
    order: Sequence[tuple[str, str]],
    now: datetime,
) -> list[PlannedMove]:
    """Compare what is queued with what the next `queue` makes of it."""
    mine = [slot for slot in every if slot.series == of.slug]
    applied = [issue for slug, issue in order if slug == of.slug]
    has_new_order = is_reordered(applied, [issue.id for issue in of.issues])
    days = new_dates(of, mine, now, is_reordered=has_new_order)
    found = []
    for slot in (one for one in mine if one.state is SlotState.QUEUED):
        was = cadences[slot.series_id].due_at(slot.local_date)
        becomes = of.cadence.due_at(days.get(slot.issue, slot.local_date))
        if was != becomes and was > now:
            found.append(PlannedMove(slot.target, was, becomes, of.cadence.zone))
    return found


def _empty(
    of: Series, every: Sequence[Slot], unqueued: Sequence[str], now: datetime, until: datetime
) -> list[EmptySlot]:
    """List the dates that a series has no approved issue for, while it has issues that could have them."""
    left = sum(target.startswith(f"{of.slug}/") for target in unqueued)
    taken = {slot.local_date for slot in every if slot.series == of.slug}
    dates = takewhile(lambda day: of.cadence.due_at(day) <= until, of.cadence.dates(now))
    free = islice((day for day in dates if day not in taken), left)
    return [EmptySlot(of.slug, day, of.cadence.due_at(day), of.cadence.zone) for day in free]


def _count(
    tx: Connection, series_id: int, issue_id: int, at: datetime, counted: dict[object, _ByZone]
) -> _ByZone:
    """Count who will be due at an instant; once for all issues of a series that nobody has anything of."""
    is_touched = audience.is_touched(tx, issue_id) or audience.has_pauses(tx, series_id, at)
    key = (series_id, issue_id if is_touched else None)
    if key not in counted:
        counted[key] = audience.counts_by_zone(tx, series_id, issue_id, REAL, at)
    return counted[key]


def _by_verdict(by_zone: _ByZone) -> Counter[Verdict]:
    counts: Counter[Verdict] = Counter()
    for (_, verdict), number in by_zone.items():
        counts[verdict] += number
    return counts


def _due(of: AppliedSeries, by_zone: _ByZone) -> Counter[str]:
    """Count who is due by zone; whoever has none has that of the cadence."""
    due: Counter[str] = Counter()
    for (zone, verdict), number in by_zone.items():
        if verdict is Verdict.DUE:
            due[zone or of.cadence.zone] += number
    return due


def _waves(of: AppliedSeries, day: date, due: Mapping[str, int]) -> tuple[PlannedWave, ...]:
    """Deal those who are due out to the instants of a slot; only instants that somebody has."""
    planned = []
    for wave in waves(of.cadence, day):
        zones = dict(due) if wave.zones is None else {zone: due[zone] for zone in wave.zones if due.get(zone)}
        if zones:
            planned.append(PlannedWave(wave.due_at, sum(zones.values()), zones))
    return tuple(planned)


def _place(one: tuple[Part, int]) -> int:
    return one[0].position
